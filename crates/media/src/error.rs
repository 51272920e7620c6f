//! The errors of media, as problems that clients receive.
//!
//! Invariant: a stranger can't tell a private item from one that does not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Problem;
use kit::bus::Transient;

/// An error of media. Sizes are in bytes unless the field says otherwise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("There is no such media, or it is not yours to see.")]
    NotFound,
    #[error("You have no media {0}. Nothing was claimed.")]
    NotOwned(String),
    #[error("{0} was claimed for another subject already. Nothing was claimed.")]
    AlreadyClaimed(String),
    #[error("{0}")]
    Invalid(String),
    #[error("The file is empty. Choose another.")]
    EmptyFile,
    #[error(
        "This is {0}. Send a photo (JPEG, PNG, WebP, GIF, AVIF, HEIC), an audio file (MP3, M4A, WAV, FLAC, Ogg) or a video (MP4, MOV, WebM, MKV)."
    )]
    UnsupportedType(&'static str),
    #[error("The file is larger than {} MB, the limit for {what}.", .max / 1_048_576)]
    TooLarge { max: u64, what: &'static str },
    #[error(
        "The image is {0} × {1} pixels. Make it smaller: at most {2} megapixels and {3} pixels on its longest side."
    )]
    TooManyPixels(u32, u32, u64, u32),
    #[error("The animation is too long. Send at most {0} frames, or a video instead.")]
    TooManyFrames(u32),
    #[error("The photo has more than {0} progressive scans. Save it as a baseline JPEG.")]
    TooManyScans(u32),
    #[error("The photo consists of too many images. Save it as a JPEG.")]
    TooManyPictures,
    #[error(
        "The audio has {rate} samples per second. Convert it to between {min} and {max}; 44100 and 48000 are usual."
    )]
    SampleRate { rate: u32, min: u32, max: u32 },
    #[error("The audio has {0} channels. Mix it down to at most {1}.")]
    TooManyChannels(u32, u32),
    #[error(
        "The file has {0} tracks and attachments. Export it with one video track and one audio track; the limit is {1}."
    )]
    TooManyTracks(u32, u32),
    #[error("The file lists more samples than a recording of its length can have. Export it again.")]
    TooManySamples,
    #[error(
        "The edit list of the file has {0} entries, which is too many. Export the file again, so that its edits are applied."
    )]
    TooManyEdits(u64),
    #[error(
        "The cover image or the tags in the file are too large. The limits are {0} megapixels for the cover and {1} MB for all tags."
    )]
    CoverTooLarge(u64, u64),
    #[error("The recording is longer than {0} minutes. Send it in parts.")]
    TooLong(u64),
    #[error("The file is damaged: {0}. Send it again from the original.")]
    BrokenFile(String),
    #[error("The upload ended before the whole file arrived. Send it again.")]
    Incomplete,
    #[error("The upload is longer than announced. Send it again with the right length.")]
    LengthExceeded,
    #[error("The digest of the bytes that arrived differs from the announced one. Send the file again.")]
    DigestMismatch,
    #[error("The digest can't be read. Send it as `Repr-Digest: sha-256=:<base64>:`.")]
    BadDigest,
    #[error(
        "The client sent fewer than {0} bytes per second. Try again with a better connection, or use a resumable upload (/v1/uploads)."
    )]
    TooSlow(u64),
    #[error("Send the file without Content-Encoding, which is not supported here.")]
    ContentEncoding,
    #[error("Your library is full: {} MB of {} MB are used. Delete something first.", .used / 1_048_576, .max / 1_048_576)]
    QuotaBytes { used: u64, max: u64 },
    #[error("Your library is full: it has {0} items, which is the limit. Delete something first.")]
    QuotaItems(u64),
    #[error("You have sent {max} files within an hour, which is the limit. Continue in {} minutes.", .wait.as_secs().div_ceil(60))]
    QuotaRate { max: u64, wait: Duration },
    #[error("This account was erased, and nothing is stored under it any more. Sign up again to send files.")]
    AccountClosed,
    #[error("You have {0} unfinished uploads, which is the limit. Finish or cancel some first.")]
    QuotaUploads(u64),
    #[error("The server is receiving too many files right now. Try again in a few seconds.")]
    Busy,
    #[error("Too many clients follow this item already. Poll it instead, or try again later.")]
    TooManyFollowers,
    #[error("You are reading {0} pages of your library at once, which is the limit. Wait for one of them to finish.")]
    TooManyLists(usize),
    #[error("The server is reading too many libraries right now. Try again in a moment.")]
    ListsBusy,
    #[error("There is no such upload. It was never created, was cancelled, or has expired. Create a new one.")]
    NoSuchUpload,
    #[error("The upload is at offset {0}, which differs from `Upload-Offset`. Ask with HEAD and continue from there.")]
    WrongOffset(u64),
    #[error("Another request has taken over this upload. Ask with HEAD and continue from there.")]
    TakenOver,
    #[error("The bytes of this request do not match their Upload-Checksum and were discarded. Send them again.")]
    ChecksumMismatch,
    #[error("{0}")]
    BadTusRequest(&'static str),
    #[error("Send the bytes with `Content-Type: application/offset+octet-stream`.")]
    NotOffsetStream,
    #[error("This server supports tus 1.0.0. Send `Tus-Resumable: 1.0.0`.")]
    TusVersion,
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("the database failed")]
    Db(#[from] kit::db::Error),
    #[error("the database failed")]
    SharedDb(#[source] Arc<kit::db::Error>),
    #[error("the store failed")]
    Objects(#[from] kit::objects::Error),
    #[error("a background task ended early")]
    TaskFailed,
}

/// A problem that another layer has built already, such as a rejected token.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
pub(crate) struct Rejection(pub Problem);

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Rejected(Rejection(problem))
    }
}

impl Error {
    /// Returns whether the bytes of the upload themselves are refused, so that resuming it cannot help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::EmptyFile
                | Self::UnsupportedType(_)
                | Self::TooLarge { .. }
                | Self::TooManyPixels(..)
                | Self::TooManyFrames(_)
                | Self::TooManyScans(_)
                | Self::TooManyPictures
                | Self::SampleRate { .. }
                | Self::TooManyChannels(..)
                | Self::TooManyTracks(..)
                | Self::TooManySamples
                | Self::TooManyEdits(_)
                | Self::CoverTooLarge(..)
                | Self::TooLong(_)
                | Self::BrokenFile(_)
        )
    }

    pub(crate) fn problem(self) -> Problem {
        let (status, code) = match &self {
            Self::NotFound | Self::NotOwned(_) => (StatusCode::NOT_FOUND, "media.not_found"),
            Self::AlreadyClaimed(_) => (StatusCode::CONFLICT, "media.already_claimed"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "request.invalid"),
            Self::EmptyFile => (StatusCode::UNPROCESSABLE_ENTITY, "media.empty"),
            Self::UnsupportedType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media.unsupported_type"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "media.too_large"),
            Self::TooManyPixels(..) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_pixels"),
            Self::TooManyFrames(_) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_frames"),
            Self::TooManyScans(_) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_scans"),
            Self::TooManyPictures => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_pictures"),
            Self::SampleRate { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "media.bad_sample_rate"),
            Self::TooManyChannels(..) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_channels"),
            Self::TooManyTracks(..) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_tracks"),
            Self::TooManySamples => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_samples"),
            Self::TooManyEdits(_) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_many_edits"),
            Self::CoverTooLarge(..) => (StatusCode::UNPROCESSABLE_ENTITY, "media.cover_too_large"),
            Self::TooLong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "media.too_long"),
            Self::BrokenFile(_) => (StatusCode::UNPROCESSABLE_ENTITY, "media.broken_file"),
            Self::Incomplete => (StatusCode::BAD_REQUEST, "media.incomplete"),
            Self::LengthExceeded => (StatusCode::BAD_REQUEST, "media.too_much"),
            Self::DigestMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "media.digest_mismatch"),
            Self::BadDigest => (StatusCode::BAD_REQUEST, "media.bad_digest"),
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "media.too_slow"),
            Self::ContentEncoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media.unsupported_content_encoding"),
            Self::QuotaBytes { .. } => (StatusCode::FORBIDDEN, "media.quota_bytes"),
            Self::QuotaItems(_) => (StatusCode::FORBIDDEN, "media.quota_items"),
            Self::QuotaUploads(_) => (StatusCode::FORBIDDEN, "media.quota_uploads"),
            Self::AccountClosed => (StatusCode::FORBIDDEN, "media.account_closed"),
            Self::QuotaRate { wait, .. } => {
                let wait = *wait;
                return Problem::new(StatusCode::TOO_MANY_REQUESTS, "media.quota_rate", self.to_string())
                    .retry_after(wait);
            }
            Self::Busy => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "media.busy", self.to_string())
                    .retry_after(Duration::from_secs(3));
            }
            Self::TooManyFollowers => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "media.too_many_followers", self.to_string())
                    .retry_after(Duration::from_secs(10));
            }
            Self::TooManyLists(_) => (StatusCode::TOO_MANY_REQUESTS, "media.too_many_lists"),
            Self::ListsBusy => (StatusCode::SERVICE_UNAVAILABLE, "media.lists_busy"),
            Self::NoSuchUpload => (StatusCode::NOT_FOUND, "media.no_such_upload"),
            Self::WrongOffset(_) => (StatusCode::CONFLICT, "media.wrong_offset"),
            Self::TakenOver => (StatusCode::CONFLICT, "media.taken_over"),
            Self::ChecksumMismatch => {
                (StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST), "media.checksum_mismatch")
            }
            Self::BadTusRequest(_) => (StatusCode::BAD_REQUEST, "media.bad_upload_request"),
            Self::NotOffsetStream => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media.not_offset_stream"),
            Self::TusVersion => (StatusCode::PRECONDITION_FAILED, "media.tus_version"),
            Self::Rejected(_) | Self::Db(_) | Self::SharedDb(_) | Self::Objects(_) | Self::TaskFailed => {
                return match self {
                    Self::Rejected(Rejection(problem)) => problem,
                    Self::Db(error) => error.into(),
                    Self::SharedDb(error) => (&*error).into(),
                    Self::Objects(error) => error.into(),
                    other => Problem::fault(&other),
                };
            }
        };
        Problem::new(status, code, self.to_string())
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::SharedDb(error) => error.is_transient(),
            Self::Objects(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}
