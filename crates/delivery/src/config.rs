//! The `[delivery]` section: every bound of this role, in one table.
//!
//! Invariant: the sum of the memory bounds is the memory that reading can take, whatever is asked.

use std::time::Duration;

use kit::config::Section;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MIB: u64 = 1 << 20;

/// How much memory and work reading may take.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of segments, small files and pictures kept in memory. As much again may be on its way to slow readers.
    pub object_cache_bytes: u64,
    /// Bytes that all open file streams may hold together; beyond 2,000 of them, 32 KiB each.
    pub stream_buffer_bytes: u64,
    /// Bytes of facts about items (rows, segment lists, playlists) kept in memory.
    pub catalog_cache_bytes: u64,
    /// Bytes that all pictures at work may take together; one that needs more is refused.
    pub render_memory_bytes: u64,
    /// Pixels of the largest picture that is decoded.
    pub max_source_pixels: u64,
    /// Seconds of one processor that a picture may take, as its header says before a pixel is decoded; one that would take longer is refused.
    pub max_render_seconds: u32,
    /// Pictures at work at once, and half as many more of those that take long; 0 means one per processor.
    pub render_workers: usize,
    /// Requests that may wait for a picture; more are told to come back, first those of the client and the item that have most.
    pub max_render_waiters: usize,
    /// Bytes of made pictures kept in the store; the ones not read for longest go first.
    pub rendered_images_bytes: u64,
    /// An AVIF takes seconds where a WebP takes tenths: `format=auto` has one made after this many readings of the WebP.
    pub avif_after_reads: u32,
}

/// For the reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("delivery")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            object_cache_bytes: 96 * MIB,
            stream_buffer_bytes: 64 * MIB,
            catalog_cache_bytes: 32 * MIB,
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
    /// Pictures at work at once.
    pub(crate) fn render_worker_count(&self) -> usize {
        match self.render_workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            some => some,
        }
    }

    /// How long one picture may take.
    pub(crate) fn max_render_time(&self) -> Duration {
        Duration::from_secs(self.max_render_seconds.into())
    }

    /// What one picture may cost.
    pub(crate) fn decode_limits(&self) -> codec::pixels::Limits {
        codec::pixels::Limits { pixels: self.max_source_pixels, bytes: self.render_memory_bytes }
    }
}
