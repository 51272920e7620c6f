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
    pub memory_bytes: u64,
    /// Bytes that all open file streams may hold together; beyond 2,000 of them, 32 KiB each.
    pub stream_bytes: u64,
    /// Bytes of facts about items (rows, segment lists, playlists) kept in memory.
    pub facts_bytes: u64,
    /// Bytes that all pictures at work may take together; one that needs more is refused.
    pub picture_memory_bytes: u64,
    /// Pixels of the largest picture that is decoded.
    pub picture_pixels: u64,
    /// Seconds of one processor that a picture may take, as its header says before a pixel is decoded; one that would take longer is refused.
    pub picture_seconds: u32,
    /// Pictures at work at once, and half as many more of those that take long; 0 means one per processor.
    pub picture_workers: usize,
    /// Requests that may wait for a picture; more are told to come back, first those of the client and the item that have most.
    pub picture_waiters: usize,
    /// Bytes of made pictures kept in the store; the ones not read for longest go first.
    pub kept_picture_bytes: u64,
    /// An AVIF takes seconds where a WebP takes tenths: `format=auto` has one made after this many readings of the WebP.
    pub avif_after_readings: u32,
}

/// For the reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("delivery")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes: 96 * MIB,
            stream_bytes: 64 * MIB,
            facts_bytes: 32 * MIB,
            picture_memory_bytes: 640 * MIB,
            picture_pixels: 100_000_000,
            picture_seconds: 10,
            picture_workers: 0,
            picture_waiters: 256,
            kept_picture_bytes: 4096 * MIB,
            avif_after_readings: 3,
        }
    }
}

impl Config {
    /// Pictures at work at once.
    pub(crate) fn workers(&self) -> usize {
        match self.picture_workers {
            0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            some => some,
        }
    }

    /// How long one picture may take.
    pub(crate) fn picture_time(&self) -> Duration {
        Duration::from_secs(self.picture_seconds.into())
    }

    /// What one picture may cost.
    pub(crate) fn limits(&self) -> codec::pixels::Limits {
        codec::pixels::Limits { pixels: self.picture_pixels, bytes: self.picture_memory_bytes }
    }
}
