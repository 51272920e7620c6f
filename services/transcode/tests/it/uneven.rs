//! Tracks that do not fit each other, and properties that change on the way: nothing is lost, doubled or frozen.

use std::path::Path;

use contract::media::Kind;

use crate::harness::{Converted, Harness, assert_seamless, flashes, frame_times, loudness, stream_info};

/// How far apart the ends of two renditions may be, in seconds: a player waits for the shorter one.
const TOLERANCE: f64 = 0.1;

/// Returns the seconds after which each rendition ends.
fn ends(out: &Converted) -> Vec<(String, f64)> {
    let lengths = out.playback.renditions.iter().map(|rendition| {
        let own = out.playback.segments.iter().filter(|segment| segment.rendition == rendition.name);
        (rendition.name.clone(), own.map(|segment| segment.duration_us).sum::<u64>() as f64 / 1e6)
    });
    lengths.collect()
}

#[track_caller]
fn assert_all_end_at(out: &Converted, seconds: f64) {
    for (name, end) in ends(out) {
        assert!((end - seconds).abs() < TOLERANCE, "{name} ends at {end}, not {seconds}");
    }
    let ready = out.ready.duration_ms.unwrap() as f64 / 1e3;
    assert!((ready - seconds).abs() < TOLERANCE, "{ready} instead of {seconds}");
    for (name, path) in out.videos() {
        let times = frame_times(path, "v");
        assert_seamless(&times, 1.0 / (times[1] - times[0]), 0.0);
        assert!((times.last().unwrap() - seconds).abs() < TOLERANCE + times[1], "{name}: {:?}", times.last());
    }
    if let Some(audio) = out.whole.get("audio") {
        let heard = frame_times(audio, "a");
        // Opus begins a few milliseconds after its first packet.
        assert!(heard[0].abs() < 0.01 && (heard.last().unwrap() - seconds).abs() < TOLERANCE, "{:?}", heard.last());
    }
}

/// Returns the colour of a picture's places, as `(x, y)` in tenths, at a time in seconds.
fn colors(path: &Path, at: f64, places: &[(usize, usize)]) -> Vec<&'static str> {
    let seek = if at > 0.0 { vec!["-ss".to_owned(), at.to_string()] } else { vec![] };
    let run = std::process::Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(seek)
        .args(["-i", path.to_str().unwrap(), "-frames:v", "1"])
        .args(["-vf", "scale=10:10:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    let pixels = run.stdout;
    let name = |&(x, y): &(usize, usize)| match pixels.get((y * 10 + x) * 3..(y * 10 + x) * 3 + 3) {
        Some([r, g, b]) => match (*r > 128, *g > 128, *b > 128) {
            (true, false, false) => "red",
            (false, true, false) => "green",
            (false, false, true) => "blue",
            (true, true, true) => "white",
            (false, false, false) => "black",
            _ => "another",
        },
        _ => "nothing",
    };
    places.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_of_unequal_length_play_to_the_end_of_the_longer_one() {
    let harness = Harness::new().await;
    let x264 = "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac";
    let color = "-f lavfi -i color=red:size=320x180:rate=25";
    // name, ffmpeg's arguments, format, seconds
    let rows = [
        ("one-picture.mp4", format!("{color}:d=0.04 -f lavfi -i sine=500:d=3 {x264}"), "mp4", 3.0),
        // Three chunks, of which the last two are nothing but the last picture.
        ("short-video.mp4", format!("{color}:d=2 -f lavfi -i sine=500:d=14 {x264}"), "mp4", 14.0),
        ("short-audio.mp4", format!("{color}:d=13 -f lavfi -i sine=500:d=3 {x264}"), "mp4", 13.0),
        (
            "short-audio.webm",
            format!("{color}:d=6 -f lavfi -i sine=500:d=2 -c:v libvpx -deadline realtime -c:a libopus"),
            "webm",
            6.0,
        ),
        (
            "late-video.mkv",
            format!("-f lavfi -i sine=500:d=3 -itsoffset 5 {color}:d=4 -map 1 -map 0 -c:v mpeg4 -c:a aac"),
            "mkv",
            9.0,
        ),
        (
            "late-audio.mp4",
            format!("{color}:d=3 -itsoffset 2 -f lavfi -i sine=500:d=5 -map 0 -map 1 {x264}"),
            "mp4",
            7.0,
        ),
    ];
    for (name, arguments, format, seconds) in rows {
        let source = harness.make(name, &arguments);
        let out = harness.convert(&source, Kind::Video, format).await;
        assert_eq!(out.playback.renditions.len(), out.videos().count() + 1, "{name}: sound");
        assert_all_end_at(&out, seconds);
        for (rendition, path) in out.videos() {
            for at in [0.0, seconds / 2.0, seconds - 0.3] {
                assert_eq!(colors(path, at, &[(5, 5)]), ["red"], "{name} {rendition} at {at}");
            }
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_declares_another_length_is_judged_by_its_samples() {
    let harness = Harness::new().await;
    let source = harness.make(
        "wrong.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25:d=3 -f lavfi -i sine=500:d=3 -c:v mpeg4 -c:a aac",
    );
    let mut bytes = std::fs::read(&source).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"mvhd").unwrap();
    // Version 0: version and flags, two dates, the clock, the duration (ISO/IEC 14496-12 §8.2.2).
    bytes[at + 20..at + 24].copy_from_slice(&(40 * 3600 * 1000_u32).to_be_bytes());
    std::fs::write(&source, bytes).unwrap();
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    assert_all_end_at(&out, 3.0);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_size_that_changes_on_the_way_loses_and_doubles_nothing() {
    let harness = Harness::new().await;
    let vpx = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 800k -c:a libopus";
    let wide =
        harness.make("wide.webm", &format!("-f lavfi -i color=red:s=320x180:r=30:d=3 -f lavfi -i sine=440:d=3 {vpx}"));
    let tall =
        harness.make("tall.webm", &format!("-f lavfi -i color=blue:s=180x320:r=30:d=5 -f lavfi -i sine=880:d=5 {vpx}"));
    let list = harness.file("list.txt");
    std::fs::write(&list, format!("file {}\nfile {}\n", wide.display(), tall.display())).unwrap();
    let source = harness.make("changes.webm", &format!("-f concat -safe 0 -i {} -c copy", list.display()));
    let out = harness.convert(&source, Kind::Video, "webm").await;
    assert_all_end_at(&out, 8.02);
    for (name, path) in out.videos() {
        let frames = frame_times(path, "v").len();
        assert!((238..=242).contains(&frames), "{name} has {frames} frames");
        assert_eq!(colors(path, 1.0, &[(1, 5), (5, 5)]), ["red", "red"], "{name}");
        // The portrait is whole, with bars beside it.
        assert_eq!(colors(path, 6.0, &[(1, 5), (5, 0), (5, 9)]), ["black", "blue", "blue"], "{name}");
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_whose_format_or_clock_changes_on_the_way_is_whole() {
    let harness = Harness::new().await;
    let first = harness.make("1.ogg", "-f lavfi -i sine=440:d=3 -c:a libvorbis");
    let second = harness.make("2.ogg", "-f lavfi -i sine=880:d=4 -c:a libvorbis -serial_offset 77");
    let mono = harness.make("1.mp3", "-f lavfi -i sine=440:sample_rate=44100:d=3 -ac 1 -c:a libmp3lame -write_xing 0");
    let stereo =
        harness.make("2.mp3", "-f lavfi -i sine=880:sample_rate=48000:d=4 -ac 2 -c:a libmp3lame -write_xing 0");
    for (name, parts, format) in [("chained.ogg", [first, second], "ogg"), ("joined.mp3", [mono, stereo], "mp3")] {
        let source = harness.file(name);
        std::fs::write(&source, parts.map(|part| std::fs::read(part).unwrap()).concat()).unwrap();
        let out = harness.convert(&source, Kind::Audio, format).await;
        let seconds = out.ready.duration_ms.unwrap() as f64 / 1e3;
        assert!((seconds - 7.0).abs() < 0.15, "{name}: {seconds}");
        let heard = frame_times(&out.whole["audio"], "a");
        assert_seamless(&heard, 48_000.0 / 1024.0, 0.0);
        // Zero crossings tell the two tones apart.
        let pitch = |from: f64| {
            let filter = format!("atrim={from}:{},astats=metadata=0", from + 0.5);
            let run = std::process::Command::new("ffmpeg")
                .args(["-hide_banner", "-i", out.whole["audio"].to_str().unwrap(), "-af", &filter, "-f", "null", "-"])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&run.stderr).into_owned();
            let crossings = text.lines().find_map(|line| line.split_once("Zero crossings rate: ")).unwrap();
            crossings.1.trim().parse::<f64>().unwrap() * 48_000.0 / 2.0
        };
        for (at, hertz) in [(1.0, 440.0), (2.4, 440.0), (3.4, 880.0), (6.3, 880.0)] {
            assert!((pitch(at) - hertz).abs() < 12.0, "{name}: {} Hz at {at} s", pitch(at));
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_channels_than_have_places_are_mixed_alike() {
    let harness = Harness::new().await;
    let tone = "sin(2*PI*440*t)";
    let source = harness.make("twelve.wav", &format!("-f lavfi -i aevalsrc=0|0|0|0|0|0|0|0|0|0|0|{tone}:d=3"));
    let out = harness.convert(&source, Kind::Audio, "wav").await;
    assert_eq!(stream_info(&out.whole["audio"], "a")["channels"], "2");
    let wave: serde_json::Value = serde_json::from_slice(&harness.asset(&out, "waveform").await).unwrap();
    assert!(wave["peaks"].as_array().unwrap().len() > 100, "{wave}");
    let loud = loudness(&out.whole["audio"]);
    assert!((loud + 16.0).abs() < 1.5, "{loud} LUFS");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_eight_display_matrices_is_the_same_in_every_rendition() {
    let harness = Harness::new().await;
    let quarters = "-f lavfi -i color=c=white:s=640x480:r=25,drawbox=0:0:320:240:red:fill,\
                    drawbox=320:0:320:240:lime:fill,drawbox=0:240:320:240:blue:fill -t 0.4 -c:v libx264 \
                    -preset ultrafast -pix_fmt yuv420p -g 10";
    let plain = std::fs::read(harness.make("quarters.mp4", quarters)).unwrap();
    let corners = [(1, 1), (8, 1), (1, 8), (8, 8)];
    // The matrix's a, b, c, d (ISO/IEC 14496-12 §6.2.2), and the upright corners: the upper two, then the lower two.
    let rows = [
        ([1, 0, 0, 1], ["red", "green", "blue", "white"]),
        ([0, 1, -1, 0], ["blue", "red", "white", "green"]),
        ([-1, 0, 0, -1], ["white", "blue", "green", "red"]),
        ([0, -1, 1, 0], ["green", "white", "red", "blue"]),
        ([-1, 0, 0, 1], ["green", "red", "white", "blue"]),
        ([1, 0, 0, -1], ["blue", "white", "red", "green"]),
        ([0, 1, 1, 0], ["red", "blue", "green", "white"]),
        ([0, -1, -1, 0], ["white", "green", "blue", "red"]),
    ];
    for ([a, b, c, d], wanted) in rows {
        let mut bytes = plain.clone();
        let at = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap() + 4;
        let at = at + if bytes[at] == 1 { 52 } else { 40 };
        for (number, value) in [(0, a), (1, b), (3, c), (4, d)] {
            bytes[at + number * 4..at + number * 4 + 4].copy_from_slice(&(value * 65_536_i32).to_be_bytes());
        }
        let source = harness.file("turned.mp4");
        std::fs::write(&source, bytes).unwrap();
        let out = harness.convert(&source, Kind::Video, "mp4").await;
        let matrix = [a, b, c, d];
        let mut shown: Vec<(String, std::path::PathBuf)> =
            out.videos().map(|(name, path)| (name.clone(), path.clone())).collect();
        let poster = harness.file("poster.jpg");
        std::fs::write(&poster, harness.asset(&out, "poster").await).unwrap();
        shown.push(("poster".to_owned(), poster));
        for (name, path) in &shown {
            assert_eq!(colors(path, 0.0, &corners), wanted, "{matrix:?} in {name}");
        }
        let (sheet, tile) = (harness.file("sheet.jpg"), harness.file("tile.png"));
        std::fs::write(&sheet, harness.asset(&out, "storyboard-0").await).unwrap();
        // The first of 5 × 5 tiles.
        testkit::ffmpeg(&["-i", sheet.to_str().unwrap(), "-vf", "crop=iw/5:ih/5:0:0", tile.to_str().unwrap()]);
        assert_eq!(colors(&tile, 0.0, &corners), wanted, "{matrix:?} in the storyboard");
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_camera_writes_into_the_coded_stream_is_in_no_rendition() {
    let harness = Harness::new().await;
    let source = harness.make(
        "dashcam.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25:d=3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 \
         -bsf:v h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+SECRETPLACE_48.8584_2.2945",
    );
    let has = |bytes: &[u8]| bytes.windows(11).any(|at| at == b"SECRETPLACE");
    assert!(has(&std::fs::read(&source).unwrap()));
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    for (name, path) in out.videos() {
        assert!(!has(&std::fs::read(path).unwrap()), "{name}");
        assert_eq!(frame_times(path, "v").len(), 75, "{name}");
    }
    let top = stream_info(&out.whole["v180"], "v");
    assert_eq!(top["profile"], stream_info(&source, "v")["profile"], "it is copied");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_become_frames_and_a_recording_that_pauses_keeps_its_motion_rate() {
    let harness = Harness::new().await;
    let fields = harness.make(
        "fields.mkv",
        "-f lavfi -i testsrc2=size=320x180:rate=50:d=2 -vf tinterlace=interleave_top,fieldorder=tff \
         -flags +ilme+ildct -c:v mpeg2video -q:v 4",
    );
    let order = stream_info(&fields, "v")["field_order"].clone();
    assert!(order == "tt" || order == "tb", "{order}");
    let out = harness.convert(&fields, Kind::Video, "mkv").await;
    let times = frame_times(&out.whole["v180"], "v");
    assert_eq!(times.len(), 100);
    assert_seamless(&times, 50.0, 0.0);

    // Thirty pictures a second for two seconds, none for eight, thirty again.
    let pausing = harness.make(
        "pausing.webm",
        "-f lavfi -i color=black:size=320x180:rate=30,drawbox=c=white:t=fill:enable='lt(mod(t+0.5\\,1)\\,0.1)' -t 12 \
         -vf select='not(between(t\\,2\\,10))' -fps_mode passthrough -c:v libvpx -deadline realtime",
    );
    let out = harness.convert(&pausing, Kind::Video, "webm").await;
    let (_, path) = out.videos().next().unwrap();
    let times = frame_times(path, "v");
    assert_seamless(&times, 30.0, 0.0);
    let (now, then) = (flashes(path), flashes(&pausing));
    assert_eq!(now.len(), then.len());
    assert!(now.iter().zip(&then).all(|(now, then)| (now - then).abs() < 0.035), "{now:?} instead of {then:?}");
    harness.end().await;
}
