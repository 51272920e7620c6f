//! The video clips of the benchmark: 30 s of 1080p in the formats that the scenarios need, and short ones.
//!
//! ffmpeg makes them from a generated picture or from a video that the caller names; they are kept between runs.
//! Invariant: each upload of a clip has other bytes ([`Clips::unique`]), so no result comes from an earlier conversion.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, process};

/// A format of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clip {
    /// What most phones and cameras record: H.264 High 8-bit, AAC, under 8 Mbit/s.
    Standard,
    /// What newer phones record: HEVC 10-bit. It has to be encoded again.
    Hevc,
    /// H.264 of 16 Mbit/s: too much to be sent as it is.
    Heavy,
    /// Standard input whose 4 s segments have 1 MB.
    Megabyte,
    /// 6 s of 360p in H.264, for scenarios that convert many clips.
    Short,
    /// 8 s of 720p in H.264 4:2:2: a short clip that has to be encoded again.
    Eight,
}

impl Clip {
    /// Returns its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "H.264 6 Mbit/s",
            Self::Hevc => "HEVC 10-bit",
            Self::Heavy => "H.264 16 Mbit/s",
            Self::Megabyte => "H.264 2.1 Mbit/s",
            Self::Short => "6 s of 360p in H.264",
            Self::Eight => "8 s of 720p in H.264 4:2:2",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Standard => "standard.mp4",
            Self::Hevc => "hevc.mp4",
            Self::Heavy => "heavy.mp4",
            Self::Megabyte => "megabyte.mp4",
            Self::Short => "short.mp4",
            Self::Eight => "eight.mp4",
        }
    }

    /// Returns its size in pixels, as ffmpeg writes it, and its length in seconds.
    fn measures(self) -> (&'static str, &'static str) {
        match self {
            Self::Short => ("640:360", "6"),
            Self::Eight => ("1280:720", "8"),
            _ => ("1920:1080", "30"),
        }
    }

    fn encoder(self) -> &'static str {
        match self {
            Self::Standard => {
                "-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 5500k -maxrate 6000k -bufsize 6000k -g 120"
            }
            Self::Hevc => {
                "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -b:v 8000k -tag:v hvc1 \
                 -x265-params log-level=error"
            }
            Self::Heavy => {
                "-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 16000k -minrate 16000k -maxrate 16000k \
                 -bufsize 16000k -x264-params nal-hrd=cbr"
            }
            Self::Short => {
                "-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 1200k -maxrate 1500k -bufsize 1500k -g 60"
            }
            Self::Eight => {
                "-c:v libx264 -preset veryfast -pix_fmt yuv422p -b:v 3000k -maxrate 4000k -bufsize 4000k -g 250"
            }
            Self::Megabyte => {
                "-c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 2070k -minrate 2070k -maxrate 2070k \
                 -bufsize 1000k -g 250 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced*4) \
                 -x264-params nal-hrd=cbr"
            }
        }
    }
}

/// The folder of the clips, and their source.
#[derive(Debug)]
pub struct Clips {
    folder: PathBuf,
    source: Option<PathBuf>,
}

impl Clips {
    /// Returns the clips that are made from `source`, or from a generated picture.
    pub fn new(folder: &Path, source: Option<PathBuf>) -> Result<Self, Error> {
        let folder = folder.join(if source.is_some() { "given" } else { "generated" });
        std::fs::create_dir_all(&folder)?;
        if let Some(source) = &source
            && !source.is_file()
        {
            return Err(format!("{} is not a file; give a video with --clip", source.display()).into());
        }
        Ok(Self { folder, source })
    }

    /// Returns what the clips show, for the report.
    pub fn picture(&self) -> String {
        let given = self.source.as_deref().and_then(Path::file_stem).map(|name| name.to_string_lossy().into_owned());
        given.unwrap_or_else(|| "ffmpeg's testsrc2 with noise".into())
    }

    /// Returns the clip's file, and makes it if it doesn't exist.
    pub async fn get(&self, clip: Clip) -> Result<PathBuf, Error> {
        let path = self.folder.join(clip.file());
        if path.exists() {
            return Ok(path);
        }
        let unfinished = self.folder.join("unfinished.mp4");
        let mut args: Vec<String> = split_args("-nostdin -v error -y");
        let (pixels, seconds) = clip.measures();
        match &self.source {
            Some(source) => {
                args.extend(split_args("-i"));
                args.push(source.display().to_string());
            }
            None => args.extend(split_args(
                "-f lavfi -i testsrc2=size=1920x1080:rate=30,noise=alls=6:allf=t \
                 -f lavfi -i sine=frequency=330:beep_factor=3:sample_rate=48000 -map 0:v -map 1:a",
            )),
        }
        args.extend(split_args(&format!("-vf scale={pixels},setsar=1 -t {seconds}")));
        args.extend(split_args(clip.encoder()));
        args.extend(split_args("-c:a aac -b:a 128k -ac 2"));
        args.push(unfinished.display().to_string());
        eprintln!("making the clip {} …", clip.name());
        process::run("ffmpeg", args, Duration::from_mins(10)).await?;
        std::fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    /// Returns the clip's bytes, different for each `number`: a `free` box (ISO/IEC 14496-12 §8.1.2) at the end has the
    /// number.
    pub fn unique(path: &Path, number: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = std::fs::read(path)?;
        bytes.extend(24_u32.to_be_bytes());
        bytes.extend(b"free");
        bytes.extend(number.to_be_bytes());
        bytes.extend([0; 8]);
        Ok(bytes)
    }
}

/// Splits a command line into arguments; none of them may contain a space.
pub fn split_args(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
