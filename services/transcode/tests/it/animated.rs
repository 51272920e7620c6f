//! Animated pictures get a video that a page repeats, beside their still picture.

use std::path::{Path, PathBuf};

use contract::media::Kind;

use crate::harness::{Harness, frame_times, stream_info};
use crate::photos::{is_near, pixel};

/// A GIF of one pixel, with a frame for each delay in hundredths of a second.
fn gif(delays: &[u16]) -> Vec<u8> {
    let mut file = b"GIF89a\x01\0\x01\0\x80\0\0abcdef\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0".to_vec();
    for delay in delays {
        file.extend(b"\x21\xf9\x04\0");
        file.extend(delay.to_le_bytes());
        file.extend(b"\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    file.push(0x3b);
    file
}

fn gif_file(harness: &Harness, name: &str, delays: &[u16]) -> PathBuf {
    let path = harness.file(name);
    std::fs::write(&path, gif(delays)).unwrap();
    path
}

/// Converts a picture; returns the names of its assets, and its motion rendition.
async fn convert(harness: &Harness, path: &Path, format: &str) -> (Vec<String>, PathBuf) {
    let out = harness.convert(path, Kind::Photo, format).await;
    let motion = harness.file("motion.mp4");
    if out.ready.assets.iter().any(|name| name == "motion") {
        std::fs::write(&motion, harness.asset(&out, "motion").await).unwrap();
    }
    (out.ready.assets, motion)
}

fn seconds(motion: &Path) -> f64 {
    stream_info(motion, "v")["duration"].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_becomes_a_video_with_the_times_of_its_frames() {
    let harness = Harness::new().await;
    let source = "-f lavfi -i testsrc=size=66x50:rate=30 -frames:v 4";
    // Format, file, times of the frames, end of the last one, size.
    let thirds: &[f64] = &[0.0, 0.033, 0.067, 0.1];
    let rows = [
        ("gif", gif_file(&harness, "a.gif", &[0, 5, 50]), &[0.0, 0.1, 0.15][..], 0.65, "2x2"),
        ("png", harness.make("a.png", &format!("{source} -f apng -plays 0")), thirds, 0.133, "66x50"),
        ("webp", harness.make("a.webp", &format!("{source} -c:v libwebp_anim -loop 0")), thirds, 0.133, "66x50"),
        (
            "avif",
            harness.make("a.avif", &format!("{source} -c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p")),
            thirds,
            0.133,
            "66x50",
        ),
    ];
    for (format, path, times, end, size) in rows {
        let (assets, motion) = convert(&harness, &path, format).await;
        assert!(assets.iter().any(|name| name == "motion"), "{format}: {assets:?}");
        let seen = frame_times(&motion, "v");
        let near = seen.iter().zip(times).all(|(seen, wanted)| (seen - wanted).abs() < 0.002);
        assert!(near && seen.len() == times.len(), "{format}: {seen:?}");
        assert!((seconds(&motion) - end).abs() < 0.035, "{format}: {}", seconds(&motion));
        let info = stream_info(&motion, "v");
        assert_eq!(
            (info["codec_name"].as_str(), info["pix_fmt"].as_str(), format!("{}x{}", info["width"], info["height"])),
            ("h264", "yuv420p", size.to_owned()),
            "{format}"
        );
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_picture_has_no_motion_and_transparency_is_white_in_it() {
    let harness = Harness::new().await;
    let (assets, _) = convert(&harness, &gif_file(&harness, "still.gif", &[10]), "gif").await;
    assert_eq!(assets, Vec::<String>::new());
    let clear = "-f lavfi -i color=red:s=64x48:r=4,format=rgba,colorchannelmixer=aa=0.5 -frames:v 3 -f apng -plays 0";
    let (_, motion) = convert(&harness, &harness.make("clear.png", clear), "png").await;
    let shown = pixel(&motion, (5, 5));
    assert!(is_near(shown, [255, 127, 127, 255], 8), "{shown:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_animation_is_cut_off() {
    let harness = Harness::new().await;
    for (name, delays, frames, end) in [
        ("many.gif", vec![2; 3_000], 2_000, 40.0),
        ("long.gif", vec![3_000; 10], 2, 60.0),
        ("forever.gif", vec![u16::MAX; 3], 1, 60.0),
    ] {
        let (_, motion) = convert(&harness, &gif_file(&harness, name, &delays), "gif").await;
        assert_eq!(frame_times(&motion, "v").len(), frames, "{name}");
        assert!((seconds(&motion) - end).abs() < 0.5, "{name}: {}", seconds(&motion));
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_that_cannot_be_converted_is_shown_still() {
    let harness = Harness::with(&["transcode.ffmpeg=/bin/false"]).await;
    let media = harness.upload(&gif_file(&harness, "a.gif", &[5, 5]), Kind::Photo, "gif").await;
    let ready = harness.ready(&media).await;
    assert_eq!((ready.width, ready.height, ready.assets), (Some(1), Some(1), Vec::<String>::new()));
    harness.end().await;
}
