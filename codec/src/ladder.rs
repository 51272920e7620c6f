//! The renditions of a video: sizes, bit rates, and the matching H.264 levels.
//!
//! Owns the table of rungs and the table of levels. It does not know the encoder. Invariant: every side is even and at
//! most 4096 pixels, no rendition is wider, higher or faster than its source (a side of one pixel counts as two), and
//! each is narrower and lower than the one above it.

mod frame_rate;

pub use frame_rate::{FrameRate, InvalidFrameRate};

/// One rendition to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// Its name in URLs, after its short side: `v720`.
    pub name: String,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// The highest bit rate over the length of the buffer (`-maxrate`), in bits per second.
    pub max_rate: u32,
    /// The decoder's buffer in bits (`-bufsize`).
    pub buffer: u32,
    /// x264's constant rate factor, below that maximum.
    pub crf: u8,
    /// The profile's name in ffmpeg.
    pub profile: &'static str,
    /// H.264's `level_idc`: 31 is level 3.1.
    pub level: u8,
    /// RFC 6381 codec string.
    pub codecs: String,
    /// Peak bits per second of any one segment, video only (`BANDWIDTH`, RFC 8216 §4.3.4.2).
    pub bandwidth: u32,
}

/// The audio rendition of every ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioRung {
    /// Its name in URLs.
    pub name: &'static str,
    /// Bits per second.
    pub bitrate: u32,
    /// RFC 6381 codec string: AAC-LC.
    pub codecs: &'static str,
    /// Peak bits per second: the encoder keeps its average over seconds, not over each frame.
    pub bandwidth: u32,
}

/// 128 kbit/s AAC-LC stereo, which listeners cannot distinguish from the original (Apple's HLS authoring specification
/// §2.8 recommends 32–160 kbit/s).
pub const AUDIO: AudioRung = AudioRung { name: "audio", bitrate: 128_000, codecs: "mp4a.40.2", bandwidth: 160_000 };

/// Short side, highest bit rate for 16:9 at up to 30 frames per second, and rate factor. The rates are those of Apple's
/// HLS authoring specification, "video bit rates for H.264", at its nearest sizes (1920×1080 6 Mbit/s, 1280×720 3,
/// 854×480 between 1.1 and 2, 640×360 0.73, 416×234 0.37), as maxima: the rate factor stays below them for most
/// content.
const RUNGS: [(u32, u32, u8); 5] =
    [(1080, 6_000_000, 22), (720, 3_000_000, 22), (480, 1_400_000, 22), (360, 730_000, 23), (240, 370_000, 24)];

/// A source up to a tenth smaller than a rung still gets that rung, in its own size: 1920×1078 is "1080".
const NEAR_TENTHS: u32 = 9;
/// The longest side of any rendition, in pixels: the limit of hardware decoders.
const MAX_SIDE: u32 = 4096;
/// The highest frame rate of a rendition, in frames per second.
const MAX_FPS: u32 = 60;
/// A segment's length in seconds, over which `bandwidth` is a peak.
const SEGMENT_SECONDS: u32 = 4;

/// Returns the renditions for a source of this size (upright, square pixels) and frame rate, the highest first, each
/// smaller than the one before it in both dimensions. Empty only where a side is 0. A source smaller than every rung
/// gets one rendition of its own size.
pub fn ladder(width: u32, height: u32, rate: FrameRate) -> Vec<Rung> {
    let short = width.min(height);
    if short == 0 {
        return Vec::new();
    }
    let near = |rung: u32| u64::from(short) * 10 >= u64::from(rung) * u64::from(NEAR_TENTHS);
    let fitting = RUNGS.iter().filter(|(rung, ..)| near(*rung));
    let mut rungs: Vec<_> = fitting.map(|&(rung, bits, crf)| make_rung(rung, width, height, rate, bits, crf)).collect();
    if rungs.is_empty() {
        rungs.push(make_rung(short, width, height, rate, 370_000, 24));
    }
    // `MAX_SIDE` reduces a very long strip below its rung: to the size of the next rung, or to one that is no larger. A
    // rung that is not smaller than the one before it in both dimensions is left out.
    rungs.dedup_by(|rung, before| rung.width >= before.width || rung.height >= before.height);
    rungs
}

/// Returns the frame rate of the renditions: halved until it is at most 60 per second.
pub fn playing_rate(rate: FrameRate) -> FrameRate {
    let mut rate = rate;
    while rate.num() > u64::from(MAX_FPS) * rate.den() {
        rate = rate.halved();
    }
    rate
}

fn make_rung(rung: u32, width: u32, height: u32, rate: FrameRate, bits: u32, crf: u8) -> Rung {
    let (width, height) = fit(width, height, rung);
    let rate = playing_rate(rate);
    // The table is for 16:9; a square of the same short side has fewer pixels, a strip more.
    let area = u64::from(width) * u64::from(height);
    let wide = (u64::from(rung) * u64::from(rung) * 16 / 9).max(1);
    let shaped = u64::from(bits) * area.clamp(wide / 4, wide * 2) / wide;
    // Half as much again for 50 and 60 frames per second: consecutive frames differ less.
    let fast = rate.num() > 30 * rate.den() + rate.den() / 2;
    let max_rate = (if fast { shaped * 3 / 2 } else { shaped }).clamp(100_000, 12_000_000) as u32;
    let buffer = max_rate / 2 * 3;
    let level = level(width, height, rate, max_rate);
    // In a window of t seconds at most rate × t + buffer bits can arrive; two per cent are for the container.
    let bandwidth = (max_rate + buffer / SEGMENT_SECONDS) / 50 * 51;
    let name = format!("v{rung}");
    Rung { name, width, height, max_rate, buffer, crf, profile: "high", level, codecs: avc1(100, 0, level), bandwidth }
}

/// Returns the size with this short side, never above the source, even, with its proportions kept.
fn fit(width: u32, height: u32, short_side: u32) -> (u32, u32) {
    let (short, long) = (width.min(height), width.max(height));
    let target = short_side.min(short);
    let scaled_long = u64::from(long) * u64::from(target) / u64::from(short);
    let (target, scaled_long) = if scaled_long > u64::from(MAX_SIDE) {
        ((u64::from(short) * u64::from(MAX_SIDE) / u64::from(long)) as u32, MAX_SIDE)
    } else {
        (target, scaled_long as u32)
    };
    // 4:2:0 has one chroma sample for two by two pixels. A side of one pixel has no even size below it.
    let even = |side: u32| (side & !1).max(2);
    if width < height { (even(target), even(scaled_long)) } else { (even(scaled_long), even(target)) }
}

/// `level_idc`, macroblocks per second, macroblocks per frame, kilobits per second in High. ITU-T H.264 table A-1; High
/// is allowed 1.25 times the table's bits (§A.3.3).
const LEVELS: [(u8, u64, u64, u64); 14] = [
    (11, 3_000, 396, 240),
    (12, 6_000, 396, 480),
    (13, 11_880, 396, 960),
    (20, 11_880, 396, 2_500),
    (21, 19_800, 792, 5_000),
    (22, 20_250, 1_620, 5_000),
    (30, 40_500, 1_620, 12_500),
    (31, 108_000, 3_600, 17_500),
    (32, 216_000, 5_120, 25_000),
    (40, 245_760, 8_192, 25_000),
    (42, 522_240, 8_704, 62_500),
    (50, 589_824, 22_080, 168_750),
    (51, 983_040, 36_864, 300_000),
    (52, 2_073_600, 36_864, 300_000),
];

/// Returns the lowest level that allows this size, frame rate and bit rate; 52 where none does.
fn level(width: u32, height: u32, rate: FrameRate, max_rate: u32) -> u8 {
    let (across, down) = (u64::from(width.div_ceil(16)), u64::from(height.div_ceil(16)));
    let frame = across * down;
    let fits = |&&(_, per_second, per_frame, kilobits): &&(u8, u64, u64, u64)| {
        // No side may be longer than the square root of eight times the frame's macroblocks. §A.3.1.
        let side = across.max(down);
        frame <= per_frame
            && side * side <= 8 * per_frame
            && u128::from(frame) * u128::from(rate.num()) <= u128::from(per_second) * u128::from(rate.den())
            && u64::from(max_rate) <= kilobits * 1000
    };
    LEVELS.iter().find(fits).map_or(52, |row| row.0)
}

/// Returns the RFC 6381 string of an H.264 stream, from the three bytes behind `avcC`'s version.
pub fn avc1(profile_idc: u8, constraints: u8, level_idc: u8) -> String {
    format!("avc1.{profile_idc:02x}{constraints:02x}{level_idc:02x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate::new(num, den).unwrap()
    }

    fn sizes(width: u32, height: u32) -> Vec<(String, u32, u32)> {
        ladder(width, height, rate(30, 1)).into_iter().map(|r| (r.name, r.width, r.height)).collect()
    }

    fn row(name: &str, width: u32, height: u32) -> (String, u32, u32) {
        (name.to_owned(), width, height)
    }

    #[test]
    fn ladders_of_every_shape() {
        assert_eq!(
            sizes(1920, 1080),
            [
                row("v1080", 1920, 1080),
                row("v720", 1280, 720),
                row("v480", 852, 480),
                row("v360", 640, 360),
                row("v240", 426, 240)
            ]
        );
        assert_eq!(sizes(1080, 1920)[1], row("v720", 720, 1280), "portrait");
        assert_eq!(sizes(1000, 1000)[0], row("v1080", 1000, 1000), "square, near a rung");
        assert_eq!(sizes(3840, 2160)[0], row("v1080", 1920, 1080), "no more than 1080");
        assert_eq!(sizes(1921, 1079)[0], row("v1080", 1920, 1078), "odd");
        assert_eq!(sizes(1280, 720).len(), 4);
        assert_eq!(sizes(176, 144), [row("v144", 176, 144)]);
        assert_eq!(sizes(1, 1), [row("v1", 2, 2)]);
        assert_eq!(sizes(0, 100), []);
        assert_eq!(sizes(20_000, 200), [row("v200", 4096, 40)]);
    }

    #[test]
    fn a_capped_rung_never_lies_below_the_next() {
        // 1080 rows would be 6145 wide; at 4096 there are 718, two fewer than the next rung has.
        let expected =
            [row("v1080", 4096, 718), row("v480", 2730, 480), row("v360", 2048, 360), row("v240", 1364, 240)];
        assert_eq!(sizes(30_305, 5326), expected);
        assert_eq!(sizes(5326, 30_305)[..2], [row("v1080", 718, 4096), row("v480", 480, 2730)], "portrait");
        // The 720 rung would be a little narrower, with as many rows.
        assert_eq!(sizes(8180, 1440)[..2], [row("v1080", 4096, 720), row("v480", 2726, 480)]);
    }

    #[test]
    fn rates_follow_shape_and_speed() {
        let top = |w, h, r| ladder(w, h, r).swap_remove(0);
        let (normal, fast) = (top(1920, 1080, rate(30_000, 1001)), top(1920, 1080, rate(60, 1)));
        assert_eq!((normal.max_rate, normal.buffer), (6_000_000, 9_000_000));
        assert_eq!((fast.max_rate, top(1920, 1080, rate(120, 1)).max_rate), (9_000_000, 9_000_000));
        assert!(top(1080, 1080, rate(30, 1)).max_rate < 4_000_000);
        assert_eq!(normal.bandwidth, 8_415_000);
    }

    #[test]
    fn levels_as_the_table_says() {
        let of = |w, h, num, den| ladder(w, h, rate(num, den)).swap_remove(0);
        assert_eq!(of(1920, 1080, 30, 1).codecs, "avc1.640028");
        assert_eq!(of(1920, 1080, 60, 1).codecs, "avc1.64002a");
        assert_eq!(of(1280, 720, 30, 1).level, 31);
        assert_eq!(of(1280, 720, 60, 1).level, 32);
        assert_eq!(of(640, 360, 30_000, 1001).level, 30);
        assert_eq!(avc1(0x4d, 0x40, 0x1e), "avc1.4d401e");
    }

    #[test]
    fn fast_frame_rates_are_halved() {
        assert_eq!(playing_rate(rate(60, 1)), rate(60, 1));
        assert_eq!(playing_rate(rate(60_000, 1001)), rate(60_000, 1001));
        assert_eq!(playing_rate(rate(120_000, 1001)), rate(60_000, 1001));
        assert_eq!(playing_rate(rate(90, 1)), rate(45, 1));
        assert!(playing_rate(rate(u32::MAX, 1)).fps() <= 60.0);
    }

    proptest! {
        #[test]
        fn never_above_the_source(
            width in 1_u32..70_000,
            height in 1_u32..70_000,
            num in 1_u32..300_000,
            den in 1_u32..2000,
        ) {
            let rungs = ladder(width, height, rate(num, den));
            prop_assert!(!rungs.is_empty() && rungs.len() <= 5);
            for rung in &rungs {
                prop_assert!(rung.width <= width.max(2) && rung.height <= height.max(2));
                prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0 && rung.width > 0 && rung.height > 0);
                prop_assert!(rung.width.max(rung.height) <= MAX_SIDE);
                prop_assert!(rung.bandwidth > rung.max_rate);
            }
            prop_assert!(rungs.is_sorted_by_key(|rung| std::cmp::Reverse(rung.width.min(rung.height))));
            for pair in rungs.windows(2) {
                prop_assert!(pair[0].width > pair[1].width && pair[0].height > pair[1].height, "{:?}", pair);
                prop_assert!(pair[0].bandwidth > pair[1].bandwidth, "{:?}", pair);
            }
        }

        // Shapes about which the cap and the table disagree are too rare among the shapes above.
        #[test]
        fn long_strips_have_smaller_and_smaller_rungs(short in 1_u32..8000, tenths in 30_u32..400, portrait: bool) {
            let long = short * tenths / 10;
            let (width, height) = if portrait { (short, long) } else { (long, short) };
            let rungs = ladder(width, height, rate(30, 1));
            prop_assert!(!rungs.is_empty());
            for pair in rungs.windows(2) {
                prop_assert!(pair[0].width > pair[1].width && pair[0].height > pair[1].height, "{:?}", pair);
                prop_assert!(pair[0].bandwidth > pair[1].bandwidth, "{:?}", pair);
            }
        }

        #[test]
        fn proportions_are_kept(width in 240_u32..5000, height in 240_u32..5000) {
            for rung in ladder(width, height, rate(25, 1)) {
                let source = f64::from(width) / f64::from(height);
                let made = f64::from(rung.width) / f64::from(rung.height);
                prop_assert!((source / made - 1.0).abs() < 2.5 / f64::from(rung.width.min(rung.height)) + 0.001);
            }
        }

        #[test]
        fn any_numbers(width: u32, height: u32, num in 1_u32.., den in 1_u32..) {
            let _ = (ladder(width, height, rate(num, den)), playing_rate(rate(num, den)));
        }
    }
}
