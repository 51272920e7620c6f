//! Detects formats and reads headers and metadata of real files.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use codec::exif;
use codec::header::{self, FrameCounter, Header, MoovPosition, MovieVideo};
use codec::sniff::{Format, HEAD_BYTES, Sniff, sniff};

use crate::tools::{Fixtures, run};

/// Returns the format, checked to stay the same while the head grows.
pub fn format(path: &Path) -> Option<Format> {
    let file = fs::read(path).unwrap();
    let head = &file[..file.len().min(HEAD_BYTES)];
    let mut found = None;
    for cut in [0, 10, 100, 1000, 10_000, head.len()] {
        let cut = cut.min(head.len());
        match (sniff(&head[..cut], cut == file.len()), found) {
            (Sniff::Known(now), None) => found = Some(now),
            (now, Some(before)) => assert_eq!(now, Sniff::Known(before), "{}", path.display()),
            _ => {}
        }
    }
    found
}

#[test]
fn formats_of_real_files() {
    let fixtures = Fixtures::new();
    for (name, codec, expected) in [
        ("a.jpg", "", Format::Jpeg),
        ("a.png", "", Format::Png),
        ("a.gif", "", Format::Gif),
        ("a.webp", "-c:v libwebp", Format::Webp),
        ("b.webp", "-c:v libwebp -lossless 1", Format::Webp),
    ] {
        assert_eq!(format(&fixtures.image(1, codec, name)), Some(expected), "{name}");
    }
    for (name, codec, expected) in [
        ("a.mp3", "-c:a libmp3lame", Format::Mp3),
        ("b.mp3", "-c:a libmp3lame -write_xing 0 -id3v2_version 0", Format::Mp3),
        ("a.m4a", "-c:a aac", Format::M4a),
        ("a.wav", "", Format::Wav),
        ("b.wav", "-rf64 always", Format::Wav),
        ("a.flac", "", Format::Flac),
        ("a.ogg", "-c:a libvorbis", Format::Ogg),
        ("a.opus", "-c:a libopus", Format::Ogg),
        ("b.ogg", "-c:a flac", Format::Ogg),
        ("a.webm", "-c:a libopus", Format::Webm),
        ("a.mka", "-c:a flac", Format::Mkv),
    ] {
        assert_eq!(format(&fixtures.audio(codec, name)), Some(expected), "{name}");
    }
    for (name, codec, expected) in [
        ("a.mp4", "", Format::Mp4),
        ("b.mp4", "-movflags frag_keyframe+empty_moov", Format::Mp4),
        ("a.mov", "", Format::Mov),
        ("a.mkv", "", Format::Mkv),
        ("a.3gp", "-c:a aac", Format::Mp4),
    ] {
        assert_eq!(format(&fixtures.video(codec, name)), Some(expected), "{name}");
    }
    fixtures.image(1, "", "h.png");
    let png = fixtures.path("h.png").display().to_string();
    for (name, expected) in [("a.heic", Format::Heic), ("a.avif", Format::Avif)] {
        let path = fixtures.path(name);
        run("heif-enc", &[&png, "-o", &path.display().to_string()]);
        assert_eq!(format(&path), Some(expected), "{name}");
    }
    for (name, codec) in [("x.avi", ""), ("x.flv", "-ar 44100"), ("x.ts", ""), ("x.wmv", "-c:v wmv2 -c:a wmav2")] {
        assert_eq!(format(&fixtures.video(codec, name)), None, "{name}");
    }
    for name in ["x.aac", "x.ac3", "x.aiff"] {
        assert_eq!(format(&fixtures.audio("", name)), None, "{name}");
    }
    for name in ["x.bmp", "x.tiff", "x.jp2"] {
        assert_eq!(format(&fixtures.image(1, "", name)), None, "{name}");
    }
}

#[test]
fn dimensions_after_orientation() {
    let fixtures = Fixtures::new();
    fixtures.image(1, "", "p.png");
    let png = fixtures.path("p.png").display().to_string();
    for name in ["a.heic", "a.avif"] {
        run("heif-enc", &[&png, "-o", &fixtures.path(name).display().to_string()]);
    }
    for (name, codec) in [
        ("a.jpg", ""),
        ("a.png", ""),
        ("a.webp", "-c:v libwebp"),
        ("b.webp", "-c:v libwebp -lossless 1"),
        ("a.gif", ""),
    ] {
        fixtures.image(1, codec, name);
    }
    for name in ["a.jpg", "a.png", "a.webp", "b.webp", "a.gif", "a.heic", "a.avif"] {
        let path = fixtures.path(name);
        let file = fs::read(&path).unwrap();
        let found = format(&path).unwrap();
        let Header::Known(head) = header::image(found, &file, true) else { panic!("{name}") };
        assert_eq!((head.width, head.height, head.orientation), (64, 48, 1), "{name}");
        if !matches!(found, Format::Gif) {
            run("exiftool", &["-q", "-overwrite_original", "-n", "-Orientation=6", &path.display().to_string()]);
        }
        let len = fs::metadata(&path).unwrap().len();
        let whole = header::image_in(found, &mut BufReader::new(File::open(&path).unwrap()), len).unwrap();
        let turned = matches!(found, Format::Jpeg | Format::Png | Format::Webp);
        assert_eq!((whole.width, whole.height), if turned { (48, 64) } else { (64, 48) }, "{name}");
    }
}

#[test]
fn frames_of_animations() {
    let fixtures = Fixtures::new();
    for (name, codec) in [("a.gif", ""), ("a.webp", "-c:v libwebp_anim"), ("a.png", "-f apng")] {
        let path = fixtures.image(25, codec, name);
        let mut counter = FrameCounter::new(format(&path).unwrap());
        fs::read(&path).unwrap().chunks(777).for_each(|piece| counter.push(piece));
        // libwebp merges equal images.
        let expected =
            if name == "a.webp" { fs::read(&path).unwrap().windows(4).filter(|w| w == b"ANMF").count() } else { 25 };
        assert_eq!((counter.frames() as usize, counter.broken()), (expected, false), "{name}");
        assert!((900..=1100).contains(&counter.duration_ms()), "{name}: {} ms", counter.duration_ms());
    }
}

#[test]
fn videos_from_several_writers() {
    let fixtures = Fixtures::new();
    let read = |path: &Path| {
        let len = fs::metadata(path).unwrap().len();
        header::movie(&mut BufReader::new(File::open(path).unwrap()), len)
    };
    let late = read(&fixtures.video("", "late.mp4")).unwrap();
    assert_eq!(late.video, Some(MovieVideo { width: 64, height: 48, rotation: 0 }));
    assert!(late.audio && late.moov == MoovPosition::End && !late.fragmented);
    assert!((1990..=2100).contains(&late.duration_ms.unwrap()), "{late:?}");
    assert_eq!(read(&fixtures.video("-movflags faststart", "early.mov")).unwrap().moov, MoovPosition::Front);
    assert!(read(&fixtures.video("-movflags frag_keyframe+empty_moov", "fragments.mp4")).unwrap().fragmented);
    let turned = read(&fixtures.ffmpeg("-i @late.mp4 -c copy -metadata:s:v rotate=90", "turned.mp4")).unwrap();
    // ffmpeg's tag counts counter-clockwise until 5.1 and clockwise later; both are turned by a quarter.
    let video = turned.video.unwrap();
    assert_eq!((video.width, video.height, video.rotation % 180), (48, 64, 90));
    let audio = read(&fixtures.audio("-c:a aac", "audio.m4a")).unwrap();
    assert!(audio.audio && audio.video.is_none());
    let file = fs::read(fixtures.path("late.mp4")).unwrap();
    let cut = fixtures.write("cut.mp4", &file[..file.len() / 2]);
    assert!(matches!(read(&cut), Err(header::Error::NoMoov)));
    let early = fs::read(fixtures.path("early.mov")).unwrap();
    let cut = fixtures.write("cut.mov", &early[..early.len() - 100]);
    assert!(matches!(read(&cut), Err(header::Error::Truncated)));
}

#[test]
fn metadata_as_exiftool_wrote_it() {
    let fixtures = Fixtures::new();
    fixtures.image(1, "", "a.jpg");
    fixtures.image(1, "", "a.png");
    fixtures.image(1, "-c:v libwebp", "a.webp");
    run(
        "heif-enc",
        &[&fixtures.path("a.png").display().to_string(), "-o", &fixtures.path("a.heic").display().to_string()],
    );
    for name in ["a.jpg", "a.png", "a.webp", "a.heic"] {
        let path = fixtures.path(name);
        let read = |path: &Path| {
            let len = fs::metadata(path).unwrap().len();
            exif::read(format(path).unwrap(), &mut BufReader::new(File::open(path).unwrap()), len).unwrap()
        };
        assert_eq!(read(&path), exif::Metadata::default(), "{name}");
        let text = path.display().to_string();
        let camera =
            ["-Make=Acme", "-Model=Acme 5", "-DateTimeOriginal=2026:06:01 12:00:00", "-OffsetTimeOriginal=+02:00"];
        run("exiftool", &[&["-q", "-overwrite_original", "-n", "-Orientation=8"], &camera[..], &[&text]].concat());
        let metadata = read(&path);
        assert_eq!(metadata.camera.as_deref(), Some("Acme 5"), "{name}");
        assert_eq!(metadata.taken_at.unwrap().utc().to_rfc3339(), "2026-06-01T10:00:00+00:00", "{name}");
        assert_eq!((metadata.orientation, metadata.has_gps), (if name == "a.heic" { 1 } else { 8 }, false), "{name}");
        run("exiftool", &["-q", "-overwrite_original", "-GPSLatitude=52.5", "-GPSLongitude=13.4", &text]);
        assert!(read(&path).has_gps, "{name}");
    }
}
