//! The decoders that may read untrusted bytes, by container.
//!
//! Owns the one table of them: what a plan accepts and the `-codec_whitelist` of every child process both come from
//! here, so neither can allow more than the other. Invariant: a decoder that is in no row is never opened, whatever a
//! file asks for.

/// Containers, as bits.
const MOV: u8 = 1;
const MKV: u8 = 2;
const MP3: u8 = 4;
const WAV: u8 = 8;
const FLAC: u8 = 16;
const OGG: u8 = 32;
const GIF: u8 = 64;
const APNG: u8 = 128;
/// The containers into which phones, cameras and editors write videos.
const VIDEO: u8 = MOV | MKV;
/// Every audio container can carry covers.
const COVERS: u8 = MOV | MKV | MP3 | FLAC | OGG;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Video,
    Audio,
    /// An animated picture, which is in no recording.
    Picture,
    /// Opened by ffprobe, which opens every stream; never converted.
    Other,
}
use Kind::{Audio, Other, Picture, Video};

struct Row {
    /// The codec's name in ffprobe's output.
    codec: &'static str,
    kind: Kind,
    containers: u8,
    /// ffmpeg's decoders for it, in ffmpeg's order of preference.
    decoders: &'static str,
    /// The devices and programs that write it.
    #[cfg_attr(not(test), allow(dead_code, reason = "read by people, and by a test that none is empty"))]
    used_by: &'static str,
}

const fn row(codec: &'static str, kind: Kind, containers: u8, decoders: &'static str, used_by: &'static str) -> Row {
    Row { codec, kind, containers, decoders, used_by }
}

/// Decoders of third-party libraries follow ffmpeg's own, for distributions that build without those.
const TABLE: [Row; 73] = [
    row("h264", Video, VIDEO, "h264,libopenh264", "nearly every camera"),
    row("hevc", Video, VIDEO, "hevc", "phones since 2017"),
    row("av1", Video, VIDEO, "libdav1d,libaom-av1,av1", "screen recorders, downloads"),
    row("vp8", Video, VIDEO, "vp8,libvpx", "browsers' recordings"),
    row("vp9", Video, VIDEO, "vp9,libvpx-vp9", "browsers' recordings, downloads"),
    row("mpeg4", Video, VIDEO, "mpeg4", "cameras before 2010"),
    row("mpeg2video", Video, VIDEO, "mpeg2video", "camcorders, DVDs"),
    row("mpeg1video", Video, VIDEO, "mpeg1video", "old files"),
    row("mjpeg", Video, COVERS, "mjpeg", "compact cameras; covers"),
    row("png", Video, COVERS, "png", "screen recordings; covers"),
    row("prores", Video, VIDEO, "prores", "editors, phones' professional mode"),
    row("dnxhd", Video, VIDEO, "dnxhd", "editors"),
    row("h263", Video, VIDEO, "h263", "phones before 2008"),
    row("theora", Video, MKV | OGG, "theora,libtheora", "free software"),
    row("dvvideo", Video, VIDEO, "dvvideo", "tape camcorders"),
    row("msmpeg4v3", Video, VIDEO, "msmpeg4", "old downloads"),
    row("rawvideo", Video, VIDEO, "rawvideo", "capture cards"),
    row("ffv1", Video, VIDEO, "ffv1", "archives"),
    row("aac", Audio, VIDEO, "aac,libfdk_aac,aac_fixed", "nearly every phone"),
    row("mp3", Audio, VIDEO | MP3 | WAV, "mp3float,mp3", "songs"),
    row("mp2", Audio, VIDEO | MP3 | WAV, "mp2float,mp2", "camcorders"),
    row("opus", Audio, VIDEO | OGG, "opus,libopus", "browsers' recordings, voice messages"),
    row("vorbis", Audio, VIDEO | OGG, "vorbis,libvorbis", "songs"),
    row("flac", Audio, VIDEO | FLAC | OGG, "flac", "songs"),
    row("alac", Audio, VIDEO, "alac", "songs"),
    row("ac3", Audio, VIDEO | WAV, "ac3,ac3_fixed", "camcorders, discs"),
    row("eac3", Audio, VIDEO, "eac3", "discs, phones' spatial audio"),
    row("amr_nb", Audio, VIDEO, "amrnb,libopencore_amrnb", "voice memos, old phones"),
    row("amr_wb", Audio, VIDEO, "amrwb,libopencore_amrwb", "voice memos"),
    row("wavpack", Audio, MKV, "wavpack", "songs"),
    row("dts", Audio, VIDEO | WAV, "dca", "discs"),
    row("pcm_s8", Audio, VIDEO | WAV, "pcm_s8", "recorders"),
    row("pcm_u8", Audio, VIDEO | WAV, "pcm_u8", "recorders"),
    row("pcm_s16le", Audio, VIDEO | WAV, "pcm_s16le", "recorders"),
    row("pcm_s16be", Audio, VIDEO | WAV, "pcm_s16be", "recorders"),
    row("pcm_u16le", Audio, VIDEO | WAV, "pcm_u16le", "recorders"),
    row("pcm_u16be", Audio, VIDEO | WAV, "pcm_u16be", "recorders"),
    row("pcm_s24le", Audio, VIDEO | WAV, "pcm_s24le", "recorders"),
    row("pcm_s24be", Audio, VIDEO | WAV, "pcm_s24be", "recorders"),
    row("pcm_u24le", Audio, VIDEO | WAV, "pcm_u24le", "recorders"),
    row("pcm_u24be", Audio, VIDEO | WAV, "pcm_u24be", "recorders"),
    row("pcm_s32le", Audio, VIDEO | WAV, "pcm_s32le", "recorders"),
    row("pcm_s32be", Audio, VIDEO | WAV, "pcm_s32be", "recorders"),
    row("pcm_u32le", Audio, VIDEO | WAV, "pcm_u32le", "recorders"),
    row("pcm_u32be", Audio, VIDEO | WAV, "pcm_u32be", "recorders"),
    row("pcm_s64le", Audio, VIDEO | WAV, "pcm_s64le", "editors"),
    row("pcm_f32le", Audio, VIDEO | WAV, "pcm_f32le", "editors"),
    row("pcm_f32be", Audio, VIDEO | WAV, "pcm_f32be", "editors"),
    row("pcm_f64le", Audio, VIDEO | WAV, "pcm_f64le", "editors"),
    row("pcm_f64be", Audio, VIDEO | WAV, "pcm_f64be", "editors"),
    row("pcm_alaw", Audio, VIDEO | WAV, "pcm_alaw", "telephony"),
    row("pcm_mulaw", Audio, VIDEO | WAV, "pcm_mulaw", "telephony"),
    row("pcm_bluray", Audio, VIDEO, "pcm_bluray", "discs"),
    row("pcm_dvd", Audio, VIDEO, "pcm_dvd", "discs"),
    row("adpcm_ms", Audio, VIDEO | WAV, "adpcm_ms", "dictation machines"),
    row("adpcm_ima_wav", Audio, VIDEO | WAV, "adpcm_ima_wav", "dictation machines, dash cams"),
    row("adpcm_ima_qt", Audio, VIDEO, "adpcm_ima_qt", "old QuickTime"),
    row("adpcm_yamaha", Audio, VIDEO | WAV, "adpcm_yamaha", "keyboards"),
    row("adpcm_g722", Audio, VIDEO | WAV, "g722", "telephony"),
    row("adpcm_g726", Audio, VIDEO | WAV, "g726", "telephony"),
    row("gif", Picture, GIF, "gif", "animated pictures"),
    row("apng", Picture, APNG, "apng", "animated pictures, stickers"),
    row("mov_text", Other, VIDEO, "mov_text", "subtitles"),
    row("subrip", Other, VIDEO | OGG, "subrip,srt", "subtitles"),
    row("ass", Other, VIDEO, "ssa,ass", "subtitles"),
    row("webvtt", Other, VIDEO, "webvtt", "subtitles"),
    row("text", Other, VIDEO | OGG, "text", "subtitles"),
    row("dvd_subtitle", Other, VIDEO, "dvdsub", "subtitles"),
    row("hdmv_pgs_subtitle", Other, VIDEO, "pgssub", "subtitles"),
    row("dvb_subtitle", Other, VIDEO, "dvbsub", "subtitles"),
    row("eia_608", Other, VIDEO, "cc_dec", "subtitles"),
    row("truehd", Other, VIDEO, "truehd", "the second audio track of discs"),
    row("bmp", Other, COVERS, "bmp", "covers"),
];

/// Returns whether a video codec can be decoded.
pub(crate) fn decodes_video(codec: &str) -> bool {
    TABLE.iter().any(|row| row.kind == Video && row.codec == codec)
}

/// Returns whether an audio codec can be decoded.
pub(crate) fn decodes_audio(codec: &str) -> bool {
    TABLE.iter().any(|row| row.kind == Audio && row.codec == codec)
}

/// Returns the decoders that a child process may open for an input of this demuxer, in the format of ffmpeg's
/// `-codec_whitelist`. ffprobe opens a decoder for every stream and ends at the first that is not allowed, so it also
/// gets those of streams `beside`.
pub(crate) fn whitelist(demuxer: &str, include_other: bool) -> String {
    let container = match demuxer {
        "mov" => MOV,
        "matroska" => MKV,
        "mp3" => MP3,
        "wav" => WAV,
        "flac" => FLAC,
        "ogg" => OGG,
        "gif" => GIF,
        "apng" => APNG,
        _ => 0,
    };
    let rows = TABLE.iter().filter(|row| row.containers & container != 0 && (include_other || row.kind != Other));
    rows.map(|row| row.decoders).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decoder_has_a_reason_and_a_container() {
        for row in &TABLE {
            assert!(!row.used_by.is_empty() && row.containers != 0 && !row.decoders.is_empty(), "{}", row.codec);
        }
        let names: std::collections::BTreeSet<&str> = TABLE.iter().map(|row| row.codec).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn a_container_gets_its_own_decoders_only() {
        assert_eq!(whitelist("mp3", false), "mjpeg,png,mp3float,mp3,mp2float,mp2");
        assert!(!whitelist("wav", true).contains("h264") && whitelist("wav", false).contains("pcm_s24le"));
        assert!(whitelist("mov", false).starts_with("h264,") && !whitelist("mov", false).contains("mov_text"));
        assert!(whitelist("mov", true).contains("mov_text"));
        assert_eq!((whitelist("gif", false).as_str(), whitelist("apng", false).as_str()), ("gif", "apng"));
        assert_eq!(whitelist("hls", true), "", "what has no row gets nothing");
        assert!(
            decodes_video("h264")
                && !decodes_video("flv1")
                && !decodes_video("gif")
                && decodes_audio("pcm_s16le")
                && !decodes_audio("tta")
                && !decodes_audio("truehd")
        );
    }
}
