//! Makes segments of runs of the muxer's files, where it cannot be told where segments begin.
//!
//! Invariant: each file is in one segment, in order, and a segment is reported once all of its files are there.

use std::path::PathBuf;

/// How much the length of a segment's files may differ from the expected one, in microseconds (what video may begin
/// later than its audio, and rounding to the grid) …
const TOLERANCE_US: u64 = 200_000;
/// … and in frames: the muxer measures its last file by the second picture as it is stored, which is shown some frames
/// later.
const TOLERANCE_FRAMES: u64 = 5;

/// A complete segment in the work folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedSegment {
    /// Its number in the rendition.
    pub number: u32,
    /// Its duration in microseconds.
    pub duration_us: u64,
    /// The paths of its files, in order.
    pub files: Vec<PathBuf>,
}

/// A segment that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExpectedSegment {
    /// The number of its files.
    pub files: u32,
    /// Its duration in microseconds, which all renditions state.
    pub duration_us: u64,
}

/// The segments that a child process writes, and the files of the one that is not complete.
#[derive(Debug, Clone)]
pub(crate) struct FileGroups {
    expected: std::vec::IntoIter<ExpectedSegment>,
    current: Option<ExpectedSegment>,
    number: u32,
    duration_us: u64,
    files: Vec<PathBuf>,
    tolerance_us: u64,
}

impl FileGroups {
    /// Returns the groups of files that are the segments `expected`, numbered from `first_segment`. A frame lasts
    /// `frame_us` microseconds.
    pub fn new(first_segment: u32, expected: Vec<ExpectedSegment>, frame_us: u64) -> Self {
        let mut expected = expected.into_iter();
        let current = expected.next();
        let tolerance_us = TOLERANCE_US.saturating_add(TOLERANCE_FRAMES.saturating_mul(frame_us));
        Self { expected, current, number: first_segment, duration_us: 0, files: Vec::new(), tolerance_us }
    }

    /// Adds the next file. Returns the segment that it completes. Behind the last expected segment each file is one.
    pub fn add(&mut self, path: PathBuf, duration_us: u64) -> Option<ClosedSegment> {
        self.files.push(path);
        self.duration_us += duration_us;
        if self.current.is_some_and(|expected| self.files.len() < expected.files as usize) {
            return None;
        }
        if let Some(expected) = self.current
            && self.duration_us.abs_diff(expected.duration_us) <= self.tolerance_us
        {
            self.duration_us = expected.duration_us;
        }
        self.finish()
    }

    /// Returns the files that are left when no more follow: a source ended early.
    pub fn finish(&mut self) -> Option<ClosedSegment> {
        if self.files.is_empty() {
            return None;
        }
        let files = std::mem::take(&mut self.files);
        let segment = ClosedSegment { number: self.number, duration_us: self.duration_us, files };
        self.number += 1;
        self.duration_us = 0;
        self.current = self.expected.next();
        Some(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_files_become_segments() {
        let expected = [(2, 4_000_000), (1, 10_000_000), (3, 6_000_000)]
            .map(|(files, duration_us)| ExpectedSegment { files, duration_us });
        let mut groups = FileGroups::new(7, expected.to_vec(), 40_000);
        let mut told = Vec::new();
        for (file, duration_us) in [2_000_000, 1_640_000, 9_000_000, 2_000_000, 2_000_000].into_iter().enumerate() {
            told.extend(groups.add(file.to_string().into(), duration_us));
        }
        told.extend(groups.finish());
        told.extend(groups.add("5".into(), 40_000));
        told.extend(groups.finish());
        let shown: Vec<_> = told.iter().map(|one| (one.number, one.duration_us, one.files.len())).collect();
        assert_eq!(shown, [(7, 4_000_000, 2), (8, 9_000_000, 1), (9, 4_000_000, 2), (10, 40_000, 1)]);
        assert_eq!(told[2].files, [PathBuf::from("3"), PathBuf::from("4")]);
    }
}
