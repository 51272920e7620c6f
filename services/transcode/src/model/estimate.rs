//! Estimates the cost of a task, which determines its queue and its timeout.
//!
//! Owns the constants, rounded up from measurements on two cores of a small server. Invariant: an estimate is a pure
//! function of what is known about the item, and it may be wrong: the actual cost of a task is charged afterwards
//! (`fair_queue::cost_difference`), so a false header gains nothing.

use std::time::Duration;

use codec::sniff::Format;
use contract::media::Received;

use super::{Plan, Queue, Task};

/// The time on one core to encode one unit of a plan's weight (about a million pixels), in milliseconds.
const WEIGHT_MS: u64 = 21;
/// The time to measure and encode a second of audio, in milliseconds.
const AUDIO_SECOND_MS: u64 = 7;
/// Bytes of a container that are read in a millisecond.
const BYTES_PER_MS: u64 = 100_000;
/// The time on one core to convert a byte of an animated GIF, in nanoseconds.
const GIF_BYTE_NS: u64 = 500;
/// A photo with a higher cost goes to the queue of heavy photos.
const HEAVY_PHOTO: Duration = Duration::from_secs(1);
/// Pixels assumed for a photo whose header does not declare its size.
const UNKNOWN_PIXELS: u64 = 12_000_000;
/// A task times out after this constant plus a multiple of its estimate: a margin for a machine that is busy with other
/// tasks, and for a child process that waits for memory. Child processes themselves have tighter bounds (CPU time,
/// progress, and `Config::photo_timeout`).
const LIMIT: Duration = Duration::from_mins(35);
const LIMIT_FACTOR: u32 = 60;

/// The estimate of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Time on one core.
    pub cost: Duration,
    pub queue: Queue,
    /// The task times out after this long, in real time.
    pub limit: Duration,
}

impl Estimate {
    /// Estimates one task; `weight` is the plan's, 0 for a task that is not in a plan.
    pub fn of(task: Task, weight: u64, received: &Received, plan: Option<&Plan>) -> Self {
        let read_ms = received.bytes / BYTES_PER_MS;
        let ms = match task {
            Task::Photo => return Self::of_photo(received),
            Task::Probe | Task::Copy => 200 + read_ms,
            Task::First | Task::Chunk(_) => weight.saturating_mul(WEIGHT_MS).saturating_add(200),
            Task::Audio => weight.saturating_mul(AUDIO_SECOND_MS).saturating_add(200),
            Task::Waveform => weight.saturating_mul(AUDIO_SECOND_MS).saturating_add(100),
            Task::Poster | Task::Finish => 300 + plan.map_or(0, megapixels) * 100,
        };
        let cost = Duration::from_millis(ms);
        Self { cost, queue: task.queue(), limit: LIMIT.saturating_add(cost.saturating_mul(LIMIT_FACTOR)) }
    }

    fn of_photo(received: &Received) -> Self {
        let pixels = match (received.width, received.height) {
            (Some(width), Some(height)) => u64::from(width) * u64::from(height),
            _ => UNKNOWN_PIXELS,
        };
        // JPEGs are decoded at an eighth of their size, the others whole, and HEIC and AVIF in a child process.
        let ns_per_pixel = match received.format.parse() {
            Ok(Format::Jpeg) => 12,
            Ok(Format::Heic | Format::Avif) => 200,
            _ => 60,
        };
        // How many frames a GIF has is not known yet; its bytes show it.
        let ns_per_byte = if received.format.parse::<Format>() == Ok(Format::Gif) { GIF_BYTE_NS } else { 0 };
        let ns = pixels.saturating_mul(ns_per_pixel).saturating_add(received.bytes.saturating_mul(ns_per_byte));
        let cost = Duration::from_millis(50) + Duration::from_nanos(ns);
        let queue = if cost > HEAVY_PHOTO { Queue::HeavyPhoto } else { Queue::Photo };
        Self { cost, queue, limit: LIMIT.saturating_add(cost.saturating_mul(LIMIT_FACTOR)) }
    }

    /// Returns the cost in milliseconds, at least 1.
    pub fn cost_ms(self) -> i64 {
        i64::try_from(self.cost.as_millis()).unwrap_or(i64::MAX / 4).max(1)
    }
}

fn megapixels(plan: &Plan) -> u64 {
    plan.video.as_ref().map_or(0, |video| u64::from(video.width) * u64::from(video.height) / 1_000_000)
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::DateTime;
    use contract::media::{Kind, Visibility};
    use contract::{AccountId, MediaId, ObjectKey};

    use super::*;

    pub(crate) fn received(format: &str, width: u32, height: u32) -> Received {
        Received {
            id: MediaId::random(),
            owner: AccountId(uuid::Uuid::from_u128(1)),
            kind: Kind::Photo,
            format: format.to_owned(),
            content_type: String::new(),
            name: String::new(),
            bytes: 3_000_000,
            sha256: String::new(),
            object: ObjectKey::random(),
            scrub: None,
            visibility: Visibility::Private,
            width: Some(width),
            height: Some(height),
            duration_ms: None,
            orientation: 1,
            created_at: DateTime::UNIX_EPOCH,
            trashed: false,
            captions: vec![],
        }
    }

    fn photo(format: &str, width: u32, height: u32) -> Estimate {
        Estimate::of(Task::Photo, 0, &received(format, width, height), None)
    }

    #[test]
    fn heavy_photos_have_a_queue_of_their_own() {
        assert_eq!(photo("jpeg", 4000, 3000).queue, Queue::Photo);
        assert_eq!(photo("jpeg", 9000, 6000).queue, Queue::Photo);
        assert_eq!(photo("png", 4000, 3000).queue, Queue::Photo);
        assert_eq!(photo("heic", 4032, 3024).queue, Queue::HeavyPhoto);
        assert_eq!(photo("avif", 4032, 3024).queue, Queue::HeavyPhoto);
        assert_eq!(photo("gif", 10_000, 10_000).queue, Queue::HeavyPhoto);
        assert_eq!(photo("gif", 480, 270).queue, Queue::HeavyPhoto, "3 MB are an animation");
        assert_eq!(photo("jpeg", 60_000, 60_000).queue, Queue::HeavyPhoto);
    }

    #[test]
    fn an_estimate_and_its_limit_stay_bounded_whatever_a_header_says() {
        let absurd = photo("heic", u32::MAX, u32::MAX);
        assert!(absurd.cost_ms() > 0 && absurd.limit >= absurd.cost);
        let chunk = Estimate::of(Task::Chunk(3), u64::MAX, &received("mp4", 1, 1), None);
        assert!(chunk.cost_ms() > 0 && chunk.limit >= LIMIT);
    }
}
