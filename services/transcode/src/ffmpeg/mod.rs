//! The interface to ffmpeg, ffprobe and heif-convert: command lines, child processes, and their output.
//!
//! Owns everything that knows an ffmpeg option. Does not own what is produced (that is `model`) nor where it is stored
//! (`work`). Invariant: no child process reads anything but its one input, through the demuxer chosen from the upload's
//! own first bytes, so a playlist or a `concat` list inside a file is never followed.

pub(crate) mod audio;
pub(crate) mod codecs;
pub(crate) mod file_groups;
pub(crate) mod image;
pub(crate) mod input;
pub(crate) mod launcher;
pub(crate) mod limits;
pub(crate) mod memory_budget;
pub(crate) mod memory_estimate;
pub(crate) mod motion;
pub(crate) mod packets;
pub(crate) mod playlist;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod process_error;
pub(crate) mod progress;
pub(crate) mod rejection;
mod stall;
pub(crate) mod stderr;
pub(crate) mod stderr_text;
pub(crate) mod video;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) use input::Input;
pub(crate) use launcher::{Launcher, LauncherOptions};
pub(crate) use limits::Limits;
pub(crate) use memory_budget::MemoryBudget;
pub(crate) use process::run;
pub(crate) use process_error::{ProcessError, is_disk_full};
pub(crate) use stderr_text::StderrText;

/// The programs, as configured.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    pub heif_convert: PathBuf,
    /// The sandbox of each child process; tests that only supervise a process run without.
    pub launcher: Option<Launcher>,
    /// The memory budget of all child processes.
    pub memory: MemoryBudget,
    /// Whether this ffmpeg can tone-map (it has the `zscale` and `tonemap` filters).
    pub tonemap: bool,
    /// Whether ffmpeg and ffprobe can be run.
    pub works: bool,
}

/// A command line that is not started yet.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Its working directory; relative output names are created here. It is the only place that it may write to.
    pub folder: PathBuf,
    /// The files that it may read.
    pub reads: Vec<PathBuf>,
    pub limits: Limits,
}

/// A list of arguments under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args {
    words: Vec<OsString>,
    reads: Vec<PathBuf>,
    /// Whether they are ffprobe's.
    probes: bool,
}

/// Threads of filters, unless a command sets another number. ffmpeg starts as many as there are cores for each graph,
/// and each takes 8 MiB of what the child's limit counts: on a large machine a poster would need gigabytes.
const ONE_FILTER_THREAD: &str = "-filter_threads 1 -filter_complex_threads 1";

impl Args {
    /// Starts the arguments of every ffmpeg: no keyboard input, no banner, warnings only, progress on standard output.
    pub fn ffmpeg() -> Self {
        Self::default()
            .all("-nostdin -hide_banner -nostats -y -v warning -progress pipe:1 -stats_period 0.5")
            .all(ONE_FILTER_THREAD)
    }

    /// Starts the arguments of every ffprobe: no banner, errors only.
    pub fn ffprobe() -> Self {
        Self { probes: true, ..Self::default() }.all("-hide_banner -v error")
    }

    /// Appends arguments that contain no spaces themselves.
    pub fn all(mut self, words: &str) -> Self {
        self.words.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// Appends an option and its value, whatever characters that has.
    pub fn pair(mut self, option: &str, value: impl Into<OsString>) -> Self {
        self.words.push(option.into());
        self.words.push(value.into());
        self
    }

    /// Appends one argument as it is.
    pub fn word(mut self, word: impl Into<OsString>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Appends the options of `input`.
    pub fn input(mut self, input: &Input) -> Self {
        self.words.extend(input.args(self.probes));
        if !self.reads.contains(input.path()) {
            self.reads.push(input.path().clone());
        }
        self
    }

    /// Returns the command that runs `program` with them.
    pub fn command(self, program: &Path, folder: &Path, limits: Limits) -> Command {
        Command { program: program.to_owned(), args: self.words, folder: folder.to_owned(), reads: self.reads, limits }
    }

    /// Appends the options that keep the source's own metadata (locations, names, dates) out of an output.
    pub fn no_metadata(self) -> Self {
        self.all("-map_metadata -1 -map_chapters -1 -fflags +bitexact")
    }

    /// Appends the HLS muxer: fragmented MP4 segments `NAME-N.m4s`, their list `NAME.m3u8`, the header `NAME.init.mp4`.
    ///
    /// `frag_discont` lets decode times continue from the chunk's start instead of beginning at 0 again, so one header
    /// serves all chunks.
    pub fn hls(self, name: &str, target_seconds: f64, first_segment: u32) -> Self {
        self.all(
            "-avoid_negative_ts disabled -f hls -hls_list_size 0 -hls_flags temp_file -hls_segment_type fmp4 \
             -hls_segment_options movflags=+frag_discont",
        )
        .pair("-hls_time", format!("{target_seconds:.6}"))
        .pair("-start_number", first_segment.to_string())
        .pair("-hls_fmp4_init_filename", format!("{name}.init.mp4"))
        .pair("-hls_segment_filename", format!("{name}-%d.m4s"))
        .word(format!("{name}.m3u8"))
    }
}

/// The programs as configured, and their environment.
pub(crate) struct ToolOptions<'a> {
    pub ffmpeg: &'a str,
    pub ffprobe: &'a str,
    pub heif_convert: &'a str,
    pub launcher: LauncherOptions,
    /// Memory for all child processes together, in bytes; 0 for a fraction of the machine's.
    pub memory_bytes: u64,
    /// The folder in which programs are tested.
    pub folder: &'a Path,
}

impl Tools {
    /// Detects which optional features this machine has.
    pub async fn find(options: ToolOptions<'_>) -> Self {
        let ToolOptions { ffmpeg, ffprobe, heif_convert, launcher, memory_bytes, folder } = options;
        let trial = folder.join("trial");
        let (ffmpeg, ffprobe, heif_convert) = tokio::join!(locate(ffmpeg), locate(ffprobe), locate(heif_convert));
        let launcher = Launcher::find(launcher, &trial).await;
        // Queried in the sandbox, as in later runs: a program that is queried outside of it even once could do there
        // what it must not.
        let filters = launcher.output_of(&ffmpeg, &["-hide_banner", "-v", "error", "-filters"], &trial).await;
        let version = launcher.output_of(&ffprobe, &["-version"], &trial).await;
        let _ = tokio::fs::remove_dir_all(&trial).await;
        let has = |name: &str| filters.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
        let (tonemap, works) = (has("zscale") && has("tonemap"), !filters.is_empty() && !version.is_empty());
        Self {
            ffmpeg,
            ffprobe,
            heif_convert,
            launcher: Some(launcher),
            memory: MemoryBudget::new(memory_bytes),
            tonemap,
            works,
        }
    }
}

/// Returns the path of a program: child processes get a fixed search path, so a program on the operator's own path is
/// located once, here. It is not run.
async fn locate(program: &str) -> PathBuf {
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", "command -v -- \"$1\"", "sh", program]).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let found = match tokio::time::timeout(std::time::Duration::from_secs(10), shell.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => String::new(),
    };
    if found.starts_with('/') { found.into() } else { program.into() }
}
