//! The `[media]` section: every limit of receiving, in one table.
//!
//! Invariant: memory that uploads take is bounded by `max_concurrent_uploads` and `header_budget_bytes`, whatever is sent.

use std::time::Duration;

use chrono::TimeDelta;
use kit::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What may be uploaded, and how much of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of the largest photo.
    pub photo_max_bytes: u64,
    /// Pixels of the largest photo.
    pub photo_max_pixels: u64,
    /// Pixels of a photo's longest side: few programs can show more.
    pub photo_max_side_px: u32,
    /// Frames of the longest animation.
    pub animation_max_frames: u32,
    /// Pixels of an animation, all frames together.
    pub animation_max_pixels: u64,
    /// Pixels of a video's largest picture, as it is coded: 8192 × 4608 by default. `transcode.max_pixels` is its counterpart.
    pub video_max_pixels: u64,
    /// Pixels of the largest cover picture inside a sound or a video.
    pub cover_max_pixels: u64,
    /// Bytes of the largest sound.
    pub audio_max_bytes: u64,
    /// Bytes of the largest video.
    pub video_max_bytes: u64,
    /// Minutes of the longest video or sound.
    pub max_duration_minutes: u64,
    /// A sender that brings fewer bytes per second than this, over a whole window, is told to try again.
    pub min_bytes_per_second: u64,
    /// Seconds of that window.
    pub min_rate_window_seconds: u64,
    /// Uploads in flight in this process; one more is told to come back.
    pub max_concurrent_uploads: usize,
    /// Of those, how many are read at once while their senders are fast; the others wait in their sockets for their turn.
    pub max_concurrent_body_reads: usize,
    /// Bytes of files' beginnings that all uploads together keep to look at; above it, pictures are measured when they are whole.
    pub header_budget_bytes: usize,
    /// Bytes that a member may keep.
    pub quota_bytes: u64,
    /// Items that a member may keep.
    pub quota_items: u64,
    /// Uploads that a member may begin in an hour.
    pub quota_uploads_per_hour: u64,
    /// Resumable uploads that a member may have open.
    pub max_open_uploads: u64,
    /// Hours after which an upload that said `claim=later` and was not claimed is removed.
    pub unclaimed_ttl_hours: u32,
    /// Hours after which a resumable upload that nobody went on with is removed.
    pub upload_ttl_hours: u32,
    /// A resumable upload's place is written down after so many bytes …
    pub checkpoint_bytes: u64,
    /// … or so many seconds, whichever comes first.
    pub checkpoint_seconds: u64,
    /// Hours that a signed address lasts, at least.
    pub signed_url_ttl_hours: u32,
    /// Pages of libraries that are read at once in this process; 64 more wait a moment, and the rest are told to come back.
    pub max_concurrent_lists: usize,
    /// Of one member, how many may be read or wait; more are answered 429.
    pub max_lists_per_member: usize,
}

/// For the reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("media")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            photo_max_bytes: 25 * MIB,
            photo_max_pixels: 100_000_000,
            photo_max_side_px: 40_000,
            animation_max_frames: 2_000,
            animation_max_pixels: 4_000_000_000,
            video_max_pixels: 8192 * 4608,
            cover_max_pixels: 25_000_000,
            audio_max_bytes: 200 * MIB,
            video_max_bytes: 4 * GIB,
            max_duration_minutes: 240,
            min_bytes_per_second: 1024,
            min_rate_window_seconds: 30,
            max_concurrent_uploads: 8_192,
            max_concurrent_body_reads: 32,
            header_budget_bytes: 32 << 20,
            quota_bytes: 200 * GIB,
            quota_items: 100_000,
            quota_uploads_per_hour: 20_000,
            max_open_uploads: 1_000,
            unclaimed_ttl_hours: 24,
            upload_ttl_hours: 24,
            checkpoint_bytes: 16 * MIB,
            checkpoint_seconds: 5,
            signed_url_ttl_hours: 12,
            max_concurrent_lists: 2,
            max_lists_per_member: 4,
        }
    }
}

impl Config {
    pub(crate) fn unclaimed_ttl(&self) -> TimeDelta {
        TimeDelta::hours(self.unclaimed_ttl_hours.into())
    }

    pub(crate) fn upload_ttl(&self) -> TimeDelta {
        TimeDelta::hours(self.upload_ttl_hours.into())
    }

    pub(crate) fn signed_url_ttl(&self) -> TimeDelta {
        TimeDelta::hours(self.signed_url_ttl_hours.into())
    }

    pub(crate) fn min_rate_window(&self) -> Duration {
        Duration::from_secs(self.min_rate_window_seconds.max(1))
    }

    pub(crate) fn max_duration_ms(&self) -> u64 {
        self.max_duration_minutes * 60_000
    }
}
