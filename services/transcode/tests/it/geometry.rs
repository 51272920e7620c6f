//! Pictures of every shape, rotation and sample format become upright ones with square pixels.

use contract::media::Kind;

use crate::harness::{Harness, frame_times, stream_info};

#[tokio::test(flavor = "multi_thread")]
async fn every_rotation_and_aspect_ratio_becomes_upright_with_square_pixels() {
    let harness = Harness::new().await;
    let upright = harness.make(
        "plain.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let plain = upright.display().to_string();
    // name, ffmpeg's arguments, format, expected sizes, frames
    let rows = [
        ("turned.mp4", format!("-i {plain} -c copy -metadata:s:v:0 rotate=90"), "mp4", vec!["360x640", "240x426"], 25),
        (
            "portrait.mp4",
            "-f lavfi -i testsrc2=size=180x320:rate=25 -t 1 -c:v mpeg4".to_owned(),
            "mp4",
            vec!["180x320"],
            25,
        ),
        (
            "square.webm",
            "-f lavfi -i testsrc2=size=300x300:rate=25 -t 1 -c:v libvpx -deadline realtime".to_owned(),
            "webm",
            vec!["240x240"],
            25,
        ),
        (
            "odd.mkv",
            "-f lavfi -i testsrc2=size=321x181:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv444p".to_owned(),
            "mkv",
            vec!["320x180"],
            25,
        ),
        (
            "wide-pixels.mp4",
            "-f lavfi -i testsrc2=size=240x240:rate=25 -t 1 -c:v mpeg4 -vf setsar=16/9".to_owned(),
            "mp4",
            vec!["426x240"],
            25,
        ),
        (
            "ten-bit.mkv",
            "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le"
                .to_owned(),
            "mkv",
            vec!["320x180"],
            25,
        ),
        ("fast.mp4", "-f lavfi -i testsrc2=size=160x90:rate=120 -t 1 -c:v mpeg4".to_owned(), "mp4", vec!["160x90"], 60),
        (
            "one-frame.mp4",
            "-f lavfi -i testsrc2=size=320x180:rate=25 -frames:v 1 -c:v mpeg4".to_owned(),
            "mp4",
            vec!["320x180"],
            1,
        ),
        (
            "interlaced.mkv",
            "-f lavfi -i testsrc2=size=320x180:rate=50 -t 1 -vf tinterlace=interleave_top,setfield=tff -c:v libx264 \
             -preset ultrafast -flags +ildct+ilme -pix_fmt yuv420p"
                .to_owned(),
            "mkv",
            vec!["320x180"],
            // One for each field.
            50,
        ),
        (
            "hdr.mkv",
            "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le \
             -color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc"
                .to_owned(),
            "mkv",
            vec!["320x180"],
            25,
        ),
    ];
    for (name, arguments, format, sizes, frames) in rows {
        let source = harness.make(name, &arguments);
        let out = harness.convert(&source, Kind::Video, format).await;
        assert_eq!(out.sizes(), sizes, "{name}");
        assert!(!out.whole.contains_key("audio"), "{name} has no audio");
        for (rendition, path) in out.videos() {
            let info = stream_info(path, "v");
            assert_eq!(frame_times(path, "v").len(), frames, "{name} {rendition}");
            assert_eq!(info["pix_fmt"], "yuv420p", "{name} {rendition}");
            assert!(
                ["1:1", "N/A"].contains(&info["sample_aspect_ratio"].as_str()),
                "{name} {rendition}: {}",
                info["sample_aspect_ratio"]
            );
            assert!(!info.contains_key("rotation"), "{name} {rendition}");
            assert_eq!(info["field_order"], "progressive", "{name} {rendition}");
            if name == "hdr.mkv" {
                assert_eq!(info["color_transfer"], "bt709");
            }
        }
        assert!(harness.playable(&out.media).await.is_some(), "{name}");
        let (width, height) = (out.ready.width.unwrap(), out.ready.height.unwrap());
        assert_eq!(
            (width > height, width < height),
            (
                sizes[0].split('x').collect::<Vec<_>>()[0].parse::<u32>().unwrap()
                    > sizes[0].split('x').collect::<Vec<_>>()[1].parse().unwrap(),
                ["turned.mp4", "portrait.mp4"].contains(&name)
            ),
            "{name}"
        );
    }
    harness.end().await;
}
