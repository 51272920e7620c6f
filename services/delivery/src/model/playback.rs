//! The renditions of an item that can be played now.
//!
//! Invariant: the segments of a rendition start at 0 and have no gap, whatever order they were announced in.

use std::collections::HashMap;

use contract::ObjectKey;
use contract::delivery::{SegmentRun, StreamRendition};
use contract::transcode::{Asset, Rendition, Segment as PublishedSegment, Track};

/// The nominal longest segment. A growing playlist must not change its target duration (RFC 8216 §4.3.3.1).
const NOMINAL_SEGMENT_US: u64 = 4_000_000;

/// One segment of a rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub duration_us: u64,
    pub object: ObjectKey,
    pub bytes: u64,
}

/// A rendition and its segments from 0 without a gap.
#[derive(Debug, Clone)]
pub(crate) struct RenditionSegments {
    pub info: Rendition,
    pub segments: Vec<Segment>,
}

impl RenditionSegments {
    /// Returns whether all segments exist.
    pub fn is_complete(&self) -> bool {
        self.info.total_segments.is_some_and(|total| self.segments.len() as u64 >= u64::from(total))
    }
}

impl From<&RenditionSegments> for StreamRendition {
    fn from(rendition: &RenditionSegments) -> Self {
        let mut segments: Vec<SegmentRun> = Vec::new();
        for segment in &rendition.segments {
            match segments.last_mut() {
                Some(run) if run.duration_us == segment.duration_us => run.count += 1,
                _ => segments.push(SegmentRun { duration_us: segment.duration_us, count: 1 }),
            }
        }
        let info = &rendition.info;
        Self {
            name: info.name.clone(),
            track: info.track,
            bandwidth: info.bandwidth,
            codecs: info.codecs.clone(),
            width: info.width,
            height: info.height,
            millifps: info.millifps,
            is_complete: rendition.is_complete(),
            segments,
        }
    }
}

/// Everything that can be read of an item besides its file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Playback {
    /// Distinguishes the states of this item.
    pub generation: u64,
    /// Video from the highest bandwidth down, then audio.
    pub renditions: Vec<RenditionSegments>,
    pub assets: HashMap<String, Asset>,
}

impl Playback {
    /// Builds a playback from rows; `segments` in any order.
    pub fn of(
        generation: u64,
        renditions: Vec<Rendition>,
        mut segments: Vec<PublishedSegment>,
        assets: Vec<Asset>,
    ) -> Self {
        segments.sort_by(|a, b| (&a.rendition, a.number).cmp(&(&b.rendition, b.number)));
        let mut by_rendition: HashMap<String, Vec<Segment>> = HashMap::new();
        for segment in segments {
            let run = by_rendition.entry(segment.rendition).or_default();
            if run.len() as u64 == u64::from(segment.number) {
                run.push(Segment { duration_us: segment.duration_us, object: segment.object, bytes: segment.bytes });
            }
        }
        let mut renditions: Vec<RenditionSegments> = renditions
            .into_iter()
            .map(|rendition| RenditionSegments {
                segments: by_rendition.remove(&rendition.name).unwrap_or_default(),
                info: rendition,
            })
            .collect();
        let rank = |rendition: &RenditionSegments| {
            (rendition.info.track == Track::Audio, std::cmp::Reverse(rendition.info.bandwidth))
        };
        renditions.sort_by_key(rank);
        Self { generation, renditions, assets: assets.into_iter().map(|asset| (asset.name.clone(), asset)).collect() }
    }

    /// Returns a rendition that a player can start.
    pub fn rendition(&self, name: &str) -> Option<&RenditionSegments> {
        self.renditions.iter().find(|rendition| rendition.info.name == name && !rendition.segments.is_empty())
    }

    /// Returns the target duration in microseconds, which all renditions must have in common (RFC 8216 §6.2.4). It is
    /// constant while they grow by segments of the nominal length, or as long as the first.
    pub fn target_us(&self) -> u64 {
        let segments = self.renditions.iter().flat_map(|rendition| &rendition.segments);
        segments.map(|segment| segment.duration_us).max().unwrap_or(0).max(NOMINAL_SEGMENT_US)
    }

    /// Returns the renditions as other roles see them, in the same order.
    pub fn stream_renditions(&self) -> Vec<StreamRendition> {
        self.renditions.iter().map(StreamRendition::from).collect()
    }

    /// Returns whether nothing is published yet.
    pub fn is_empty(&self) -> bool {
        self.renditions.is_empty() && self.assets.is_empty()
    }

    /// Returns its approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        let segments: usize = self.renditions.iter().map(|rendition| rendition.segments.len()).sum();
        512 + segments * 80 + self.renditions.len() * 256 + self.assets.len() * 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendition(name: &str, track: Track, bandwidth: u64, total: Option<u32>) -> Rendition {
        Rendition {
            name: name.into(),
            track,
            bandwidth,
            codecs: "avc1.64001f".into(),
            width: 1280,
            height: 720,
            millifps: 24_000,
            init: ObjectKey::random(),
            total_segments: total,
        }
    }

    fn segment(rendition: &str, number: u32) -> PublishedSegment {
        PublishedSegment {
            rendition: rendition.into(),
            number,
            duration_us: 4_000_000,
            object: ObjectKey::random(),
            bytes: 10,
        }
    }

    #[test]
    fn a_rendition_ends_before_its_first_gap() {
        let segments = vec![segment("v720", 3), segment("v720", 0), segment("v720", 1), segment("v360", 1)];
        let renditions = vec![
            rendition("audio", Track::Audio, 128_000, None),
            rendition("v360", Track::Video, 800_000, None),
            rendition("v720", Track::Video, 3_000_000, Some(4)),
        ];
        let playback = Playback::of(1, renditions, segments, vec![]);
        assert_eq!(
            playback.renditions.iter().map(|rendition| rendition.info.name.as_str()).collect::<Vec<_>>(),
            ["v720", "v360", "audio"]
        );
        assert_eq!(playback.rendition("v720").map(|rendition| rendition.segments.len()), Some(2));
        assert!(!playback.rendition("v720").unwrap().is_complete());
        assert!(playback.rendition("v360").is_none() && playback.rendition("audio").is_none());
    }

    #[test]
    fn a_rendition_is_complete_when_all_segments_exist() {
        let playback = Playback::of(
            1,
            vec![rendition("v", Track::Video, 1, Some(2))],
            vec![segment("v", 1), segment("v", 0)],
            vec![],
        );
        assert!(playback.rendition("v").unwrap().is_complete());
        let streams = playback.stream_renditions();
        assert!(streams[0].is_complete);
        assert_eq!(streams[0].segments, [SegmentRun { duration_us: 4_000_000, count: 2 }]);
        assert_eq!(playback.target_us(), 4_000_000);
    }

    #[test]
    fn all_renditions_have_the_target_duration_of_the_longest_segment() {
        let long = PublishedSegment { duration_us: 10_000_000, ..segment("v360", 0) };
        let renditions = ["v360", "v240"].map(|name| rendition(name, Track::Video, 1, None));
        let playback = Playback::of(1, renditions.to_vec(), vec![segment("v240", 0), long], vec![]);
        assert_eq!(playback.target_us(), 10_000_000);
    }
}
