//! The `[delivery]` section: every bound of this service, in one table.
//!
//! Invariant: the memory that serving takes is at most the sum of the memory bounds, whatever clients request.

use std::time::Duration;

use base::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MIB: u64 = 1 << 20;

/// Bounds on memory and work.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The cache of segments, small files and images in memory, in bytes. As much again may be on its way to slow
    /// clients.
    pub object_cache_bytes: u64,
    /// Buffers of all open file streams together, in bytes. Beyond 2,000 streams, each has 32 KiB.
    pub stream_buffer_bytes: u64,
    /// The cache of facts about items (rows, segment lists, playlists) in memory, in bytes.
    pub catalog_cache_bytes: u64,
    /// Archives (ZIP) that are sent at once. Further requests receive 503. Each has one file open, in the stream
    /// buffers, and up to 450 KiB of names and bytes.
    pub max_archives: usize,
    /// Archives that are sent at once to one member, or to one network without a token.
    pub max_archives_per_client: usize,
    /// The slowest client of an archive, in bytes per second, averaged over a minute. The archive of a slower one ends
    /// early, so that others get its permit.
    pub min_archive_bytes_per_second: u64,
    /// Memory of all running renders together, in bytes. An image that needs more is refused.
    pub render_memory_bytes: u64,
    /// The largest source image that is decoded, in pixels.
    pub max_source_pixels: u64,
    /// The longest render, in seconds of one processor, as the header of the source predicts before a pixel is decoded.
    /// A longer one is refused.
    pub max_render_seconds: u32,
    /// Renders that run at once, and half as many more of those that take long. 0 means one per processor.
    pub render_workers: usize,
    /// Requests that may wait for an image. Further requests receive 503, first those of the client and the item that
    /// have the most.
    pub max_render_waiters: usize,
    /// Rendered images in the object store, in bytes. The least recently read are removed first.
    pub rendered_images_bytes: u64,
    /// Reads of a WebP after which `format=auto` has its AVIF rendered. An AVIF takes seconds where a WebP takes
    /// tenths.
    pub avif_after_reads: u32,
}

/// Returns the sections of this service for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("delivery")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            object_cache_bytes: 96 * MIB,
            stream_buffer_bytes: 64 * MIB,
            catalog_cache_bytes: 32 * MIB,
            max_archives: 64,
            max_archives_per_client: 4,
            min_archive_bytes_per_second: 16 << 10,
            render_memory_bytes: 640 * MIB,
            max_source_pixels: 100_000_000,
            max_render_seconds: 10,
            render_workers: 0,
            max_render_waiters: 256,
            rendered_images_bytes: 4096 * MIB,
            avif_after_reads: 3,
        }
    }
}

impl Config {
    /// Returns the number of renders that run at once.
    pub(crate) fn render_worker_count(&self) -> usize {
        match self.render_workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            some => some,
        }
    }

    /// Returns the longest time that one render may take.
    pub(crate) fn max_render_time(&self) -> Duration {
        Duration::from_secs(self.max_render_seconds.into())
    }

    /// Returns the limits of one decode.
    pub(crate) fn decode_limits(&self) -> codec::pixels::Limits {
        codec::pixels::Limits { pixels: self.max_source_pixels, bytes: self.render_memory_bytes }
    }
}
