//! Where the tracks of a file end, and so the item: as they declare it, or as their packets tell.
//!
//! Invariant: once the packets are read, nothing else is believed.

use super::media_info::{AudioStream, MediaInfo, Packets, VideoStream};

/// Tracks whose ends are no further apart than this, in microseconds, end together: players wait for the shorter one of
/// two that are further apart, and cameras end them within some frames of each other.
const TOLERANCE_US: u64 = 100_000;

/// Returns the duration of an item: that of its longer track, if the packets were read. A container may declare any
/// other, and it is believed only until then.
pub(super) fn duration_us(info: &MediaInfo) -> u64 {
    let video = info.video.as_ref().and_then(VideoStream::end_us);
    let audio = info.audio.as_ref().and_then(AudioStream::end_us);
    let longer = video.into_iter().chain(audio).map(|end| from_start(end, info)).max();
    let is_measured = info.video.as_ref().is_some_and(|video| video.packets.is_some());
    longer.unwrap_or(0).max(if is_measured && longer.is_some() { 0 } else { info.duration_us })
}

/// Returns the end of the video, in microseconds from the start of the file.
pub(super) fn end_us(video: &VideoStream, info: &MediaInfo) -> u64 {
    video.end_us().map_or(info.duration_us, |end| from_start(end, info)).max(1)
}

/// Returns when a track ends in microseconds from the start of the file, if its packets were read and it has any.
pub(super) fn measured_end_us(packets: Option<Packets>, info: &MediaInfo) -> Option<u64> {
    packets.filter(|packets| packets.count > 0).map(|packets| from_start(packets.end_us, info))
}

pub(super) fn from_start(us: i64, info: &MediaInfo) -> u64 {
    us.saturating_sub(info.start_us).max(0).unsigned_abs()
}

/// Returns whether a track is known to end so long before the item that a player would wait for it.
pub(super) fn is_shorter(end_us: Option<u64>, duration_us: u64) -> bool {
    end_us.is_some_and(|end| end + TOLERANCE_US < duration_us)
}

/// Returns whether video, audio and container declare one and the same end.
pub(super) fn has_clear_ends(video: &VideoStream, info: &MediaInfo) -> bool {
    let ends = [video.end_us(), info.audio.as_ref().map_or(video.end_us(), AudioStream::end_us)];
    let all: Vec<u64> = ends.into_iter().flatten().map(|end| from_start(end, info)).collect();
    let apart = |a: u64, b: u64| a.abs_diff(b) > TOLERANCE_US;
    match all[..] {
        [video, audio] => !apart(video, audio) && (info.duration_us == 0 || !apart(video.max(audio), info.duration_us)),
        _ => false,
    }
}
