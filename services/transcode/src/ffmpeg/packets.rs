//! Reads ffprobe's list of packets: where keyframes are, and when each stream ends.
//!
//! Invariant: the list is never stored: memory is bounded, whatever the file lists.

use std::collections::BTreeMap;

use super::probe::micros;
use crate::model::copied_segments::{CopiedSegment, SegmentFinder};
use crate::model::media_info::Packets;

/// Streams with a higher number are not read; a file with more is rejected.
pub(crate) const MAX_LISTED_STREAMS: u32 = 32;
/// None of our lines is this long, in bytes.
const MAX_LINE: usize = 4096;
/// Intervals between packets are counted in steps of this length, in microseconds, up to [`STEPS`] of them.
const STEP_US: i64 = 500;
const STEPS: usize = 1000;
/// With fewer intervals than this, what is typical is not known.
const MIN_INTERVALS: u64 = 12;
/// The most keyframes of a stream whose places are noted; of more, every second one, and so on.
const MAX_KEYS: usize = 4096;

/// What the packets of a file tell, by the numbers of the streams that have any.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub packets: BTreeMap<u32, Packets>,
    /// The places of keyframes, in bytes from the start of the file; not of all where there are very many.
    pub keys: BTreeMap<u32, Vec<u64>>,
    /// The segments that a copy has.
    pub segments: BTreeMap<u32, Vec<CopiedSegment>>,
}

/// Collects what is known of each stream from the lines of [`super::probe::packets`].
#[derive(Debug, Default)]
pub(crate) struct PacketReader {
    rest: String,
    streams: BTreeMap<u32, StreamReader>,
}

impl PacketReader {
    /// Adds output. Returns whether a line ended in it.
    pub fn feed(&mut self, printed: &[u8]) -> bool {
        self.rest.push_str(&String::from_utf8_lossy(printed));
        let Some(end) = self.rest.rfind('\n') else {
            if self.rest.len() > MAX_LINE {
                self.rest.clear();
            }
            return false;
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        whole.lines().for_each(|line| self.line(line));
        true
    }

    fn line(&mut self, line: &str) {
        let Some((stream, packet)) = line.split_once(',') else { return };
        if let Some(stream) = stream.parse::<u32>().ok().filter(|stream| *stream < MAX_LISTED_STREAMS) {
            self.streams.entry(stream).or_default().line(packet);
        }
    }

    /// Returns what the whole list tells.
    pub fn finish(mut self) -> Listed {
        let last = std::mem::take(&mut self.rest);
        self.line(&last);
        let mut listed = Listed::default();
        for (stream, mut reader) in self.streams {
            listed.keys.insert(stream, std::mem::take(&mut reader.keys.places));
            listed.segments.insert(stream, std::mem::take(&mut reader.segments).finish(reader.found.end_us));
            listed.packets.insert(stream, reader.finish());
        }
        listed
    }
}

#[derive(Debug, Default)]
struct StreamReader {
    found: Packets,
    last_key: Option<i64>,
    open: bool,
    intervals: Intervals,
    keys: Keys,
    segments: SegmentFinder,
}

impl StreamReader {
    fn line(&mut self, packet: &str) {
        let mut fields = packet.split(',');
        let (pts, dts, length) = (fields.next(), fields.next(), fields.next());
        let (place, flags) = match (fields.next(), fields.next()) {
            (place, Some(flags)) => (place.and_then(|place| place.parse().ok()), Some(flags)),
            (flags, None) => (None, flags),
        };
        let Some(at) = micros(pts).or_else(|| micros(dts)) else { return };
        let has = |flag: char| flags.is_some_and(|flags| flags.contains(flag));
        if has('K') {
            if let Some(last) = self.last_key {
                self.found.max_interval_us = self.found.max_interval_us.max(u64::try_from(at - last).unwrap_or(0));
            } else {
                self.found.starts_with_one = self.found.count == 0;
            }
            self.last_key = Some(at);
            self.keys.add(place);
            self.segments.add(at);
        } else if self.last_key.is_some_and(|key| at < key) {
            self.open = true;
        }
        self.intervals.add(micros(dts).unwrap_or(at));
        self.found.count += 1;
        // Cut off by an edit list, but in the file: a copy would show it again.
        if has('D') {
            self.open = true;
            return;
        }
        self.found.end_us = self.found.end_us.max(at + micros(length).unwrap_or(0));
        self.found.last_us = self.found.last_us.max(at);
    }

    fn finish(mut self) -> Packets {
        if let Some(key) = self.last_key {
            self.found.max_interval_us =
                self.found.max_interval_us.max(u64::try_from(self.found.end_us - key).unwrap_or(0));
        }
        self.found.closed = !self.open && self.last_key.is_some();
        self.found.interval_us = self.intervals.typical_us();
        self.found
    }
}

/// Where keyframes are: all of them, or every second, fourth, eighth one.
#[derive(Debug, Default)]
struct Keys {
    places: Vec<u64>,
    count: usize,
    /// How many are left out behind each that is noted.
    skipped: usize,
}

impl Keys {
    fn add(&mut self, place: Option<u64>) {
        self.count += 1;
        let Some(place) = place.filter(|_| (self.count - 1).is_multiple_of(self.skipped + 1)) else { return };
        self.places.push(place);
        if self.places.len() >= MAX_KEYS {
            let mut number = 0;
            self.places.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.skipped = self.skipped * 2 + 1;
        }
    }
}

/// How often each interval between two packets occurs, and how long those are together.
#[derive(Debug, Default)]
struct Intervals {
    before: Option<i64>,
    counted: Vec<(u64, i64)>,
}

impl Intervals {
    fn add(&mut self, at: i64) {
        let interval = self.before.map_or(0, |before| at.saturating_sub(before));
        self.before = Some(at);
        if interval <= 0 {
            return;
        }
        if self.counted.is_empty() {
            self.counted = vec![(0, 0); STEPS];
        }
        let step = usize::try_from(interval / STEP_US).unwrap_or(usize::MAX).min(STEPS - 1);
        if let Some((count, sum)) = self.counted.get_mut(step) {
            (*count, *sum) = (*count + 1, sum.saturating_add(interval));
        }
    }

    /// Returns the mean of the intervals near the median, since containers round each to their clock; 0 where there are
    /// too few of them.
    fn typical_us(&self) -> u64 {
        let all: u64 = self.counted.iter().map(|(count, _)| count).sum();
        if all < MIN_INTERVALS {
            return 0;
        }
        let mut seen = 0_u64;
        let median = self.counted.iter().take_while(|(count, _)| {
            seen += count;
            seen * 2 < all
        });
        // A clock of milliseconds rounds by two steps at most.
        let median = median.count();
        let near = self.counted.get(median.saturating_sub(3)..(median + 4).min(STEPS)).unwrap_or_default();
        let (count, sum) = near.iter().fold((0, 0_i64), |all, one| (all.0 + one.0, all.1.saturating_add(one.1)));
        u64::try_from(sum).unwrap_or(0) / count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn packets(lines: &str) -> BTreeMap<u32, Packets> {
        let mut reader = PacketReader::default();
        for piece in lines.as_bytes().chunks(7) {
            reader.feed(piece);
        }
        reader.finish().packets
    }

    #[test]
    fn the_interval_between_keyframes_is_measured() {
        let lines = "0,0.0,-0.08,0.04,48,K_\n0,0.08,-0.04,0.04,__\n0,0.04,0.0,0.04,N/A,__\n0,2.0,1.9,0.04,96,K_\n\
                     0,2.04,1.96,0.04,__";
        assert_eq!(
            packets(lines)[&0],
            Packets {
                max_interval_us: 2_000_000,
                closed: true,
                starts_with_one: true,
                count: 5,
                end_us: 2_080_000,
                last_us: 2_040_000,
                ..Packets::default()
            }
        );
        assert!(!packets("0,0.0,0.0,0.04,KD\n0,0.04,0.04,0.04,__\n")[&0].closed, "hidden pictures");
        // A frame that comes after a keyframe but is shown before it: the group is open.
        assert!(!packets("0,0.0,0.0,0.04,K_\n0,2.0,1.9,0.04,K_\n0,1.96,1.94,0.04,__\n")[&0].closed);
    }

    #[test]
    fn the_places_of_keyframes_are_noted_and_never_too_many() {
        let mut reader = PacketReader::default();
        for number in 0..10_000_u64 {
            reader.feed(
                format!("0,{number}.0,{number}.0,1.0,{},K_\n0,{number}.5,{number}.5,1.0,7,__\n", number * 10)
                    .as_bytes(),
            );
        }
        let keys = reader.finish().keys.remove(&0).unwrap();
        assert!(keys.len() < MAX_KEYS && keys.windows(2).all(|pair| pair[1] - pair[0] == 40), "{}", keys.len());
        assert_eq!((keys[0], *keys.last().unwrap()), (0, 99_960));
    }

    #[test]
    fn each_stream_has_its_own_end_and_what_an_edit_list_hides_does_not_count() {
        let all = packets(
            "0,0.0,0.0,0.04,K_\n1,0.0,0.0,0.02,K_\n1,0.02,0.02,0.02,K_\n1,0.04,0.04,0.02,KD\nx,y\n99,1,1,1,K\n",
        );
        assert_eq!(all.len(), 2);
        assert_eq!((all[&0].end_us, all[&1].end_us, all[&1].last_us), (40_000, 40_000, 20_000));
    }

    #[test]
    fn the_typical_interval_is_that_of_the_motion_and_not_of_the_pauses() {
        // Thirty pictures a second on a clock of milliseconds, and a pause of a minute after every ten of them.
        let mut lines = String::new();
        for number in 0..60_u32 {
            let at = (f64::from(number) * 1000.0 / 30.0).round() / 1000.0 + f64::from(number / 10) * 60.0;
            writeln!(lines, "3,{at:.6},{at:.6},N/A,K_").unwrap();
        }
        let interval = packets(&lines)[&3].interval_us;
        assert!((33_200..33_500).contains(&interval), "{interval}");
    }
}
