//! The one file that a child process may read, and the options for it.
//!
//! Invariant: it is a local file, and its demuxer and decoders are always named, never guessed by ffmpeg; so bytes that
//! look like a playlist, a `concat` list or a reference to another file are not followed, and no child process ever
//! needs the network.

use std::ffi::OsString;
use std::path::PathBuf;

use codec::sniff::Format;

use super::codecs::whitelist;

/// An input of ffmpeg or ffprobe.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    path: PathBuf,
    demuxer: &'static str,
}

impl Input {
    /// Returns an upload as an input; `None` if its format is not for ffmpeg (photos).
    pub fn of(path: PathBuf, format: Format) -> Option<Self> {
        Some(Self { path, demuxer: demuxer(format)? })
    }

    /// Returns an animated picture as an input; `None` if ffmpeg does not read its format.
    pub fn of_animation(path: PathBuf, format: Format) -> Option<Self> {
        let demuxer = match format {
            Format::Gif => "gif",
            Format::Png => "apng",
            Format::Avif => "mov",
            _ => return None,
        };
        Some(Self { path, demuxer })
    }

    /// Its path.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Returns the options for reading it, ending with `-i`. `probes` is for ffprobe, see [`whitelist`].
    pub fn args(&self, probes: bool) -> Vec<OsString> {
        let mut args: Vec<OsString> =
            ["-protocol_whitelist", "file,pipe", "-format_whitelist", self.demuxer, "-codec_whitelist"]
                .map(OsString::from)
                .to_vec();
        args.push(whitelist(self.demuxer, probes).into());
        args.extend(["-f", self.demuxer].map(OsString::from));
        if self.demuxer == "mov" {
            // Both are off by default; set explicitly because they would let a file reference other files (QuickTime
            // data references).
            args.extend(["-enable_drefs", "0", "-use_absolute_path", "0"].map(OsString::from));
        }
        if self.demuxer == "apng" {
            // Frames of 10 ms or less are shown for 100 ms, as browsers do and ffmpeg does with GIF.
            args.extend(["-default_fps", "10", "-max_fps", "99"].map(OsString::from));
        }
        let mut url = OsString::from("file:");
        url.push(&self.path);
        args.extend(["-i".into(), url]);
        args
    }
}

/// Returns ffmpeg's name for the demuxer of a format.
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
        let words = |format, probes| -> String {
            let args: Vec<String> = Input::of("/data/ab/x".into(), format)
                .unwrap()
                .args(probes)
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned())
                .collect();
            args.join(" ")
        };
        let list = whitelist("mov", false);
        assert_eq!(
            words(Format::Mp4, false),
            format!(
                "-protocol_whitelist file,pipe -format_whitelist mov -codec_whitelist {list} -f mov -enable_drefs 0 \
                 -use_absolute_path 0 -i file:/data/ab/x"
            )
        );
        for format in [
            Format::Mp4,
            Format::Mov,
            Format::M4a,
            Format::Webm,
            Format::Mkv,
            Format::Mp3,
            Format::Wav,
            Format::Flac,
            Format::Ogg,
        ] {
            let words = words(format, true);
            assert!(
                words.starts_with("-protocol_whitelist file,pipe -format_whitelist ")
                    && !words.contains("codec_whitelist  "),
                "{words}"
            );
            assert!(!words.contains("http") && !words.contains("tcp"), "a child never opens a connection: {words}");
        }
    }

    #[test]
    fn of_photos_only_animations_go_to_ffmpeg() {
        for format in [Format::Jpeg, Format::Png, Format::Gif, Format::Webp, Format::Avif, Format::Heic] {
            assert!(Input::of("x".into(), format).is_none());
        }
        for format in [Format::Jpeg, Format::Webp, Format::Heic, Format::Mp4] {
            assert!(Input::of_animation("x".into(), format).is_none());
        }
        let args = Input::of_animation("/x".into(), Format::Gif).unwrap().args(false);
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(
            words.join(" "),
            "-protocol_whitelist file,pipe -format_whitelist gif -codec_whitelist gif -f gif -i file:/x"
        );
    }
}
