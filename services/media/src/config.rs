//! The `[media]` section: every limit on uploads, in one table.
//!
//! Invariant: `max_concurrent_uploads` and `header_budget_bytes` bound the memory that uploads take, whatever clients
//! send.

use std::time::Duration;

use base::config::{Error, Section};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::quiet_hours::QuietHours;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Limits on uploads.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The largest photo, in bytes.
    pub photo_max_bytes: u64,
    /// The largest photo, in pixels.
    pub photo_max_pixels: u64,
    /// The longest side of a photo, in pixels. Few programs can display more than the default.
    pub photo_max_side_px: u32,
    /// The largest number of frames of an animation.
    pub animation_max_frames: u32,
    /// The largest number of pixels of an animation, over all frames.
    pub animation_max_pixels: u64,
    /// The largest frame of a video as it is coded, in pixels: 8192 × 4608 by default. `transcode.max_pixels` is its
    /// counterpart.
    pub video_max_pixels: u64,
    /// The largest cover image inside an audio or video file, in pixels.
    pub cover_max_pixels: u64,
    /// The largest audio file, in bytes.
    pub audio_max_bytes: u64,
    /// The largest video, in bytes.
    pub video_max_bytes: u64,
    /// The longest video or audio file, in minutes.
    pub max_duration_minutes: u64,
    /// The slowest accepted client, in bytes per second, averaged over the window below. A slower client receives 408.
    pub min_bytes_per_second: u64,
    /// The window over which the rate of a client is averaged, in seconds.
    pub min_rate_window_seconds: u64,
    /// The largest number of uploads in flight in this process. Further uploads receive 503 with `Retry-After`.
    pub max_concurrent_uploads: usize,
    /// How many of those uploads are read at once while their clients are fast. The others wait in their sockets for a
    /// read slot.
    pub max_concurrent_body_reads: usize,
    /// Memory for the headers of all uploads together, in bytes. When it is used up, images are measured after their
    /// last byte instead of while they arrive.
    pub header_budget_bytes: usize,
    /// The storage quota of a member, in bytes.
    pub quota_bytes: u64,
    /// The largest number of items of a member.
    pub quota_items: u64,
    /// The largest number of uploads of a member in an hour.
    pub quota_uploads_per_hour: u64,
    /// The largest number of unfinished resumable uploads of a member.
    pub max_open_uploads: u64,
    /// Hours after which an item that was sent with `claim=later` is removed if it was not claimed.
    pub unclaimed_ttl_hours: u32,
    /// Days after which an item in the trash is removed for good. With 0 nothing goes to the trash: it is removed at
    /// once.
    pub trash_ttl_days: u32,
    /// Hours without progress after which a resumable upload is removed.
    pub upload_ttl_hours: u32,
    /// A checkpoint of a resumable upload is stored after this many bytes …
    pub checkpoint_bytes: u64,
    /// … or after this many seconds, whichever comes first.
    pub checkpoint_seconds: u64,
    /// The shortest lifetime of a signed URL, in hours.
    pub signed_url_ttl_hours: u32,
    /// Library pages that this process reads at once. 64 more requests wait for a moment, and the rest receive 503.
    pub max_concurrent_lists: usize,
    /// How many library pages of one member may be read or wait at once. Further requests receive 429.
    pub max_lists_per_member: usize,
    /// The largest number of albums of a member.
    pub max_albums: u64,
    /// The largest number of items in an album.
    pub max_album_items: u64,
    /// How much of one processor the night shift takes, in percent; 0 turns it off. It stores photos (JPEG, PNG) that
    /// are older than a day in fewer bytes, with the same pixels and metadata, and another digest.
    pub night_cpu_percent: u32,
    /// When the night shift begins, as `HH:MM`.
    pub night_from: String,
    /// When it ends, also over midnight.
    pub night_until: String,
    /// The time zone of both, as the IANA names it, such as `Europe/Berlin`.
    pub night_zone: String,
}

/// Returns the sections of this service for the configuration reference.
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
            trash_ttl_days: 30,
            upload_ttl_hours: 24,
            checkpoint_bytes: 16 * MIB,
            checkpoint_seconds: 5,
            signed_url_ttl_hours: 12,
            max_concurrent_lists: 2,
            max_lists_per_member: 4,
            max_albums: 1_000,
            max_album_items: 2_000,
            night_cpu_percent: 0,
            night_from: "01:00".to_owned(),
            night_until: "05:00".to_owned(),
            night_zone: "UTC".to_owned(),
        }
    }
}

impl Config {
    pub(crate) fn unclaimed_ttl(&self) -> TimeDelta {
        TimeDelta::hours(self.unclaimed_ttl_hours.into())
    }

    pub(crate) fn trash_ttl(&self) -> TimeDelta {
        TimeDelta::days(self.trash_ttl_days.into())
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

    /// Returns the hours of the night shift; `None` if it is off. Fails if they can't be read.
    pub(crate) fn night(&self) -> Result<Option<QuietHours>, Error> {
        if self.night_cpu_percent == 0 {
            return Ok(None);
        }
        let hours = QuietHours::parse(&self.night_from, &self.night_until, &self.night_zone);
        let hours = hours.filter(|_| self.night_cpu_percent <= 100).ok_or_else(|| {
            Error::Unusable(
                "media.night_cpu_percent must be 0 to 100, media.night_from and media.night_until two times such as \
                 01:30, and media.night_zone a time zone such as Europe/Berlin"
                    .to_owned(),
            )
        })?;
        Ok(Some(hours))
    }

    pub(crate) fn max_duration_ms(&self) -> u64 {
        self.max_duration_minutes * 60_000
    }
}
