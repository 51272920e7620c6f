//! Every kind of input has the right outputs, and joined chunks equal the source.

use contract::media::Kind;

use crate::harness::{Harness, assert_seamless, flashes, frame_times, loudness, stream_info, tone_onsets};

const SINE: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000";

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_clip_is_copied_and_its_chunks_join_without_a_seam() {
    let harness = Harness::new().await;
    // 14 s: three chunks of 4, 8 and 2 seconds.
    let source = harness.make(
        "clip.mp4",
        &format!(
            "-f lavfi -i testsrc2=size=640x360:rate=25 {SINE} -t 14 \
             -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac"
        ),
    );
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    assert_eq!(out.sizes(), ["640x360", "426x240"]);
    for (name, path) in out.videos() {
        let times = frame_times(path, "v");
        assert_eq!(times.len(), 350, "{name}");
        assert_seamless(&times, 25.0, 0.0);
    }
    // The top rendition holds the source's own packets.
    assert_eq!(stream_info(&out.whole["v360"], "v")["profile"], stream_info(&source, "v")["profile"]);
    let heard = frame_times(&out.whole["audio"], "a");
    assert!(heard[0].abs() < 0.001 && (heard.last().unwrap() - 14.0).abs() < 0.03, "{:?}", heard.last());
    assert_eq!((out.ready.width, out.ready.height), (Some(640), Some(360)));
    assert!((13_900..=14_050).contains(&out.ready.duration_ms.unwrap()));
    assert!(out.ready.thumbhash.is_some());
    assert!((2..=16).contains(&out.ready.pictures.len()), "the poster and frames: {:?}", out.ready.pictures);
    let vtt = String::from_utf8(harness.asset(&out, "storyboard").await).unwrap();
    assert_eq!(vtt.matches("-->").count(), 14, "{vtt}");
    assert!(harness.asset(&out, "storyboard-0").await.starts_with(&[0xff, 0xd8]));
    assert!(harness.asset(&out, "poster").await.starts_with(&[0xff, 0xd8]));
    assert!(harness.playable(&out.media).await.is_some());
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_an_encoded_clip_join_at_any_rate_and_the_audio_is_normalized() {
    let harness = Harness::new().await;
    let source = harness.make(
        "clip.mp4",
        &format!(
            "-f lavfi -i testsrc2=size=320x180:rate=30000/1001 {SINE} \
             -t 14.014 -c:v mpeg4 -q:v 5 -af volume=-8dB -c:a aac"
        ),
    );
    let frames = frame_times(&source, "v").len();
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    assert_eq!(out.sizes(), ["320x180"]);
    let times = frame_times(&out.whole["v180"], "v");
    assert_eq!(times.len(), frames);
    assert_seamless(&times, 30_000.0 / 1001.0, 0.0);
    let loud = loudness(&out.whole["audio"]);
    assert!((loud + 16.0).abs() < 1.0, "{loud} LUFS");
    let info = stream_info(&out.whole["v180"], "v");
    assert_eq!(
        (info["codec_name"].as_str(), info["pix_fmt"].as_str(), info["color_space"].as_str()),
        ("h264", "yuv420p", "bt709")
    );
    harness.end().await;
}

/// A white flash and a click together every 1.5 s.
const FLASHES: &str =
    "-f lavfi -i color=black:size=320x180:rate=25,drawbox=c=white:t=fill:enable='lt(mod(t+0.5\\,1.5)\\,0.12)'";
const CLICKS: &str = "-f lavfi -i aevalsrc='0.8*sin(2*PI*1000*t)*lt(mod(t+0.5\\,1.5)\\,0.12)':sample_rate=48000";

#[tokio::test(flavor = "multi_thread")]
async fn video_and_audio_stay_in_sync_across_every_join() {
    let harness = Harness::new().await;
    // (the delay of the audio against the video, codec): copied and encoded.
    for (name, offset, codec) in [
        ("together", "0", "mpeg4"),
        ("late-audio", "0.5", "mpeg4"),
        ("copied", "0.25", "libx264 -g 50 -preset ultrafast -bf 2 -pix_fmt yuv420p"),
    ] {
        let clicks_in = format!("-itsoffset {offset} {CLICKS}");
        let source = harness.make(
            &format!("{name}.mp4"),
            &format!("{FLASHES} {clicks_in} -t 13 -map 0:v -map 1:a -c:v {codec} -c:a aac -b:a 128k"),
        );
        let (seen, heard) = (flashes(&source), tone_onsets(&source));
        assert!(seen.len() >= 8 && heard.len() >= 8, "{name}: {seen:?} {heard:?}");
        let out = harness.convert(&source, Kind::Video, "mp4").await;
        for (rendition, path) in out.videos() {
            let now = flashes(path);
            assert_eq!(now.len(), seen.len(), "{name} {rendition}: {now:?} instead of {seen:?}");
            assert!(
                now.iter().zip(&seen).all(|(now, then)| (now - then).abs() < 0.002),
                "{name} {rendition}: {now:?} instead of {seen:?}"
            );
        }
        let now = tone_onsets(&out.whole["audio"]);
        assert_eq!(now.len(), heard.len(), "{name}: {now:?} instead of {heard:?}");
        assert!(
            now.iter().zip(&heard).all(|(now, then)| (now - then).abs() < 0.004),
            "{name}: {now:?} instead of {heard:?}"
        );
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_frame_rate_becomes_constant_and_keeps_its_times() {
    let harness = Harness::new().await;
    let source = harness.make(
        "phone.mp4",
        &format!(
            "{FLASHES} -t 10 -vf select='not(eq(mod(n\\,7)\\,3))*not(between(n\\,105\\,115))' -fps_mode vfr \
             -c:v mpeg4 -q:v 4"
        ),
    );
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    let path = &out.whole["v180"];
    let (now, then, times) = (flashes(path), flashes(&source), frame_times(path, "v"));
    let step = times[1] - times[0];
    assert_seamless(&times, 1.0 / step, 0.0);
    assert_eq!(now.len(), then.len(), "{now:?} instead of {then:?}");
    assert!(now.iter().zip(&then).all(|(now, then)| (now - then).abs() <= step * 1.01), "{now:?} instead of {then:?}");
    assert!((times.len() as f64 * step - 10.0).abs() < 0.1, "{} frames of {step}", times.len());
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_recording_without_duration_or_index_is_converted_whole() {
    let harness = Harness::new().await;
    let path = harness.file("recording.webm");
    let recorded = std::process::Command::new("ffmpeg")
        .args(
            "-v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=300 -t 9 -c:v libvpx \
             -deadline realtime -c:a libopus -f webm -live 1 -"
                .split(' '),
        )
        .output()
        .unwrap();
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    std::fs::write(&path, recorded.stdout).unwrap();
    let out = harness.convert(&path, Kind::Video, "webm").await;
    let times = frame_times(&out.whole["v180"], "v");
    assert_eq!(times.len(), 225);
    assert_seamless(&times, 25.0, times[0]);
    assert!((8_900..=9_100).contains(&out.ready.duration_ms.unwrap()), "{:?}", out.ready);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_groups_of_pictures_are_not_copied() {
    let harness = Harness::new().await;
    let source = harness.make(
        "open.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25 -t 5 -c:v libx264 \
         -preset veryfast -g 25 -bf 3 -x264-params open-gop=1 -pix_fmt yuv420p",
    );
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    let times = frame_times(&out.whole["v180"], "v");
    assert_eq!(times.len(), 125);
    assert_seamless(&times, 25.0, 0.0);
    // Encoded here: closed groups of two seconds.
    let keys = crate::harness::output(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v",
            "-skip_frame",
            "nokey",
            "-show_entries",
            "frame=pts_time",
            "-of",
            "csv=p=0",
            out.whole["v180"].to_str().unwrap(),
        ],
    );
    assert_eq!(keys.lines().filter(|line| !line.trim_matches(',').is_empty()).count(), 3);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_alone_streams_with_cover_and_waveform() {
    let harness = Harness::new().await;
    let cover = harness.make("cover.png", "-f lavfi -i testsrc2=size=200x200 -frames:v 1");
    let song = harness.make(
        "song.mp3",
        &format!(
            "{SINE} -i {} -t 5 -map 0:a -map 1:v -c:a libmp3lame -c:v copy \
             -disposition:v attached_pic -id3v2_version 3",
            cover.display()
        ),
    );
    let out = harness.convert(&song, Kind::Audio, "mp3").await;
    assert_eq!(out.whole.keys().collect::<Vec<_>>(), ["audio"]);
    assert!(harness.asset(&out, "poster").await.starts_with(&[0xff, 0xd8]));
    assert!(out.ready.thumbhash.is_some());
    let wave: serde_json::Value = serde_json::from_slice(&harness.asset(&out, "waveform").await).unwrap();
    assert!(wave["peaks"].as_array().unwrap().len() > 100, "{wave}");
    assert!((4_900..=5_100).contains(&wave["duration_ms"].as_u64().unwrap()), "{wave}");
    assert!((loudness(&out.whole["audio"]) + 16.0).abs() < 1.0);
    // Very short, other formats, mono and an unusual rate, silence, and a video container without video.
    let rows = [
        ("blip.wav", format!("{SINE} -t 0.01"), Kind::Audio, "wav"),
        ("mono.flac", "-f lavfi -i sine=sample_rate=22050 -t 1 -ac 1".to_owned(), Kind::Audio, "flac"),
        ("silence.ogg", "-f lavfi -i anullsrc -t 1 -c:a libopus".to_owned(), Kind::Audio, "ogg"),
        ("nothing-to-see.mp4", format!("{SINE} -t 1 -c:a aac"), Kind::Video, "mp4"),
        (
            "six.m4a",
            format!("-f lavfi -i aevalsrc={}:c=5.1 -t 1 -c:a aac", ["0.1*sin(440*t)"; 6].join("|")),
            Kind::Audio,
            "m4a",
        ),
    ];
    for (name, arguments, kind, format) in rows {
        let source = harness.make(name, &arguments);
        let out = harness.convert(&source, kind, format).await;
        assert_eq!(out.whole.keys().collect::<Vec<_>>(), ["audio"], "{name}");
        assert!(!frame_times(&out.whole["audio"], "a").is_empty(), "{name}");
        assert!(out.playback.assets.iter().any(|asset| asset.name == "waveform"), "{name}");
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_that_fades_in_from_black_has_a_poster_with_contrast() {
    let harness = Harness::new().await;
    let source = harness.make(
        "fade.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25 -t 4 -vf fade=in:st=1:d=2 \
         -c:v libx264 -preset ultrafast -g 250 -pix_fmt yuv420p",
    );
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    let poster = harness.file("poster.jpg");
    std::fs::write(&poster, harness.asset(&out, "poster").await).unwrap();
    let luma = crate::harness::output(
        "ffprobe",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-show_entries",
            "frame_tags=lavfi.signalstats.YAVG",
            "-of",
            "csv=p=0",
            &format!("movie={},signalstats", poster.display()),
        ],
    );
    assert!(luma.trim().trim_end_matches(',').parse::<f64>().unwrap() > 40.0, "{luma}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragmented_and_trimmed_sources_equal_their_playback() {
    let harness = Harness::new().await;
    let fragmented = harness.make(
        "fragments.mp4",
        &format!(
            "{FLASHES} -t 9 -c:v libx264 -preset ultrafast -bf 2 \
             -g 100 -pix_fmt yuv420p -movflags frag_keyframe+empty_moov"
        ),
    );
    // Cut by an edit list: the file still holds the frames before 1.3 s.
    let cut = harness.make(
        "cut.mp4",
        &format!(
            "-ss 1.3 -i {} -c copy",
            harness
                .make("uncut.mp4", &format!("{FLASHES} -t 9 -c:v libx264 -preset ultrafast -g 250 -pix_fmt yuv420p"))
                .display()
        ),
    );
    for source in [fragmented, cut] {
        // Without an edit list its clock starts later than 0; what counts is the interval from its first frame on.
        let times = frame_times(&source, "v");
        let (then, frames): (Vec<f64>, usize) =
            (flashes(&source).iter().map(|time| time - times[0]).collect(), times.len());
        let out = harness.convert(&source, Kind::Video, "mp4").await;
        for (rendition, path) in out.videos() {
            let now = flashes(path);
            assert_eq!(now.len(), then.len(), "{} {rendition}: {now:?} instead of {then:?}", source.display());
            assert!(
                now.iter().zip(&then).all(|(now, then)| (now - then).abs() < 0.041),
                "{} {rendition}: {now:?} instead of {then:?}",
                source.display()
            );
            assert!(frame_times(path, "v").len().abs_diff(frames) <= 1, "{} {rendition}", source.display());
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_chunk_of_a_single_frame_joins_too() {
    let harness = Harness::new().await;
    // 101 frames: a chunk of four seconds and one of a single frame, whose encoder has no delay to write into its
    // header.
    let source =
        harness.make("odd-one.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -frames:v 101 -c:v mpeg4 -q:v 5");
    let out = harness.convert(&source, Kind::Video, "mp4").await;
    assert_eq!(out.sizes(), ["640x360", "426x240"]);
    for (rendition, path) in out.videos() {
        let times = frame_times(path, "v");
        assert_eq!(times.len(), 101, "{rendition}");
        assert_seamless(&times, 25.0, 0.0);
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_audio_track_does_not_fail_the_video() {
    let harness = Harness::new().await;
    let source = harness.make(
        "hush.mkv",
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -f lavfi \
         -i anullsrc=duration=0.001 -map 0 -map 1 -c:v mpeg4 -c:a flac -af atrim=start=1",
    );
    let out = harness.convert(&source, Kind::Video, "mkv").await;
    assert_eq!(out.whole.keys().collect::<Vec<_>>(), ["v180"]);
    assert!(harness.playable(&out.media).await.is_some());
    harness.end().await;
}
