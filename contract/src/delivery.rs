//! The internal query of `delivery`: which streams of several items can be played.
//!
//! Invariant: a stream has no key of an object. Its URLs are made of the item's id, the name of a rendition and the
//! number of a segment, and whoever writes them signs them.

use base::Query;
use serde::{Deserialize, Serialize};

use crate::MediaId;
use crate::transcode::Track;

/// The largest number of items in a [`FindStreams`].
pub const MAX_STREAMS_PER_QUERY: usize = 256;

/// Segments of one duration in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRun {
    /// The duration of each, in microseconds.
    pub duration_us: u64,
    /// How many there are.
    pub count: u32,
}

/// A rendition, with the segments that can be played now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRendition {
    /// Its name in URLs.
    pub name: String,
    /// What it carries.
    pub track: Track,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// RFC 6381 codec string.
    pub codecs: String,
    /// Width in pixels; 0 for audio.
    pub width: u32,
    /// Height in pixels; 0 for audio.
    pub height: u32,
    /// Frames per second times 1000; 0 for audio.
    pub millifps: u32,
    /// Whether all segments are there.
    pub is_complete: bool,
    /// The segments from 0, without a gap.
    pub segments: Vec<SegmentRun>,
}

/// The stream of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The item's id.
    pub id: MediaId,
    /// Video from the highest bandwidth down, then audio. Empty while nothing is published.
    pub renditions: Vec<StreamRendition>,
}

/// Asks delivery for the streams of items, at most [`MAX_STREAMS_PER_QUERY`], in the order of the ids. Items that a
/// signed URL would not open are left out: those that don't exist, that are in the trash, or whose owner is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindStreams(pub Vec<MediaId>);

impl Query for FindStreams {
    const ROLE: &'static str = "delivery";
    const PATH: &'static str = "/internal/streams/{ids}";
    type Response = Vec<Stream>;

    fn path(&self) -> String {
        let ids: Vec<&str> = self.0.iter().map(MediaId::as_str).collect();
        format!("/internal/streams/{}", ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_query_fits_into_a_url() {
        let ids: Vec<MediaId> = (0..MAX_STREAMS_PER_QUERY).map(|_| MediaId::random()).collect();
        let path = FindStreams(ids.clone()).path();
        assert!(path.len() < 8 * 1024, "{} bytes", path.len());
        let joined: Vec<&str> = ids.iter().map(MediaId::as_str).collect();
        assert_eq!(path, FindStreams::PATH.replace("{ids}", &joined.join(",")));
    }
}
