//! Where decoding cannot begin at any keyframe, and what changes on the way: every picture is there once, and every
//! sound at its time. Pictures show their own numbers.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use contract::media::Kind;

use crate::harness::{Harness, assert_seamless, frame_times, stream_info};

/// The bits of a picture's number, each a column 32 pixels wide.
const BITS: u32 = 9;

/// Returns ffmpeg's arguments for so many pictures that show their numbers, from `first` on.
fn numbered(first: u32, count: u32, rate: u32) -> String {
    let mut source = format!("-f lavfi -i color=black:s=320x180:r={rate}");
    for bit in 0..BITS {
        let (x, value) = (bit * 32, 1 << bit);
        write!(source, ",drawbox=x={x}:y=0:w=32:h=180:c=white:t=fill:enable='mod(floor((n+{first})/{value})\\,2)'")
            .unwrap();
    }
    write!(source, " -frames:v {count}").unwrap();
    source
}

/// Returns the numbers that pictures show.
fn numbers(path: &Path, decoder: &[&str]) -> Vec<u32> {
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(decoder)
        .args(["-i", path.to_str().unwrap(), "-map", "0:v", "-fps_mode", "passthrough"])
        .args(["-vf", "scale=10:1:flags=area,format=gray", "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let number =
        |pixels: &[u8]| (0..BITS).filter(|bit| pixels[*bit as usize] > 128).map(|bit| 1_u32 << bit).sum::<u32>();
    run.stdout.chunks_exact(10).map(number).collect()
}

/// Returns the frequency of a tone, or nothing where it is silent.
fn hertz(path: &Path, from: f64) -> Option<f64> {
    let filter = format!("atrim={from}:{},astats=metadata=0", from + 0.4);
    let run = Command::new("ffmpeg")
        .args(["-hide_banner", "-i", path.to_str().unwrap(), "-af", &filter, "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    let crossings = text.lines().find_map(|line| line.split_once("Zero crossings rate: ")).expect("there is audio");
    let hertz = crossings.1.trim().parse::<f64>().unwrap() * 48_000.0 / 2.0;
    (hertz > 1.0).then_some(hertz)
}

#[tokio::test(flavor = "multi_thread")]
async fn video_that_cannot_be_decoded_from_any_keyframe_joins_exactly() {
    let harness = Harness::new().await;
    let x264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    // name, format, pictures, pictures a second, ffmpeg's arguments
    let rows = [
        // Two chunks; keyframes every two seconds, none of which is whole.
        ("refresh.mp4", "mp4", 400, 30, "-x264-params intra-refresh=1:keyint=60"),
        ("refresh.mkv", "mkv", 400, 30, "-x264-params intra-refresh=1:keyint=60"),
        // Four chunks; the first picture is the only keyframe.
        ("sparse.mp4", "mp4", 375, 5, "-g 9999 -sc_threshold 0"),
    ];
    for (name, format, pictures, rate, arguments) in rows {
        let source = harness.make(name, &format!("{} {x264} {arguments}", numbered(0, pictures, rate)));
        let out = harness.convert(&source, Kind::Video, format).await;
        for (rendition, path) in out.videos() {
            assert_eq!(numbers(path, &[]), (0..pictures).collect::<Vec<_>>(), "{name} {rendition}");
            let keys = numbers(path, &["-skip_frame", "nokey"]);
            assert_eq!(keys, (0..pictures).step_by(2 * rate as usize).collect::<Vec<_>>(), "{name} {rendition}");
            assert_seamless(&frame_times(path, "v"), rate.into(), 0.0);
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pixel_format_that_changes_on_the_way_loses_and_doubles_nothing() {
    let harness = Harness::new().await;
    let x264 = "-c:v libx264 -preset ultrafast -g 25 -bf 0";
    let plain = harness.make("plain.h264", &format!("{} -pix_fmt yuv420p {x264}", numbered(0, 40, 25)));
    let deep = harness.make("deep.h264", &format!("{} -pix_fmt yuv422p10le {x264}", numbered(40, 100, 25)));
    let [plain, deep] = [plain, deep].map(|path| std::fs::read(path).unwrap());
    for (name, parts, wanted) in [
        ("deeper", [&plain, &deep], (0..140).collect::<Vec<_>>()),
        ("plainer", [&deep, &plain], (40..140).chain(0..40).collect()),
    ] {
        let joined = harness.file(&format!("{name}.h264"));
        std::fs::write(&joined, [&parts[0][..], &parts[1][..]].concat()).unwrap();
        let source = harness.make(&format!("{name}.mp4"), &format!("-r 25 -f h264 -i {} -c copy", joined.display()));
        let out = harness.convert(&source, Kind::Video, "mp4").await;
        for (rendition, path) in out.videos() {
            assert_eq!(numbers(path, &[]), wanted, "{name} {rendition}");
            // The parts have keyframes a second apart, so a copy would have more.
            assert_eq!(numbers(path, &["-skip_frame", "nokey"]).len(), 3, "{name} {rendition} is encoded");
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn video_that_is_turned_or_interlaced_and_changes_on_the_way_loses_and_doubles_nothing() {
    let harness = Harness::new().await;
    let x264 = "-c:v libx264 -preset ultrafast -g 25 -bf 0";
    let turned = "scale=320:180,transpose=clock";
    let fields = "tinterlace=interleave_top,fieldorder=tff -crf 10 -flags +ildct+ilme";
    // name, pictures a frame, rotation, ffmpeg's filters and pixel format for 40 frames, and for 100 more
    let rows = [
        ("turned", 1_u32, "90", format!("{turned} -pix_fmt yuv420p"), format!("{turned} -pix_fmt yuv422p10le")),
        (
            "fields",
            2,
            "0",
            format!("scale=320:192,{fields} -pix_fmt yuv420p"),
            format!("scale=640:384,{fields} -pix_fmt yuv422p10le"),
        ),
        (
            "turned-fields",
            2,
            "90",
            format!("scale=320:192,transpose=clock,{fields} -pix_fmt yuv420p"),
            format!("scale=640:384,transpose=clock,{fields} -pix_fmt yuv420p"),
        ),
    ];
    for (name, pictures, rotation, before, after) in rows {
        let rate = 25 * pictures;
        let parts = [(0, 40, before), (40 * pictures, 100, after)].map(|(first, frames, filters)| {
            let arguments = format!("{} -vf {filters} {x264}", numbered(first, frames, rate));
            std::fs::read(harness.make(&format!("{name}-{first}.h264"), &arguments)).unwrap()
        });
        let joined = harness.file(&format!("{name}.h264"));
        std::fs::write(&joined, parts.concat()).unwrap();
        let arguments = format!("-r 25 -f h264 -i {} -c copy -metadata:s:v:0 rotate={rotation}", joined.display());
        let source = harness.make(&format!("{name}.mp4"), &arguments);
        let out = harness.convert(&source, Kind::Video, "mp4").await;
        for (rendition, path) in out.videos() {
            assert!(!stream_info(path, "v").contains_key("rotation"), "{name} {rendition}");
            // Only upright pictures show their numbers from left to right.
            assert_eq!(numbers(path, &[]), (0..140 * pictures).collect::<Vec<_>>(), "{name} {rendition}");
            assert_seamless(&frame_times(path, "v"), rate.into(), 0.0);
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_starts_late_pauses_or_changes_its_format_keeps_its_times() {
    let harness = Harness::new().await;
    let video = "-f lavfi -i color=red:size=320x180:rate=25";
    let x264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let mono = harness.make("1.mp3", "-f lavfi -i sine=440:sample_rate=44100:d=2 -ac 1 -c:a libmp3lame -write_xing 0");
    let stereo =
        harness.make("2.mp3", "-f lavfi -i sine=880:sample_rate=48000:d=3 -ac 2 -c:a libmp3lame -write_xing 0");
    let joined = harness.file("joined.mp3");
    std::fs::write(&joined, [&mono, &stereo].map(|part| std::fs::read(part).unwrap()).concat()).unwrap();
    let list = harness.file("list.txt");
    std::fs::write(&list, format!("file {}\nduration 4\nfile {}\n", mono.display(), stereo.display())).unwrap();
    // name, ffmpeg's arguments, seconds, the tone at times
    let rows = [
        // Where a rate changes, ffmpeg takes the time of one frame by the other rate, and silence is up to 0.4 s long.
        (
            "late.mkv",
            format!("{video}:d=7 -itsoffset 2 -i {} -map 0 -map 1 {x264} -c:a copy", joined.display()),
            7.0,
            [(0.2, None), (1.4, None), (2.8, Some(440.0)), (4.6, Some(880.0)), (6.3, Some(880.0))],
        ),
        (
            "pausing.mkv",
            format!("{video}:d=7 -f concat -safe 0 -i {} -map 0 -map 1 {x264} -c:a copy", list.display()),
            7.0,
            [(0.2, Some(440.0)), (1.4, Some(440.0)), (2.5, None), (3.4, None), (5.5, Some(880.0))],
        ),
        (
            "hole.mkv",
            format!("{video}:d=6 -f lavfi -i sine=440:d=6 -af aselect='not(between(t\\,2\\,4))' {x264} -c:a libvorbis"),
            6.0,
            [(0.2, Some(440.0)), (1.4, Some(440.0)), (2.5, None), (3.4, None), (5.0, Some(440.0))],
        ),
    ];
    for (name, arguments, seconds, tones) in rows {
        let source = harness.make(name, &arguments);
        let out = harness.convert(&source, Kind::Video, "mkv").await;
        let audio = &out.whole["audio"];
        let heard = frame_times(audio, "a");
        assert_seamless(&heard, 48_000.0 / 1024.0, 0.0);
        assert!((heard.last().unwrap() - seconds).abs() < 0.1, "{name}: {:?}", heard.last());
        for (at, wanted) in tones {
            let tone = hertz(audio, at);
            let is_right = match (tone, wanted) {
                (Some(tone), Some(wanted)) => (tone - wanted).abs() < 12.0,
                (None, None) => true,
                _ => false,
            };
            assert!(is_right, "{name}: {tone:?} Hz at {at} s, not {wanted:?}");
        }
    }
    harness.end().await;
}
