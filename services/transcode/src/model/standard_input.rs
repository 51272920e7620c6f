//! What *standard input* is: video that every player decodes as it is, so that it is copied instead of encoded.
//!
//! Owns its limits. Does not own where a copy is cut (`copied_segments`). Invariant: only what was read of the packets
//! counts, not what the file declares of its keyframes.

use super::media_info::{MediaInfo, VideoStream};

/// At most this many bits per second …
const STANDARD_BITS: u64 = 8_000_000;
/// … this long from keyframe to keyframe: ten seconds, with a margin for the 250 frames at 24/s that x264 uses by
/// default.
const STANDARD_GOP_US: u64 = 10_500_000;
/// … video that starts with the audio, in microseconds.
const STANDARD_START_US: i64 = 50_000;
/// … and no larger than Full HD, in landscape or portrait.
const STANDARD_SIDES: (u32, u32) = (1920, 1080);

/// Returns whether its properties are those of *standard input*, as far as they are known before its packets are read.
pub(super) fn has_shape(video: &VideoStream, info: &MediaInfo) -> bool {
    let (long, short) = (video.width.max(video.height), video.width.min(video.height));
    video.codec == "h264"
        && video.pixels == "yuv420p"
        && !video.full_range
        && ["Constrained Baseline", "Baseline", "Main", "High"].contains(&video.profile.as_str())
        && video.rotation.rem_euclid(360) == 0
        && !video.mirrored
        && (video.pixel_shape.num == video.pixel_shape.den)
        && !video.interlaced
        && video.hdr().is_none()
        && (1..=STANDARD_BITS).contains(&video.bits_per_second)
        && long <= STANDARD_SIDES.0
        && short <= STANDARD_SIDES.1
        && video.width.is_multiple_of(2)
        && video.height.is_multiple_of(2)
        && video.average_rate.value() <= 60.5
        && (video.start_us - info.start_us).abs() <= STANDARD_START_US
}

/// Returns whether a video is *standard input*.
pub(super) fn is_standard(video: &VideoStream, info: &MediaInfo) -> bool {
    let spaced = video.packets.is_some_and(|packets| {
        packets.starts_with_one
            && packets.closed
            && !packets.gradual
            && !packets.changes
            && packets.count > 0
            && packets.max_interval_us <= STANDARD_GOP_US
    });
    spaced && has_shape(video, info)
}
