//! The promises of a plan: what is copied, what is encoded, what is rejected.

use super::*;
use crate::model::copied_segments::CopiedSegment;
use crate::model::media_info::{AudioStream, Packets};

const FOUR_HOURS: Accepted = Accepted { max_duration_us: 4 * 3600 * 1_000_000, pixels: 8192 * 4608 };

fn clip() -> MediaInfo {
    MediaInfo {
        duration_us: 30_000_000,
        streams: 2,
        video: Some(VideoStream {
            codec: "h264".into(),
            profile: "High".into(),
            pixels: "yuv420p".into(),
            width: 1920,
            height: 1080,
            pixel_shape: Ratio::new(1, 1),
            base_rate: Ratio::new(24, 1),
            average_rate: Ratio::new(24, 1),
            duration_us: 30_000_000,
            bits_per_second: 5_800_000,
            packets: Some(Packets {
                max_interval_us: 10_416_667,
                closed: true,
                starts_with_one: true,
                count: 720,
                end_us: 30_000_000,
                last_us: 29_958_333,
                interval_us: 41_667,
                ..Packets::default()
            }),
            segments: [0, 10_416_667, 20_833_333].map(|start_us| CopiedSegment { start_us, files: 1 }).to_vec(),
            ..VideoStream::default()
        }),
        audio: Some(AudioStream { stream: 1, codec: "aac".into(), duration_us: 30_000_000, ..AudioStream::default() }),
        ..MediaInfo::default()
    }
}

fn changed(change: impl FnOnce(&mut VideoStream)) -> Plan {
    let mut info = clip();
    change(info.video.as_mut().unwrap());
    Plan::of(&info, FOUR_HOURS).unwrap()
}

#[test]
fn standard_input_is_copied_and_its_top_rung_never_encoded() {
    let plan = changed(|_| {});
    let video = plan.video.as_ref().unwrap();
    let copy = video.copy.as_ref().unwrap();
    assert!(!video.rungs.is_empty() && video.rungs.iter().all(|rung| rung.name != copy.name && rung.width < 1920));
    assert_eq!(plan.opening(), [Task::Copy, Task::Audio]);
    assert!(plan.tasks().iter().any(|&(task, _)| task == Task::Chunk(0)));
}

#[test]
fn encoded_renditions_have_the_segments_of_the_copy() {
    let video = changed(|_| {}).video.unwrap();
    let chunks = video.chunks();
    assert_eq!(chunks.iter().map(|chunk| chunk.start_frame).collect::<Vec<_>>(), [0, 250, 500]);
    let lengths = [10_416_666, 10_416_667, 9_166_667];
    assert_eq!([0, 1, 2].map(|number| chunks.segment_us(number)), lengths.map(Some));
    // A plan of the previous release.
    let mut stored = serde_json::to_value(&video).unwrap();
    stored["copy"].as_object_mut().unwrap().remove("segments");
    let before: VideoPlan = serde_json::from_value(stored).unwrap();
    assert_eq!(before.chunks(), Chunks::new(720, FrameRate::new(24, 1).unwrap()));
}

#[test]
fn other_input_is_encoded() {
    type Change = fn(&mut VideoStream);
    let changes: [Change; 13] = [
        |video| video.rotation = 90,
        |video| video.mirrored = true,
        |video| video.pixels = "yuv420p10le".into(),
        |video| video.codec = "hevc".into(),
        |video| video.bits_per_second = 20_000_000,
        |video| video.interlaced = true,
        |video| video.transfer = "smpte2084".into(),
        |video| video.pixel_shape = Ratio::new(4, 3),
        |video| video.packets.as_mut().unwrap().max_interval_us = 12_000_000,
        |video| video.packets.as_mut().unwrap().closed = false,
        |video| video.packets.as_mut().unwrap().gradual = true,
        |video| video.packets.as_mut().unwrap().changes = true,
        |video| video.segments.clear(),
    ];
    for change in changes {
        let plan = changed(change);
        assert!(plan.video.as_ref().unwrap().copy.is_none());
        assert_eq!(plan.opening(), [Task::First, Task::Audio]);
    }
}

#[test]
fn no_rung_is_made_twice_and_none_is_left_out() {
    let plan = changed(|video| video.codec = "hevc".into());
    let video = plan.video.unwrap();
    let mut first: Vec<&str> =
        video.first_rungs().iter().chain(&video.rungs_of_chunk(0)).map(|rung| rung.name.as_str()).collect();
    first.sort_unstable();
    let mut all: Vec<&str> = video.rungs.iter().map(|rung| rung.name.as_str()).collect();
    all.sort_unstable();
    assert_eq!(first, all);
    assert_eq!(video.rungs_of_chunk(1).len(), video.rungs.len());
}

#[test]
fn the_ladder_never_climbs_above_the_source() {
    for (width, height) in [(320, 180), (321, 181), (180, 320), (500, 500), (3840, 2160), (2, 2), (1, 1)] {
        let plan = changed(|video| (video.codec, video.width, video.height) = ("hevc".into(), width, height));
        let video = plan.video.unwrap();
        assert!(!video.rungs.is_empty());
        assert!(
            video.rungs.iter().all(|rung| rung.width <= width.max(2)
                && rung.height <= height.max(2)
                && rung.width % 2 == 0
                && rung.height % 2 == 0),
            "{width}×{height}: {:?}",
            video.rungs
        );
    }
}

#[test]
fn rejections_have_their_codes() {
    let refused = |change: fn(&mut MediaInfo)| {
        let mut info = clip();
        change(&mut info);
        Plan::of(&info, FOUR_HOURS).unwrap_err().code()
    };
    assert_eq!(refused(|info| (info.video, info.audio) = (None, None)), "transcode.no_audio_or_video");
    assert_eq!(refused(|info| (info.video, info.audio, info.cover) = (None, None, Some(0))), "transcode.no_audio");
    let five_hours = |info: &mut MediaInfo| {
        info.video.as_mut().unwrap().packets.as_mut().unwrap().end_us = 5 * 3600 * 1_000_000;
    };
    assert_eq!(refused(five_hours), "transcode.too_long");
    assert_eq!(refused(|info| info.streams = 1000), "transcode.too_many_streams");
    assert_eq!(refused(|info| info.video.as_mut().unwrap().codec = "hls".into()), "transcode.unsupported_codec");
    assert_eq!(refused(|info| info.audio.as_mut().unwrap().codec = "<script>".into()), "transcode.unsupported_codec");
    assert_eq!(refused(|info| info.video.as_mut().unwrap().width = 65_500), "transcode.too_large");
    assert_eq!(refused(|info| info.video.as_mut().unwrap().height = 0), "transcode.broken_file");
    assert_eq!(
        refused(|info| (info.video.as_mut().unwrap().width, info.video.as_mut().unwrap().height) = (8192, 8192)),
        "transcode.too_large"
    );
    assert_eq!(refused(|info| info.audio.as_mut().unwrap().sample_rate = 1), "transcode.bad_sample_rate");
    assert_eq!(refused(|info| info.audio.as_mut().unwrap().channels = 255), "transcode.too_many_channels");
}

#[test]
fn audio_alone_has_a_waveform_and_an_optional_cover() {
    let mut info = clip();
    info.video = None;
    info.cover = Some(1);
    let plan = Plan::of(&info, FOUR_HOURS).unwrap();
    assert_eq!(plan.opening(), [Task::Poster, Task::Audio, Task::Waveform]);
}

#[test]
fn only_candidates_are_read_packet_by_packet() {
    let mut info = clip();
    info.video.as_mut().unwrap().packets = None;
    assert!(needs_packets(&info));
    info.video.as_mut().unwrap().codec = "vp9".into();
    assert!(!needs_packets(&info));
    info.duration_us = 0;
    info.video.as_mut().unwrap().duration_us = 0;
    assert!(needs_packets(&info));
}

#[test]
fn what_a_container_declares_is_believed_until_the_packets_are_read() {
    let mut info = clip();
    info.duration_us = 5 * 3600 * 1_000_000;
    assert_eq!(Plan::of(&info, FOUR_HOURS).unwrap().duration_us, 30_000_000);
    info.video.as_mut().unwrap().packets = None;
    assert!(needs_packets(&info));
    assert_eq!(Plan::of(&info, FOUR_HOURS).unwrap_err().code(), "transcode.too_long");
}

#[test]
fn the_shorter_track_is_continued_to_the_end_of_the_longer_one() {
    let ends = |video_us: i64, audio_us: i64| {
        let mut info = clip();
        let video = info.video.as_mut().unwrap().packets.as_mut().unwrap();
        (video.end_us, video.last_us) = (video_us, video_us - 41_667);
        let audio = Packets { count: 100, end_us: audio_us, ..Packets::default() };
        info.audio.as_mut().unwrap().packets = Some(audio);
        let plan = Plan::of(&info, FOUR_HOURS).unwrap();
        let (video, audio) = (plan.video.unwrap(), plan.audio.unwrap());
        (plan.duration_us, video.copy.is_some(), video.frames, video.held_from_us, audio.pad_to_us)
    };
    assert_eq!(ends(30_000_000, 30_040_000), (30_040_000, true, 720, None, None));
    assert_eq!(ends(30_000_000, 5_000_000), (30_000_000, true, 720, None, Some(30_000_000)));
    assert_eq!(ends(5_000_000, 30_000_000), (30_000_000, false, 720, Some(4_958_333), None));
}

#[test]
fn frames_are_fitted_into_one_size_where_ffmpeg_can_do_that() {
    let canvas = |change: fn(&mut VideoStream)| changed(change).video.unwrap().canvas;
    assert_eq!(canvas(|_| {}), Some((1920, 1080)));
    assert_eq!(canvas(|video| video.width = 1917), None);
    assert_eq!(canvas(|video| (video.pixels, video.height) = ("yuv411p".into(), 1078)), None);
    assert_eq!(canvas(|video| video.rotation = -90), Some((1920, 1080)));
    assert_eq!(canvas(|video| video.mirrored = true), Some((1920, 1080)));
    assert_eq!(canvas(|video| video.rotation = 45), None);
    assert_eq!(canvas(|video| video.interlaced = true), Some((1920, 1080)));
    assert_eq!(canvas(|video| (video.interlaced, video.height) = (true, 1076)), None);
}

#[test]
fn plans_stored_by_the_previous_release_are_read() {
    let plan = changed(|_| {});
    let stored = serde_json::to_string(&plan).unwrap().replacen("\"video\":", "\"picture\":", 1).replacen(
        "\"audio\":",
        "\"sound\":",
        1,
    );
    assert!(stored.contains("\"picture\":{") && stored.contains("\"sound\":{"), "{stored}");
    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
}
