//! Where the segments of a copied video begin: at keyframes, four seconds apart where there are enough of them.
//!
//! ffmpeg's HLS muxer ends its n-th file at the first keyframe that is n times the nominal length behind the start, so
//! after a long file each keyframe begins one. It is given half the length of a segment, and runs of its files become
//! segments. Does not own their joining (`ffmpeg::file_groups`). Invariant: files are counted as the muxer counts them,
//! in bounded memory for any number of packets.

use codec::ladder::FrameRate;
use serde::{Deserialize, Serialize};

/// The nominal length of the muxer's files, in microseconds, a little below two seconds: times are rounded.
pub(crate) const FILE_US: i64 = 1_999_000;
/// A segment that has this length is long enough.
const NOMINAL_US: i64 = 2 * FILE_US;
/// A segment that would become longer ends at an earlier keyframe, if it has half its nominal length there. Apple's HLS
/// authoring specification (§7.5) recommends six seconds.
const LONG_US: i64 = 6_000_000;
/// A segment that would become longer ends at an earlier keyframe, unless it had less than [`MIN_US`] there.
const MAX_US: i64 = 10_500_000;
/// The shortest segment.
const MIN_US: i64 = 500_000;
/// The most segments: those of 36 hours.
const MAX_SEGMENTS: usize = 32_768;

/// A segment of a copied video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopiedSegment {
    /// The time of its first frame in microseconds, on the file's own clock.
    pub start_us: i64,
    /// The number of the muxer's files that it consists of.
    pub files: u32,
}

/// Finds the segments of a video from its keyframes, one after the other.
#[derive(Debug, Default)]
pub(crate) struct SegmentFinder {
    first_us: Option<i64>,
    /// The files begun so far, and the start of the newest.
    files: i64,
    file_us: i64,
    /// The start of the segment that is not closed, and how many of its files are.
    start_us: i64,
    closed_files: u32,
    /// The start of the newest file in it, and how many files it has before that.
    border: Option<(i64, u32)>,
    closed: Vec<CopiedSegment>,
}

impl SegmentFinder {
    /// Adds the presentation time of the next keyframe, in microseconds.
    pub fn add(&mut self, key_us: i64) {
        let Some(first_us) = self.first_us else {
            (self.first_us, self.file_us, self.start_us, self.files) = (Some(key_us), key_us, key_us, 1);
            return;
        };
        let due_us = FILE_US.saturating_mul(self.files);
        if key_us <= self.file_us || key_us.saturating_sub(first_us) < due_us || self.closed.len() >= MAX_SEGMENTS {
            return;
        }
        self.files += 1;
        self.file_us = key_us;
        self.closed_files += 1;
        self.close_early(key_us);
        if key_us.saturating_sub(self.start_us) >= NOMINAL_US {
            self.close(key_us, self.closed_files);
        } else {
            self.border = Some((key_us, self.closed_files));
        }
    }

    /// Returns the segments of a video that ends at `end_us`; none where there are too many.
    pub fn finish(mut self, end_us: i64) -> Vec<CopiedSegment> {
        if self.first_us.is_none() || self.closed.len() >= MAX_SEGMENTS {
            return Vec::new();
        }
        if self.border.is_some_and(|(border_us, _)| end_us.saturating_sub(border_us) >= MIN_US) {
            self.close_early(end_us);
        }
        let files = self.closed_files + 1;
        let is_short = end_us.saturating_sub(self.start_us) < MIN_US;
        if is_short && let Some(last) = self.closed.last_mut() {
            last.files += files;
        } else {
            self.closed.push(CopiedSegment { start_us: self.start_us, files });
        }
        self.closed
    }

    /// Ends the segment at the newest border if it would be too long at `until_us`.
    fn close_early(&mut self, until_us: i64) {
        let Some((border_us, files)) = self.border else { return };
        let (length, early) = (until_us.saturating_sub(self.start_us), border_us.saturating_sub(self.start_us));
        let shortest = if length > MAX_US { MIN_US } else { NOMINAL_US / 2 };
        if length > LONG_US && early >= shortest {
            self.close(border_us, files);
        }
    }

    fn close(&mut self, until_us: i64, files: u32) {
        self.closed.push(CopiedSegment { start_us: self.start_us, files });
        self.start_us = until_us;
        self.closed_files -= files;
        self.border = None;
    }
}

/// The segments that all renditions of a copied video share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedSegments {
    /// The first frame of each, on the grid of the encoded renditions.
    pub starts: Vec<u64>,
    /// The number of files of each in the copy.
    pub files: Vec<u32>,
}

impl SharedSegments {
    /// Returns the segments on a grid of so many frames, which begins at `start_us` of the file's clock. Two that begin
    /// with the same frame are one.
    pub fn of(copied: &[CopiedSegment], start_us: i64, rate: FrameRate, frames: u64) -> Self {
        let mut shared = Self::default();
        for segment in copied {
            let us = u128::from(segment.start_us.saturating_sub(start_us).max(0).unsigned_abs());
            // The nearest frame, as ffmpeg's filter `fps` chooses it.
            let den = u128::from(rate.den());
            let nearest = (us * u128::from(rate.num()) + 500_000 * den) / (1_000_000 * den);
            let start = if shared.starts.is_empty() { 0 } else { u64::try_from(nearest).unwrap_or(u64::MAX) };
            if shared.starts.last().is_none_or(|last| *last < start && start < frames) {
                shared.starts.push(start);
                shared.files.push(segment.files);
            } else if let Some(files) = shared.files.last_mut() {
                *files += segment.files;
            }
        }
        shared
    }

    /// Returns whether nothing is shared: then segments are as long as they nominally are.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the starts of segments in seconds, and their files.
    fn found(keys: impl IntoIterator<Item = f64>, end: f64) -> Vec<(f64, u32)> {
        let us = |seconds: f64| (seconds * 1e6).round() as i64;
        let mut finder = SegmentFinder::default();
        keys.into_iter().for_each(|key| finder.add(us(key)));
        finder.finish(us(end)).iter().map(|segment| (segment.start_us as f64 / 1e6, segment.files)).collect()
    }

    fn every(step: f64, count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(move |number| f64::from(number) * step)
    }

    #[test]
    fn dense_keyframes_are_grouped_to_four_seconds() {
        assert_eq!(found(every(0.2, 60), 12.0), [(0.0, 2), (4.0, 2), (8.0, 2)]);
        assert_eq!(found(every(2.0, 6), 12.0), [(0.0, 2), (4.0, 2), (8.0, 2)]);
        assert_eq!(found(every(4.0, 3), 12.0), [(0.0, 1), (4.0, 1), (8.0, 1)]);
    }

    #[test]
    fn sparse_keyframes_begin_a_segment_each() {
        assert_eq!(found(every(10.0, 3), 25.0), [(0.0, 1), (10.0, 1), (20.0, 1)]);
        assert_eq!(found(every(3.5, 3), 10.0), [(0.0, 1), (3.5, 1), (7.0, 1)]);
        assert_eq!(found([0.0], 3.0), [(0.0, 1)]);
    }

    #[test]
    fn irregular_keyframes_make_segments_that_are_neither_long_nor_tiny() {
        // The muxer lags behind after ten seconds, so each of the next keyframes begins a file.
        assert_eq!(found([0.0, 10.0, 10.4, 10.8, 14.0, 23.0], 26.0), [(0.0, 1), (10.0, 3), (14.0, 1), (23.0, 1)]);
        // At 3 s rather than at 13 s; the last tenth of a second is no segment.
        assert_eq!(found([0.0, 3.0, 13.0, 17.0], 17.1), [(0.0, 1), (3.0, 1), (13.0, 2)]);
        assert!(found(std::iter::empty(), 3.0).is_empty());
    }

    #[test]
    fn segments_begin_with_the_nearest_frame_of_the_grid() {
        let copied = [(40_000, 1), (4_030_000, 2), (4_050_000, 1), (8_061_000, 1), (11_990_000, 3)]
            .map(|(start_us, files)| CopiedSegment { start_us, files });
        let shared = SharedSegments::of(&copied, 20_000, FrameRate::new(25, 1).unwrap(), 299);
        assert_eq!((shared.starts, shared.files), (vec![0, 100, 101, 201], vec![1, 2, 1, 4]));
    }

    #[test]
    fn each_file_is_in_one_segment() {
        let mut seed = 1_u64;
        let mut random = |below: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(seed >> 33).unwrap() % below + 1
        };
        for round in 0..200 {
            let longest = [300_000, 2_500_000, 10_500_000][round % 3];
            let (mut finder, mut at, mut files, mut begun) = (SegmentFinder::default(), 0, 1, 0);
            finder.add(at);
            for _ in 0..random(150) {
                at += random(longest);
                finder.add(at);
                if at - begun > 0 && at >= FILE_US * files {
                    (files, begun) = (files + 1, at);
                }
            }
            let end = at + random(longest);
            let segments = finder.finish(end);
            assert_eq!(segments.iter().map(|segment| i64::from(segment.files)).sum::<i64>(), files);
            let ends = segments.iter().skip(1).map(|segment| segment.start_us).chain([end]);
            for (segment, end) in segments.iter().zip(ends) {
                let length = end - segment.start_us;
                assert!(length >= MIN_US || segments.len() == 1, "{length}");
                assert!(length <= MAX_US + FILE_US + 2 * MIN_US, "{length}");
            }
        }
    }

    #[test]
    fn absurd_times_are_survived() {
        let times = [i64::MAX, i64::MIN, 0, -1, i64::MAX - 1, i64::MIN, i64::MAX];
        for (skipped, end) in times.iter().enumerate() {
            let mut finder = SegmentFinder::default();
            times.iter().skip(skipped).for_each(|time| finder.add(*time));
            let rate = FrameRate::new(u32::MAX, 1).unwrap();
            let _ = SharedSegments::of(&finder.finish(*end), i64::MIN, rate, u64::MAX);
        }
    }
}
