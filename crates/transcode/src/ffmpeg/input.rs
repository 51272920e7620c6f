//! The one thing a child may read, and how.
//!
//! Invariant: the demuxer is always named, never guessed by ffmpeg, and the protocols are those of the one
//! address, and of nothing that it may be sent on to; so bytes that look like a playlist, a `concat` list or a reference to another file stay bytes.

use std::ffi::OsString;

use codec::sniff::Format;
use kit::objects::Source;

/// An input of ffmpeg or ffprobe.
#[derive(Clone)]
pub(crate) struct Input {
    address: OsString,
    protocols: &'static str,
    demuxer: &'static str,
    /// How a source elsewhere is read: nothing for a file.
    network: &'static [&'static str],
}

impl std::fmt::Debug for Input {
    /// Without the address, which may let in whoever has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("demuxer", &self.demuxer).finish_non_exhaustive()
    }
}

/// A silence of eight seconds (in microseconds) breaks a connection; one that broke is opened again where it was, for some ten seconds. A
/// store that stays away longer fails the piece, which is tried again.
const NETWORK: [&str; 12] =
    ["-rw_timeout", "8000000", "-reconnect", "1", "-reconnect_on_network_error", "1", "-reconnect_on_http_error", "5xx", "-reconnect_delay_max", "4", "-seekable", "1"];

impl Input {
    /// An upload as an input; `None` if its format is not for ffmpeg (photos).
    pub fn of(source: &Source, format: Format) -> Option<Self> {
        let demuxer = demuxer(format)?;
        Some(match source {
            Source::File(path) => {
                let mut address = OsString::from("file:");
                address.push(path);
                Self { address, protocols: "file,pipe", demuxer, network: &[] }
            }
            Source::Url(url) => {
                let protocols = if url.starts_with("https:") { "https,tls,tcp" } else { "http,tcp" };
                Self { address: url.into(), protocols, demuxer, network: &NETWORK }
            }
        })
    }

    /// The options that say what is read and how, ending with `-i`.
    pub fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["-protocol_whitelist".into(), self.protocols.into(), "-f".into(), self.demuxer.into()];
        if self.demuxer == "mov" {
            // Both are off by default; said aloud because they would let a file name other files (QuickTime data references).
            args.extend(["-enable_drefs", "0", "-use_absolute_path", "0"].map(OsString::from));
        }
        args.extend(self.network.iter().map(OsString::from));
        args.push("-i".into());
        args.push(self.address.clone());
        args
    }
}

/// ffmpeg's name for the demuxer of a format.
fn demuxer(format: Format) -> Option<&'static str> {
    match format {
        Format::Mp4 | Format::Mov | Format::M4a => Some("mov"),
        Format::Webm | Format::Mkv => Some("matroska"),
        Format::Mp3 => Some("mp3"),
        Format::Wav => Some("wav"),
        Format::Flac => Some("flac"),
        Format::Ogg => Some("ogg"),
        Format::Jpeg | Format::Png | Format::Webp | Format::Gif | Format::Avif | Format::Heic => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demuxer_and_the_protocols_are_always_named() {
        let input = Input::of(&Source::File("/data/ab/x".into()), Format::Mp4).unwrap();
        let args: Vec<String> = input.args().iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(args.join(" "), "-protocol_whitelist file,pipe -f mov -enable_drefs 0 -use_absolute_path 0 -i file:/data/ab/x");
        let remote = Input::of(&Source::Url("https://store/x?sig=1".into()), Format::Webm).unwrap();
        assert!(!remote.args().iter().any(|arg| arg.to_string_lossy().contains("file")));
        assert!(remote.args().iter().any(|arg| arg == "-rw_timeout"), "a store that stands still must not hold a child for ever");
    }

    #[test]
    fn photos_never_go_to_ffmpeg() {
        assert!(Input::of(&Source::File("x".into()), Format::Jpeg).is_none());
    }
}
