//! Renditions that are encoded beside a copied one: players change between them at the same times.

use contract::media::Kind;

use crate::harness::{Converted, Harness, frame_times, stream_info};

/// Pictures per second of all sources here.
const FPS: f64 = 10.0;

/// Returns when each segment of a rendition begins, in microseconds, as its playlist says.
fn starts(out: &Converted, rendition: &str) -> Vec<u64> {
    let mut own: Vec<_> = out.playback.segments.iter().filter(|segment| segment.rendition == rendition).collect();
    own.sort_by_key(|segment| segment.number);
    let mut end = 0;
    own.iter()
        .map(|segment| {
            end += segment.duration_us;
            end - segment.duration_us
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_renditions_of_a_copied_video_have_the_same_segment_times() {
    let harness = Harness::new().await;
    let video = "-f lavfi -i testsrc2=size=640x360:rate=10";
    let x264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0";
    // name, arguments, format, seconds, starts of the segments
    let rows: [(&str, String, &str, f64, &[f64]); 3] = [
        ("sparse.mp4", format!("{video} -t 25 {x264} -g 100 -keyint_min 100"), "mp4", 25.0, &[0.0, 10.0, 20.0]),
        // The video begins some milliseconds after the audio.
        (
            "dense.mkv",
            format!("{video} -f lavfi -i sine=440 -t 10 {x264} -g 2 -keyint_min 2 -c:a aac"),
            "mkv",
            10.0,
            &[0.0, 4.0, 8.0],
        ),
        (
            "irregular.mp4",
            format!("{video} -t 20 {x264} -bf 2 -g 999 -force_key_frames 3,10.4,10.8,11.2,14"),
            "mp4",
            20.0,
            &[0.0, 3.0, 10.4, 14.0],
        ),
    ];
    for (name, arguments, format, seconds, wanted) in rows {
        let source = harness.make(name, &arguments);
        let out = harness.convert(&source, Kind::Video, format).await;
        assert_eq!(out.sizes(), ["640x360", "426x240"], "{name}");
        assert_eq!(
            stream_info(&out.whole["v360"], "v")["profile"],
            stream_info(&source, "v")["profile"],
            "{name} is copied"
        );
        let (copied, encoded) = (starts(&out, "v360"), starts(&out, "v240"));
        assert_eq!(copied, encoded, "{name}");
        let close = |us: u64, wanted: f64| (us as f64 / 1e6 - wanted).abs() < 0.5 / FPS;
        assert!(
            copied.len() == wanted.len() && copied.iter().zip(wanted).all(|(us, wanted)| close(*us, *wanted)),
            "{name}: {copied:?} instead of {wanted:?}"
        );
        for rendition in ["v360", "v240"] {
            // No picture is lost or doubled where files and chunks are joined.
            let frames = frame_times(&out.whole[rendition], "v").len();
            assert_eq!(frames, (seconds * FPS) as usize, "{name} {rendition}");
            // Each segment can be decoded alone, from its very start.
            let init = &out.playback.renditions.iter().find(|row| row.name == rendition).unwrap().init;
            for segment in out.playback.segments.iter().filter(|segment| segment.rendition == rendition) {
                let alone = harness.file("alone.mp4");
                let bytes = [harness.object(init).await, harness.object(&segment.object).await].concat();
                std::fs::write(&alone, bytes).unwrap();
                let first = frame_times(&alone, "v")[0];
                let start = copied[segment.number as usize] as f64 / 1e6;
                assert!((first - start).abs() < 0.5 / FPS, "{name} {rendition}: {first} instead of {start}");
            }
        }
    }
    harness.end().await;
}
