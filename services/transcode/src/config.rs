//! The section `[transcode]` of the configuration.
//!
//! Invariant: every default works on a laptop with two cores; no value changes the result of a conversion, only how
//! fast it is and how many run at once.

use std::time::Duration;

use base::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::{LauncherOptions, Limits};
use crate::model::Queue;
use crate::model::plan::Accepted;

/// The settings of conversion in this process.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many tasks that members wait for (the first seconds, the finish) run at once for one member; 0 means one per
    /// core. The same number applies to probes, and half of it, rounded up, each to audio, photos, heavy photos and
    /// background tasks: with 4, sixteen tasks in all. Each of the six queues has one more slot, which only another
    /// member can use, so no member waits until another member's task is complete.
    pub workers: usize,
    /// The ffmpeg program, by name or path.
    pub ffmpeg: String,
    /// The ffprobe program, by name or path.
    pub ffprobe: String,
    /// The heif-convert program, by name or path; for HEIC and AVIF photos.
    pub heif_convert: String,
    /// The longest video or audio that is accepted, in hours.
    pub max_duration_hours: u64,
    /// The largest coded picture that is decoded, in pixels: 8192 × 4608 by default. `media.video_max_pixels` refuses
    /// larger ones at upload.
    pub max_pixels: u64,
    /// The target loudness of audio, in LUFS (EBU R 128).
    pub loudness_lufs: f64,
    /// The memory that all child processes of this process may use together, in bytes; 0 means a quarter of the machine
    /// (or of its control group), but 1 GiB where that is no more than half. Each child waits for its share; a file
    /// that needs more than the total is rejected.
    pub total_memory_bytes: u64,
    /// The memory that one child process may use, in bytes, whatever the total is.
    pub process_memory_bytes: u64,
    /// The sandbox of child processes: `best` uses everything that this machine supports (Landlock, seccomp, another
    /// user where the server is root) and logs what is missing; `strict` starts no child process where something is
    /// missing; `off` leaves only the limits of memory, time and size.
    pub sandbox: SandboxMode,
    /// The user (and group) id of child processes where the server is root.
    pub sandbox_uid: u32,
    /// Folders that child processes may read besides the system's own, for an ffmpeg with libraries elsewhere.
    pub sandbox_readable: Vec<String>,
    /// The launcher program, which sets up the sandbox and executes the child; empty means this program itself.
    pub launcher: String,
    /// The disk space for local copies of originals, in bytes, where the object store is on S3: child processes read
    /// only files.
    pub max_staging_bytes: u64,
    /// The largest file that a child process may write, in bytes.
    pub max_file_bytes: u64,
    /// A child process that makes no progress for this long is killed, in seconds.
    pub stall_timeout_seconds: u64,
    /// A file that takes longer to probe is rejected (`transcode.probe_timed_out`), in seconds.
    pub probe_timeout_seconds: u64,
    /// The decoder of a HEIC or AVIF photo is killed after this many seconds plus twenty times the estimate for its
    /// size.
    pub photo_timeout_seconds: u64,
    /// How many failures of a task fail the item. Failures while a database, the bus or the object store is
    /// unavailable, or a disk is full, are not counted.
    pub max_attempts: u32,
    /// How long a task stays assigned to an unresponsive worker before another worker gets it, in seconds.
    pub lease_seconds: u64,
}

/// How strict the sandbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// Everything that this machine supports.
    #[default]
    Best,
    /// Everything, or nothing is converted.
    Strict,
    /// Limits only.
    Off,
}

/// Returns the sections of the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("transcode")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 0,
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            heif_convert: "heif-convert".into(),
            max_duration_hours: 4,
            max_pixels: 8192 * 4608,
            loudness_lufs: -16.0,
            total_memory_bytes: 0,
            process_memory_bytes: 4 << 30,
            sandbox: SandboxMode::Best,
            sandbox_uid: 65534,
            sandbox_readable: Vec::new(),
            launcher: String::new(),
            max_staging_bytes: 20 << 30,
            max_file_bytes: 2 << 30,
            stall_timeout_seconds: 120,
            probe_timeout_seconds: 10,
            photo_timeout_seconds: 20,
            max_attempts: 5,
            lease_seconds: 30,
        }
    }
}

/// The CPU time of a child process: a constant, and per second of its material many times what 4K with HDR takes.
const CPU_BASE: Duration = Duration::from_mins(2);
const CPU_PER_SECOND: u32 = 60;
/// The factor on its estimate that the decoder of a photo may take, in addition to `photo_timeout_seconds`: no valid
/// photo takes minutes.
const PHOTO_FACTOR: u32 = 20;

impl Config {
    /// Returns the number of workers.
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }

    /// Returns how long a task stays assigned to an unresponsive worker.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.max(1))
    }

    /// Returns the threads of each codec of a child process in `queue`: together about as many as there are cores, and
    /// one for background tasks.
    pub(crate) fn threads(&self, queue: Queue) -> usize {
        self.workers().div_ceil(queue.member_limit(self.workers())) + 1
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted { max_duration_us: self.max_duration_hours.saturating_mul(3_600_000_000), pixels: self.max_pixels }
    }

    /// Returns how long a probe may take.
    pub(crate) fn probe_timeout(&self) -> Duration {
        Duration::from_secs(self.probe_timeout_seconds.max(1))
    }

    /// Returns how long the decoder of a photo with this estimated cost may take.
    pub(crate) fn photo_timeout(&self, cost: Duration) -> Duration {
        Duration::from_secs(self.photo_timeout_seconds.max(1)).saturating_add(cost.saturating_mul(PHOTO_FACTOR))
    }

    /// Returns how child processes are started.
    pub(crate) fn launcher(&self) -> LauncherOptions {
        let strictness = match self.sandbox {
            SandboxMode::Best => sandbox::Strictness::Best,
            SandboxMode::Strict => sandbox::Strictness::Strict,
            SandboxMode::Off => sandbox::Strictness::Off,
        };
        let readable = self.sandbox_readable.iter().map(Into::into).collect();
        LauncherOptions { program: self.launcher.clone(), strictness, user: self.sandbox_uid, readable }
    }

    /// Returns the limits of a child process that works on `span` of material at this nice level and needs so much
    /// memory.
    pub(crate) fn limits(&self, span: Duration, nice: i32, cost: MemoryEstimate) -> Limits {
        Limits {
            memory_bytes: cost.bytes().min(self.process_memory_bytes),
            cpu: CPU_BASE + span.min(Duration::from_secs(100_000)) * CPU_PER_SECOND,
            file_bytes: self.max_file_bytes,
            stall_timeout: Duration::from_secs(self.stall_timeout_seconds.max(1)),
            nice,
        }
    }
}
