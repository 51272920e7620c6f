//! Why a file cannot be converted, in a sentence for the member who uploaded it.
//!
//! Invariant: one row per reason; codes are permanent, sentences say what to do and never quote the converter.

/// A reason that persists on a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RejectReason {
    #[error("There is neither a video nor audio in this file; export it again and upload that.")]
    NoAudioOrVideo,
    #[error("There is no audio in this file; export it again and upload that.")]
    NoAudio,
    #[error("This file is damaged or incomplete; export it again and upload that.")]
    BrokenFile,
    #[error("This file uses {0}, which cannot be converted; export it as H.264 and AAC, for example, and upload that.")]
    UnsupportedCodec(String),
    #[error("This file is longer than {0} hours, which is the limit; split it and upload the parts.")]
    TooLong(u64),
    #[error("This file has more than {0} tracks; export it with one video and one audio track.")]
    TooManyStreams(u32),
    #[error("The video is larger than {0}×{0} pixels; export it in a smaller size.")]
    TooLarge(u32),
    #[error("The video has more than {0} megapixels; export it in a smaller size.")]
    TooManyPixels(u64),
    #[error("The audio has {0} samples per second, which cannot be converted; export it with 44100 or 48000.")]
    SampleRate(u32),
    #[error("The audio has more than {0} channels; mix it down to stereo, for example, and upload that.")]
    TooManyChannels(u32),
    #[error("This file is copy-protected and cannot be converted; upload one without protection.")]
    Protected,
    #[error("Converting this file took too long and was cancelled; export it as a plain MP4 and upload that.")]
    TimedOut,
    #[error("Decoding this photo took too long and was cancelled; export it as JPEG and upload that.")]
    PhotoTimedOut,
    #[error(
        "Probing this file took longer than {0} seconds, which is the limit; export it again as a plain MP4 or MP3 \
         and upload that."
    )]
    ProbeTimedOut(u64),
    #[error("Converting this file took more memory or disk space than allowed; export it in a smaller size.")]
    TooHeavy,
    #[error(
        "This file needs more memory to convert than the {0} MB that are available; export it in a smaller size \
         (1080p, for example) and upload that."
    )]
    TooMuchMemory(u64),
    #[error("This photo cannot be read; export it as JPEG and upload that.")]
    BadPhoto,
    #[error("{0}")]
    Photo(String),
    #[error("This file could not be converted after several attempts; the original is kept. Upload it again later.")]
    GaveUp,
}

impl RejectReason {
    /// Returns whether a busy machine may be the cause, so that a second attempt is worthwhile.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut | Self::PhotoTimedOut | Self::ProbeTimedOut(_))
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAudioOrVideo => "transcode.no_audio_or_video",
            Self::NoAudio => "transcode.no_audio",
            Self::BrokenFile => "transcode.broken_file",
            Self::UnsupportedCodec(_) => "transcode.unsupported_codec",
            Self::TooLong(_) => "transcode.too_long",
            Self::TooManyStreams(_) => "transcode.too_many_streams",
            Self::TooLarge(_) | Self::TooManyPixels(_) => "transcode.too_large",
            Self::SampleRate(_) => "transcode.bad_sample_rate",
            Self::TooManyChannels(_) => "transcode.too_many_channels",
            Self::Protected => "transcode.protected",
            Self::TimedOut | Self::PhotoTimedOut => "transcode.timed_out",
            Self::ProbeTimedOut(_) => "transcode.probe_timed_out",
            Self::TooHeavy => "transcode.too_heavy",
            Self::TooMuchMemory(_) => "transcode.too_much_memory",
            Self::BadPhoto | Self::Photo(_) => "transcode.bad_photo",
            Self::GaveUp => "transcode.gave_up",
        }
    }
}
