//! Divides a video's time into chunks that are converted independently and join without a seam.
//!
//! Owns the division, in frames at one exact frame rate. It does not know which worker converts what, nor why segments
//! begin where they do. Invariant: chunks follow each other without gap or overlap, each begins at a segment boundary,
//! and together they have all frames of the source.

use crate::ladder::FrameRate;

/// The nominal length of a segment and of a group of pictures, in seconds.
const SEGMENT_SECONDS: u64 = 4;
const GOP_SECONDS: u64 = 2;
/// Segments in the first chunks, which are short so that the first seconds are ready early; all later chunks are as
/// long as the last of these: 4, 8, 16, 32, 32 … seconds. Longer chunks would leave workers idle at the end.
const GROWTH: [u32; 4] = [1, 2, 4, 8];

/// One chunk: a run of whole segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its number, from 0.
    pub number: u32,
    /// Its first frame, from 0.
    pub start_frame: u64,
    /// The number of frames; of regular segments only the last chunk's is not a multiple of the segment's.
    pub frames: u64,
    /// The number of its first segment, from 0.
    pub first_segment: u32,
    /// The number of segments.
    pub segments: u32,
}

/// The division of one video into chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    total_frames: u64,
    rate: FrameRate,
    gop: u64,
    segment: u64,
    doubling: bool,
    /// The first frames of segments that are not regular, and the first segments of their chunks; empty otherwise.
    starts: Vec<u64>,
    firsts: Vec<u32>,
}

impl Chunks {
    /// Returns the chunks of `total_frames` frames at a constant `rate`. Nothing is stored: a chunk is computed when a
    /// caller asks for it.
    pub fn new(total_frames: u64, rate: FrameRate) -> Self {
        // The nearest whole number of frames to two seconds: 60 at 29.97, which last 2.002 s.
        let gop = ((2 * GOP_SECONDS * rate.num() / rate.den()).div_ceil(2)).max(1);
        // Below one frame in two seconds a group lasts longer than that; then a segment holds fewer groups.
        let gop_us = rate.frame_us(gop).max(1);
        let gops = ((SEGMENT_SECONDS * 1_000_000 + gop_us / 2) / gop_us).max(1);
        let segment = gop.saturating_mul(gops);
        Self { total_frames, rate, gop, segment, doubling: false, starts: Vec::new(), firsts: Vec::new() }
    }

    /// Returns chunks each of which is twice as long as the one before: for video in which decoding can only begin far
    /// before a chunk. Then all chunks together decode two and a half times its length at most.
    pub fn doubling(total_frames: u64, rate: FrameRate) -> Self {
        Self { doubling: true, ..Self::new(total_frames, rate) }
    }

    /// Returns chunks of segments that begin with the frames `starts`, as those of another rendition do. A start that
    /// does not follow the one before, or that is past the end, is left out; the first segment begins with frame 0.
    pub fn along(starts: &[u64], total_frames: u64, rate: FrameRate) -> Self {
        let mut chunks = Self::new(total_frames, rate);
        if total_frames == 0 {
            return chunks;
        }
        let (mut before, mut in_chunk) = (0, 0_u64);
        (chunks.starts, chunks.firsts) = (vec![0], vec![0]);
        for &start in starts.iter().filter(|start| **start < total_frames) {
            if start > before {
                chunks.add_segment(start - before, &mut in_chunk);
                chunks.starts.push(start);
                before = start;
            }
        }
        chunks.add_segment(total_frames - before, &mut in_chunk);
        // As in `len`: a short tail is no chunk of its own.
        if chunks.firsts.len() > 1 && in_chunk.saturating_mul(2) < chunks.wanted_frames(chunks.firsts.len() - 1) {
            chunks.firsts.pop();
        }
        chunks
    }

    /// Adds the newest of `starts`, a segment of so many frames, to the last chunk, or begins one where that comes
    /// nearer to the length that a chunk should have.
    fn add_segment(&mut self, frames: u64, in_chunk: &mut u64) {
        let wanted = self.wanted_frames(self.firsts.len() - 1);
        if *in_chunk > 0 && in_chunk.saturating_add(frames / 2) > wanted {
            self.firsts.push(u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX));
            *in_chunk = 0;
        }
        *in_chunk = in_chunk.saturating_add(frames);
    }

    /// Returns the length that chunk `number` should have, in frames.
    fn wanted_frames(&self, number: usize) -> u64 {
        u64::from(GROWTH[number.min(GROWTH.len() - 1)]).saturating_mul(self.segment)
    }

    /// Returns whether all segments have [`Chunks::segment_frames`], except the last.
    pub fn is_regular(&self) -> bool {
        self.starts.is_empty()
    }

    /// The constant frame rate.
    pub fn rate(&self) -> FrameRate {
        self.rate
    }

    /// Frames in a group of pictures: the encoder's `-g`.
    pub fn gop_frames(&self) -> u64 {
        self.gop
    }

    /// Frames in a regular segment, except the last.
    pub fn segment_frames(&self) -> u64 {
        self.segment
    }

    /// The number of segments of the whole video.
    pub fn total_segments(&self) -> u32 {
        if !self.is_regular() {
            return u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        }
        u32::try_from(self.total_frames.div_ceil(self.segment)).unwrap_or(u32::MAX)
    }

    /// The number of chunks.
    pub fn len(&self) -> u32 {
        if !self.is_regular() {
            return u32::try_from(self.firsts.len()).unwrap_or(u32::MAX);
        }
        let total = self.total_segments();
        let growing = if self.doubling { u32::BITS } else { GROWTH.len() as u32 };
        let mut number = 0;
        while number < growing && self.first_segment(number) < total {
            number += 1;
        }
        let grown = self.first_segment(number);
        let chunks = number + total.saturating_sub(grown).div_ceil(GROWTH[GROWTH.len() - 1]);
        // A tail much shorter than its chunk would cost more to seek to than to encode, so the chunk before includes
        // it.
        let last = chunks.saturating_sub(1);
        if chunks > 1 && total.saturating_sub(self.first_segment(last)).saturating_mul(2) < self.segments_in_chunk(last)
        {
            last
        } else {
            chunks
        }
    }

    /// Returns whether there is nothing to convert.
    pub fn is_empty(&self) -> bool {
        self.total_frames == 0
    }

    /// Returns chunk `number`, or `None` past the last.
    pub fn get(&self, number: u32) -> Option<Chunk> {
        let chunks = self.len();
        if number >= chunks {
            return None;
        }
        let first_segment = self.first_segment(number);
        let left = self.total_segments().saturating_sub(first_segment);
        let usual = if self.is_regular() {
            self.segments_in_chunk(number)
        } else {
            self.first_segment(number + 1).saturating_sub(first_segment)
        };
        let segments = if number + 1 == chunks { left } else { left.min(usual) };
        let start_frame = self.segment_start(first_segment.into());
        let frames = self.segment_start(u64::from(first_segment) + u64::from(segments)) - start_frame;
        Some(Chunk { number, start_frame, frames, first_segment, segments })
    }

    /// Returns all chunks, in playback order.
    pub fn iter(&self) -> impl Iterator<Item = Chunk> {
        (0..self.len()).filter_map(move |number| self.get(number))
    }

    /// Returns when a chunk begins, in microseconds.
    pub fn start_us(&self, chunk: &Chunk) -> u64 {
        self.rate.frame_us(chunk.start_frame)
    }

    /// Returns how long a chunk is, in microseconds; the lengths add up to the whole exactly.
    pub fn duration_us(&self, chunk: &Chunk) -> u64 {
        self.rate.frame_us(chunk.start_frame.saturating_add(chunk.frames)) - self.start_us(chunk)
    }

    /// Returns how long segment `number` is, in microseconds; `None` past the last.
    pub fn segment_us(&self, number: u32) -> Option<u64> {
        let start = self.segment_start(number.into());
        let end = self.segment_start(u64::from(number) + 1);
        (start < self.total_frames).then(|| self.rate.frame_us(end) - self.rate.frame_us(start))
    }

    /// Returns the first frames of the groups of pictures in segment `number`: as many of equal length as come nearest
    /// to the nominal length.
    pub fn groups(&self, number: u32) -> impl Iterator<Item = u64> {
        let start = self.segment_start(number.into());
        let frames = self.segment_start(u64::from(number) + 1) - start;
        let count = (frames.saturating_add(self.gop / 2) / self.gop).max(1);
        (0..count).map(move |group| start + frames.saturating_mul(group) / count)
    }

    /// Returns the first frame of a segment; past the last, the number of all frames.
    fn segment_start(&self, number: u64) -> u64 {
        if self.is_regular() {
            return number.saturating_mul(self.segment).min(self.total_frames);
        }
        let start = usize::try_from(number).ok().and_then(|number| self.starts.get(number));
        start.copied().unwrap_or(self.total_frames)
    }

    fn segments_in_chunk(&self, number: u32) -> u32 {
        if self.doubling {
            return 1_u32.checked_shl(number).unwrap_or(u32::MAX);
        }
        GROWTH[(number as usize).min(GROWTH.len() - 1)]
    }

    /// Returns the number of the first segment of a chunk.
    fn first_segment(&self, number: u32) -> u32 {
        if !self.is_regular() {
            return self.firsts.get(number as usize).copied().unwrap_or_else(|| self.total_segments());
        }
        if self.doubling {
            return self.segments_in_chunk(number).saturating_sub(u32::from(number < u32::BITS));
        }
        let growing: u32 = GROWTH.iter().take(number as usize).sum();
        growing.saturating_add(number.saturating_sub(GROWTH.len() as u32).saturating_mul(GROWTH[GROWTH.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks(frames: u64, num: u32, den: u32) -> Chunks {
        Chunks::new(frames, FrameRate::new(num, den).unwrap())
    }

    #[test]
    fn early_chunks_are_shorter() {
        let cut = chunks(25 * 130, 25, 1);
        let seconds: Vec<_> = cut.iter().map(|chunk| cut.duration_us(&chunk) / 1_000_000).collect();
        assert_eq!(seconds, [4, 8, 16, 32, 32, 38], "the last six seconds are no chunk of their own");
        assert_eq!(
            cut.get(2).unwrap(),
            Chunk { number: 2, start_frame: 300, frames: 400, first_segment: 3, segments: 4 }
        );
        assert_eq!((cut.total_segments(), cut.get(6)), (33, None));
    }

    #[test]
    fn chunks_that_decode_from_afar_double() {
        let cut = Chunks::doubling(25 * 3600, FrameRate::new(25, 1).unwrap());
        let seconds: Vec<_> = cut.iter().map(|chunk| cut.duration_us(&chunk) / 1_000_000).collect();
        assert_eq!(seconds, [4, 8, 16, 32, 64, 128, 256, 512, 1024, 1556]);
        let decoded: u64 = cut.iter().map(|chunk| cut.start_us(&chunk) + cut.duration_us(&chunk)).sum();
        assert!(decoded < 9_000_000_000, "{decoded}");
    }

    #[test]
    fn rates_that_are_no_whole_number() {
        let ntsc = chunks(900, 30_000, 1001);
        assert_eq!((ntsc.gop_frames(), ntsc.segment_frames(), ntsc.segment_us(0)), (60, 120, Some(4_004_000)));
        assert_eq!(ntsc.segment_us(7), Some(2_002_000));
        assert_eq!(ntsc.segment_us(8), None);
        let video = chunks(100, 24_000, 1001);
        assert_eq!((video.gop_frames(), video.segment_frames()), (48, 96));
        assert_eq!(chunks(100, 25, 2).gop_frames(), 25);
        let slow = chunks(100, 1, 10);
        assert_eq!((slow.gop_frames(), slow.segment_frames()), (1, 1), "a frame every ten seconds");
    }

    #[test]
    fn segments_of_another_rendition_are_followed() {
        let along = |starts: &[u64], frames| Chunks::along(starts, frames, FrameRate::new(25, 1).unwrap());
        let ten = along(&[0, 250, 500, 750, 1000, 1250, 1500, 1750], 1800);
        let seconds: Vec<_> = ten.iter().map(|chunk| ten.duration_us(&chunk) / 1_000_000).collect();
        assert_eq!(seconds, [10, 10, 20, 32], "a chunk is as long as usual, as far as its segments allow");
        assert_eq!((ten.total_segments(), ten.segment_us(7), ten.segment_us(8)), (8, Some(2_000_000), None));
        assert_eq!(ten.groups(0).collect::<Vec<_>>(), [0, 50, 100, 150, 200]);
        assert_eq!(ten.groups(7).collect::<Vec<_>>(), [1750]);
        let odd = along(&[0, 130, 130, 110, 190, 900], 300);
        assert_eq!((odd.total_segments(), odd.segment_us(1)), (3, Some(2_400_000)));
        assert_eq!(odd.groups(0).collect::<Vec<_>>(), [0, 43, 86]);
        let regular: Vec<u64> = (0..33).map(|number| number * 100).collect();
        assert!(along(&regular, 25 * 130).iter().eq(chunks(25 * 130, 25, 1).iter()));
        assert_eq!((along(&[], 10).total_segments(), along(&[0], 0).len()), (1, 0));
    }

    #[test]
    fn short_and_empty() {
        assert_eq!(chunks(0, 25, 1).iter().count(), 0);
        let one: Vec<_> = chunks(1, 25, 1).iter().collect();
        assert_eq!(one, [Chunk { number: 0, start_frame: 0, frames: 1, first_segment: 0, segments: 1 }]);
        assert_eq!(chunks(101, 25, 1).len(), 2);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_twice(
            frames in 0_u64..2_000_000,
            num in 1_u32..240_000,
            den in 1_u32..2000,
            doubling: bool,
        ) {
            let cut = Chunks { doubling, ..chunks(frames, num, den) };
            let (mut frame, mut segment, mut us) = (0, 0, 0);
            for (number, chunk) in cut.iter().take(20_000).enumerate() {
                prop_assert_eq!(chunk.number as usize, number);
                prop_assert_eq!((chunk.start_frame, chunk.first_segment, cut.start_us(&chunk)), (frame, segment, us));
                prop_assert!(chunk.frames > 0);
                prop_assert_eq!(u64::from(chunk.segments), chunk.frames.div_ceil(cut.segment_frames()));
                (frame, segment, us) = (frame + chunk.frames, segment + chunk.segments, us + cut.duration_us(&chunk));
            }
            if cut.len() <= 20_000 {
                prop_assert_eq!((frame, segment), (frames, cut.total_segments()));
                prop_assert_eq!(cut.is_empty(), cut.get(0).is_none());
            }
            prop_assert_eq!(cut.segment_frames() % cut.gop_frames(), 0);
        }

        #[test]
        fn irregular_segments_lose_nothing(
            starts in proptest::collection::vec(0_u64..20_000, 0..80),
            frames in 0_u64..20_000,
            num in 1_u32..240_000,
            den in 1_u32..2000,
        ) {
            let mut starts = starts;
            starts.sort_unstable();
            let cut = Chunks::along(&starts, frames, FrameRate::new(num, den).unwrap());
            let (mut frame, mut segment, mut us) = (0, 0, 0);
            for chunk in cut.iter() {
                prop_assert_eq!((chunk.start_frame, chunk.first_segment, cut.start_us(&chunk)), (frame, segment, us));
                prop_assert!(chunk.frames > 0 && chunk.segments > 0);
                for number in segment..segment + chunk.segments {
                    let groups: Vec<u64> = cut.groups(number).collect();
                    prop_assert!(number == 0 || starts.contains(&groups[0]));
                    prop_assert!(groups.windows(2).all(|pair| pair[0] < pair[1]));
                    us += cut.segment_us(number).unwrap();
                }
                (frame, segment) = (frame + chunk.frames, segment + chunk.segments);
            }
            prop_assert_eq!((frame, segment), (frames, cut.total_segments()));
        }

        #[test]
        fn any_numbers(frames: u64, num in 1_u32.., den in 1_u32.., number: u32, doubling: bool) {
            let cut = Chunks { doubling, ..chunks(frames, num, den) };
            let _ = (cut.len(), cut.total_segments(), cut.segment_us(number));
            if let Some(chunk) = cut.get(number) { let _ = (cut.start_us(&chunk), cut.duration_us(&chunk)); }
        }
    }
}
