//! The section `[transcode]` of the configuration.
//!
//! Invariant: every default works on a laptop with two cores; nothing here changes what comes out, only how fast and how much at once.

use std::time::Duration;

use kit::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::{LauncherOptions, Limits};
use crate::model::Queue;
use crate::model::plan::Accepted;

/// How this process converts.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many tasks that are waited for (the first seconds, the last touch) one member can have at work at once; 0 means one per core.
    /// As many probes; and half as many each, rounded up, of sound, photos, heavy photos, and what can wait: with 4, sixteen tasks in all. Each
    /// of the six queues has one place more, which only another member can take: so none waits until a task of another's is over.
    pub workers: usize,
    /// The programs, by name or path.
    pub ffmpeg: String,
    /// See `ffmpeg`.
    pub ffprobe: String,
    /// See `ffmpeg`; for HEIC and AVIF photos.
    pub heif_convert: String,
    /// The longest video or sound that is accepted, in hours.
    pub max_duration_hours: u64,
    /// Pixels of the largest picture that is decoded, as it is coded: 8192 × 4608 by default. `media.video_max_pixels` refuses larger ones at upload.
    pub max_pixels: u64,
    /// What sound is brought to, in LUFS (EBU R 128 units).
    pub loudness_lufs: f64,
    /// Memory that all children of this process may use together, in bytes; 0 means a quarter of the machine (or of its control group), but
    /// 1 GiB where that is no more than half. Each child waits for its share, and what needs more than there is is refused.
    pub total_memory_bytes: u64,
    /// Memory that one child may use, in bytes, whatever there is for all.
    pub process_memory_bytes: u64,
    /// How children are confined: `best` does all that this machine can (Landlock, seccomp, another user where the server is root) and
    /// says in the log what is missing; `strict` starts no child where something is; `off` leaves only limits of memory, time and size.
    pub sandbox: SandboxMode,
    /// The user (and group) that children become where the server is root.
    pub sandbox_uid: u32,
    /// Folders that children may read besides the system's own, for an ffmpeg with libraries elsewhere.
    pub sandbox_readable: Vec<String>,
    /// The program that confines children and becomes them; empty means this program itself.
    pub launcher: String,
    /// Room on the disk for copies of originals, in bytes, where the store is on S3: children read files only.
    pub max_staging_bytes: u64,
    /// The largest file that a child may write, in bytes.
    pub max_file_bytes: u64,
    /// A child that makes no progress for so long is ended.
    pub stall_timeout_seconds: u64,
    /// A file that takes longer to probe is refused (`transcode.probe_timed_out`), in seconds.
    pub probe_timeout_seconds: u64,
    /// The decoder of a HEIC or AVIF photo is ended after so many seconds, and twenty times what its size lets expect.
    pub photo_timeout_seconds: u64,
    /// How often a piece may fail before the item does. While a database, the bus or the store is away, or a disk is full, nothing is counted.
    pub max_attempts: u32,
    /// How long a silent worker keeps a piece before another one gets it.
    pub lease_seconds: u64,
}

/// How much is asked of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// Everything that this machine can do.
    #[default]
    Best,
    /// Everything, or nothing is converted.
    Strict,
    /// Limits only.
    Off,
}

/// For the reference.
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

/// CPU time that a child may use before it has done anything, and per second of what it works on: many times what 4K with HDR takes.
const CPU_BASE: Duration = Duration::from_mins(2);
const CPU_PER_SECOND: u32 = 60;
/// How many times its estimate the decoder of a photo may take, beside `photo_timeout_seconds`: no honest one takes minutes.
const PHOTO_FACTOR: u32 = 20;

impl Config {
    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }

    /// How long a silent worker keeps a piece.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.max(1))
    }

    /// How many threads each codec of a child in `queue` gets: together about as many as there are cores, and one for what waits.
    pub(crate) fn threads(&self, queue: Queue) -> usize {
        self.workers().div_ceil(queue.member_limit(self.workers())) + 1
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted { max_duration_us: self.max_duration_hours.saturating_mul(3_600_000_000), pixels: self.max_pixels }
    }

    /// How long a probe may take.
    pub(crate) fn probe_timeout(&self) -> Duration {
        Duration::from_secs(self.probe_timeout_seconds.max(1))
    }

    /// How long the decoder of a photo may take that is expected to cost so much.
    pub(crate) fn photo_timeout(&self, cost: Duration) -> Duration {
        Duration::from_secs(self.photo_timeout_seconds.max(1)).saturating_add(cost.saturating_mul(PHOTO_FACTOR))
    }

    /// How children are started.
    pub(crate) fn launcher(&self) -> LauncherOptions {
        let strictness = match self.sandbox {
            SandboxMode::Best => sandbox::Strictness::Best,
            SandboxMode::Strict => sandbox::Strictness::Strict,
            SandboxMode::Off => sandbox::Strictness::Off,
        };
        let readable = self.sandbox_readable.iter().map(Into::into).collect();
        LauncherOptions { program: self.launcher.clone(), strictness, user: self.sandbox_uid, readable }
    }

    /// What a child may use that works on `span` of material at this nice level, and needs so much memory.
    pub(crate) fn limits(&self, span: Duration, nice: i32, cost: MemoryEstimate) -> Limits {
        Limits {
            memory_bytes: cost.bytes().min(self.process_memory_bytes),
            cpu: CPU_BASE + span.min(Duration::from_secs(100_000)) * CPU_PER_SECOND,
            file_bytes: self.max_file_bytes,
            stall: Duration::from_secs(self.stall_timeout_seconds.max(1)),
            nice,
        }
    }
}
