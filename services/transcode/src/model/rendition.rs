//! Which segments of a finished rendition are kept, and the bandwidth that they need.
//!
//! Invariant: a finished rendition is an unbroken run of segments from 0.

use contract::transcode::Segment;

/// A last segment that is shorter than this, in microseconds, says little about the bandwidth that a player needs.
const MIN_MEASURED_US: u64 = 1_000_000;

/// Splits the segments of a rendition, ordered by number, at the first gap. A damaged source can end early for one
/// chunk and continue in the next: segments behind a gap cannot be reached.
pub(crate) fn split_at_gap<'a, 's>(segments: &'a [&'s Segment]) -> (&'a [&'s Segment], &'a [&'s Segment]) {
    let run = segments.iter().enumerate().take_while(|(at, segment)| segment.number as usize == *at).count();
    segments.split_at(run)
}

/// Returns the duration of segments in microseconds.
pub(crate) fn duration_us(segments: &[&Segment]) -> u64 {
    segments.iter().map(|segment| segment.duration_us).sum()
}

/// Returns the bits per second of the segment that has the most; 0 if none is long enough to measure.
pub(crate) fn peak_bits_per_second(segments: &[&Segment]) -> u64 {
    let bits_per_second = |segment: &Segment| {
        u64::try_from(u128::from(segment.bytes) * 8_000_000 / u128::from(segment.duration_us)).unwrap_or(u64::MAX)
    };
    segments
        .iter()
        .filter(|segment| segment.duration_us >= MIN_MEASURED_US)
        .map(|segment| bits_per_second(segment))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use contract::ObjectKey;

    use super::*;

    fn segment(number: u32, duration_us: u64, bytes: u64) -> Segment {
        Segment { rendition: "v360".to_owned(), number, duration_us, object: ObjectKey::random(), bytes }
    }

    #[test]
    fn segments_behind_a_gap_are_not_kept() {
        let all = [0, 1, 2, 4, 5].map(|number| segment(number, 4_000_000, 1000));
        let all: Vec<&Segment> = all.iter().collect();
        let (kept, dropped) = split_at_gap(&all);
        assert_eq!((kept.len(), dropped.len()), (3, 2));
        assert_eq!(duration_us(kept), 12_000_000);
        assert_eq!(split_at_gap(&all[1..]).0.len(), 0);
    }

    #[test]
    fn the_peak_ignores_a_last_segment_of_a_frame_or_two() {
        let (long, short) = (segment(0, 4_000_000, 500_000), segment(1, 40_000, 400_000));
        assert_eq!(peak_bits_per_second(&[&long, &short]), 1_000_000);
        assert_eq!(peak_bits_per_second(&[&short]), 0);
    }
}
