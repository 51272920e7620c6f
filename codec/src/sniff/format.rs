//! The supported formats and their names.
//!
//! Owns one table. Invariant: every format has exactly one extension, and `FromStr` is the inverse of `Display`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A still or animated image.
    Photo,
    /// Audio without video (cover art does not count).
    Audio,
    /// Video, with or without audio.
    Video,
}

/// A supported format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG, JFIF or Exif.
    Jpeg,
    /// PNG, still or animated.
    Png,
    /// WebP, lossy, lossless or animated.
    Webp,
    /// GIF 87a or 89a.
    Gif,
    /// HEIF with AV1 images.
    Avif,
    /// HEIF with HEVC images.
    Heic,
    /// ISO base media: MP4, M4V, 3GP.
    Mp4,
    /// QuickTime.
    Mov,
    /// The WebM profile of Matroska.
    Webm,
    /// Matroska.
    Mkv,
    /// MPEG-1/2/2.5 layer III, with or without ID3.
    Mp3,
    /// ISO base media that declares only audio.
    M4a,
    /// RIFF or RF64 wave.
    Wav,
    /// Native FLAC.
    Flac,
    /// Ogg with Opus, Vorbis or FLAC inside.
    Ogg,
}

struct Row {
    format: Format,
    extension: &'static str,
    content_type: &'static str,
    kind: Kind,
}

const fn row(format: Format, extension: &'static str, content_type: &'static str, kind: Kind) -> Row {
    Row { format, extension, content_type, kind }
}

/// Content types: RFC 9649 (WebP), RFC 9639 (FLAC), RFC 9559 (Matroska), RFC 5334 (Ogg), RFC 3003 (MP3), IANA for the
/// rest.
const ROWS: [Row; 15] = [
    row(Format::Jpeg, "jpeg", "image/jpeg", Kind::Photo),
    row(Format::Png, "png", "image/png", Kind::Photo),
    row(Format::Webp, "webp", "image/webp", Kind::Photo),
    row(Format::Gif, "gif", "image/gif", Kind::Photo),
    row(Format::Avif, "avif", "image/avif", Kind::Photo),
    row(Format::Heic, "heic", "image/heic", Kind::Photo),
    row(Format::Mp4, "mp4", "video/mp4", Kind::Video),
    row(Format::Mov, "mov", "video/quicktime", Kind::Video),
    row(Format::Webm, "webm", "video/webm", Kind::Video),
    row(Format::Mkv, "mkv", "video/matroska", Kind::Video),
    row(Format::Mp3, "mp3", "audio/mpeg", Kind::Audio),
    row(Format::M4a, "m4a", "audio/mp4", Kind::Audio),
    row(Format::Wav, "wav", "audio/wav", Kind::Audio),
    row(Format::Flac, "flac", "audio/flac", Kind::Audio),
    row(Format::Ogg, "ogg", "audio/ogg", Kind::Audio),
];

impl Format {
    /// Every format.
    pub const ALL: [Self; 15] = {
        let mut all = [Self::Jpeg; 15];
        let mut at = 0;
        while at < 15 {
            all[at] = ROWS[at].format;
            at += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        // The table is in the order of the enum; a test holds that.
        &ROWS[self as usize]
    }

    /// Returns the file extension, lower case without a dot; also the format's name in events.
    pub fn extension(self) -> &'static str {
        self.row().extension
    }

    /// Returns the content type, before the file has been probed.
    pub fn content_type(self) -> &'static str {
        self.row().content_type
    }

    /// Returns the presumed kind. MP4, MOV, WebM and Matroska may turn out to contain only audio.
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// Returns the content type of a file that was probed and found to be `kind`.
    pub fn content_type_as(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Mp4, Kind::Audio) => "audio/mp4",
            (Self::M4a, Kind::Video) => "video/mp4",
            (Self::Webm, Kind::Audio) => "audio/webm",
            (Self::Mkv, Kind::Audio) => "audio/matroska",
            (Self::Ogg, Kind::Video) => "video/ogg",
            _ => self.content_type(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// The error for a text that names no supported format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("name one of the formats jpeg, png, webp, gif, avif, heic, mp4, mov, webm, mkv, mp3, m4a, wav, flac, ogg")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        ROWS.iter().find(|row| row.extension == text).map(|row| row.format).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for format in Format::ALL {
            assert_eq!(format.row().format, format);
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(format.content_type_as(format.kind()), format.content_type());
        }
        assert_eq!("pdf".parse::<Format>(), Err(UnknownFormat));
    }
}
