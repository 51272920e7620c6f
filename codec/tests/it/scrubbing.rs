//! Scrubs real files: exiftool finds nothing that should be gone, and ffmpeg decodes the same.

use std::fs::{self, File};
use std::io::{BufReader, Cursor};
use std::path::Path;

use codec::scrub::{self, Patch};
use codec::sniff::Format;
use tempfile::NamedTempFile;

use crate::reading::format;
use crate::tools::{Fixtures, frames, run, tags};

/// What exiftool writes where a format has room for it.
const EXIF: [&str; 9] = [
    "-GPSLatitude=52.5200",
    "-GPSLatitudeRef=N",
    "-GPSLongitude=13.4050",
    "-GPSLongitudeRef=E",
    "-Artist=SECRET",
    "-Model=SECRET 5",
    "-DateTimeOriginal=2026:06:01 12:00:00",
    "-XMP:Description=SECRET",
    "-XMP:GPSLatitude=52.52",
];

/// Words that reveal private data in exiftool's output or in the bytes.
const LEAK_MARKS: [&str; 9] =
    ["SECRET", "GPS", "XMP", "IPTC", "Model ", "Comment ", "DateTimeOriginal", "Location", "Thumbnail"];

pub fn patches(path: &Path) -> Result<Vec<Patch>, scrub::Error> {
    let len = fs::metadata(path).unwrap().len();
    scrub::scrub(format(path).unwrap(), &mut BufReader::new(File::open(path).unwrap()), len)
}

/// The scrubbed file, patched in windows as a server would do it; it is deleted with its handle.
pub fn scrubbed(path: &Path) -> NamedTempFile {
    let patches = patches(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut file = fs::read(path).unwrap();
    file.chunks_mut(4093).enumerate().for_each(|(n, window)| scrub::apply(&patches, n as u64 * 4093, window));
    let output = tempfile::Builder::new().suffix(path.file_name().unwrap()).tempfile().unwrap();
    fs::write(&output, file).unwrap();
    output
}

/// Scrubs and checks: no private data in the bytes or in exiftool's output, the same frames, the same result again.
pub fn check(path: &Path, maps: &[&str]) -> String {
    let output = scrubbed(path);
    let bytes = fs::read(&output).unwrap();
    assert!(!bytes.windows(6).any(|w| w == b"SECRET"), "{}: a secret is left", path.display());
    let left = tags(output.path());
    // A comment of zeros is an empty value.
    let own = ["[System]", "[ExifTool]", "[Composite]"];
    let says = |line: &&str| !own.iter().any(|group| line.starts_with(group)) && !line.trim_end().ends_with(" :");
    let talk: Vec<_> =
        left.lines().filter(says).filter(|line| LEAK_MARKS.iter().any(|mark| line.contains(mark))).collect();
    assert!(talk.is_empty(), "{}: {talk:#?}", path.display());
    if !maps.is_empty() {
        assert_eq!(frames(path, maps), frames(output.path(), maps), "{}", path.display());
    }
    let again = patches(output.path()).unwrap();
    let mut twice = bytes.clone();
    scrub::apply(&again, 0, &mut twice);
    assert!(twice == bytes, "{}: scrubbing again changes something", path.display());
    left
}

fn add_metadata(path: &Path, more: &[&str]) {
    let name = path.display().to_string();
    run("exiftool", &[&["-q", "-m", "-overwrite_original"], &EXIF[..], more, &[&name]].concat());
    // XMP, which every format has, is plain text. To run exiftool once more takes half a second.
    assert!(fs::read(path).unwrap().windows(6).any(|w| w == b"SECRET"), "{name}: exiftool wrote nothing");
}

#[test]
fn photos_lose_everything_but_their_orientation() {
    let fixtures = Fixtures::new();
    let more = ["-n", "-Orientation=6", "-Comment=SECRET", "-IPTC:Keywords=SECRET", "-Copyright=SECRET"];
    for (name, codec) in
        [("a.jpg", ""), ("a.png", ""), ("a.webp", "-c:v libwebp"), ("b.webp", "-c:v libwebp -lossless 1")]
    {
        let path = fixtures.image(1, codec, name);
        add_metadata(&path, &more);
        let left = check(&path, &["0:v"]);
        assert!(left.contains("Orientation") && left.contains("Rotate 90 CW"), "{name}: {left}");
        let output = scrubbed(&path);
        let picture = codec::header::image_in(
            format(&path).unwrap(),
            &mut File::open(&output).unwrap(),
            fs::metadata(&output).unwrap().len(),
        );
        assert_eq!(picture.unwrap().orientation, 6, "{name}");
    }
}

#[test]
fn animations_still_play() {
    let fixtures = Fixtures::new();
    let path = fixtures.image(10, "-loop 0", "a.gif");
    add_metadata(&path, &["-Comment=SECRET"]);
    check(&path, &["0:v"]);
    // ffmpeg accepts no text between an APNG's frames, where exiftool writes it: a still image's text is moved behind
    // the header.
    let still = fixtures.image(1, "", "a.png");
    add_metadata(&still, &["-Comment=SECRET"]);
    let still = fs::read(still).unwrap();
    let text = still.windows(4).position(|w| w == b"tEXt").unwrap() - 4;
    let end = text + 12 + u32::from_be_bytes(still[text..text + 4].try_into().unwrap()) as usize;
    let mut animated = fs::read(fixtures.image(10, "-plays 0", "plain.apng")).unwrap();
    animated.splice(33..33, still[text..end].iter().copied());
    check(&fixtures.write("a.apng", &animated), &["0:v"]);
    // ffmpeg 5.1 does not decode animated WebP.
    let path = fixtures.image(10, "-c:v libwebp_anim", "a.webp");
    add_metadata(&path, &[]);
    check(&path, &[]);
}

#[test]
fn a_motion_photo_loses_its_video_and_a_jpeg_its_preview() {
    let fixtures = Fixtures::new();
    let path = fixtures.image(1, "", "a.jpg");
    add_metadata(&path, &["-n", "-Orientation=3"]);
    let preview = fixtures.image(1, "", "preview.jpg");
    let preview = format!("-ThumbnailImage<={}", preview.display());
    run("exiftool", &["-q", "-overwrite_original", &preview, &path.display().to_string()]);
    assert!(tags(&path).contains("ThumbnailImage"));
    let video = fixtures.video("-metadata title=SECRET", "video.mp4");
    let both = [fs::read(&path).unwrap(), fs::read(video).unwrap()].concat();
    let len = fs::read(&path).unwrap().len();
    let motion = fixtures.write("motion.jpg", &both);
    let left = check(&motion, &["0:v"]);
    assert!(left.contains("Rotate 180"), "{left}");
    let output = scrubbed(&motion);
    assert!(fs::read(&output).unwrap()[len..].iter().all(|b| *b == 0));
}

#[test]
fn heif_images_lose_their_metadata_items() {
    let fixtures = Fixtures::new();
    let source = fixtures.image(1, "", "a.jpg");
    add_metadata(&source, &["-n", "-Orientation=1"]);
    for name in ["a.heic", "a.avif"] {
        let path = fixtures.path(name);
        run("heif-enc", &[&source.display().to_string(), "-o", &path.display().to_string()]);
        add_metadata(&path, &[]);
        check(&path, &[]);
        let output = scrubbed(&path);
        let decoded = |path: &Path, name: &str| {
            let picture = fixtures.path(name);
            run("heif-convert", &[&path.display().to_string(), &picture.display().to_string()]);
            frames(&picture, &["0:v"])
        };
        assert_eq!(decoded(&path, "before.png"), decoded(output.path(), "after.png"), "{name}");
    }
}

#[test]
fn videos_lose_everything_but_video_and_audio() {
    let fixtures = Fixtures::new();
    let named = "-metadata title=SECRET -metadata comment=SECRET -metadata location=+52.5200+013.4050/ \
        -metadata artist=SECRET -metadata creation_time=2026-06-01T12:00:00Z";
    for (name, codec) in [
        ("late.mp4", ""),
        ("early.mp4", "-movflags faststart"),
        ("pieces.mp4", "-movflags frag_keyframe+empty_moov+default_base_moof"),
        ("a.mov", "-c:a pcm_s16le -timecode 01:00:00:00"),
        ("b.mov", "-movflags use_metadata_tags -metadata com.apple.quicktime.make=SECRET"),
        ("a.3gp", "-c:a aac"),
        ("a.mkv", "-metadata:s:v title=SECRET"),
    ] {
        let path = fixtures.video(&format!("{codec} {named}"), name);
        if matches!(name, "late.mp4" | "early.mp4" | "a.mov") {
            add_metadata(
                &path,
                &["-Keys:GPSCoordinates=52.52 13.4", "-UserData:GPSCoordinates=52.52 13.4", "-UserData:Comment=SECRET"],
            );
        }
        let left = check(&path, &["0:v:0", "0:a"]);
        assert!(!left.contains("2026:06:01"), "{name}: {left}");
        let output = scrubbed(&path);
        let probe = run(
            "ffprobe",
            &["-v", "error", "-show_format", "-show_streams", "-show_chapters", &output.path().display().to_string()],
        );
        for talk in ["SECRET", "TAG:location", "creation_time", "TAG:title", "TAG:comment", "timecode"] {
            assert!(!probe.contains(talk), "{name}: {talk} in {probe}");
        }
    }
}

#[test]
fn position_tracks_declared_as_subtitles_are_removed() {
    let fixtures = Fixtures::new();
    // Drones write a position in each line.
    let line = |at: u32| format!("{at}\n00:00:0{at},000 --> 00:00:0{at},900\nGPS(13.4,52.5) SECRET\n\n");
    let lines = [line(0), line(1)].concat();
    fixtures.write("track.srt", lines.as_bytes());
    fixtures.write("chapters.txt", b";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=SECRET\n");
    fixtures.video("", "video.mp4");
    for (name, codec) in [("a.mp4", "-c:s mov_text"), ("a.mov", "-c:s mov_text"), ("a.mkv", "-c:s srt")] {
        let inputs = "-i @video.mp4 -i @track.srt -i @chapters.txt -map 0 -map 1 -map_metadata 2 -map_chapters 2 \
            -c:v copy -c:a copy";
        let path = fixtures.ffmpeg(&format!("{inputs} {codec}"), name);
        check(&path, &["0:v", "0:a"]);
        let output = scrubbed(&path);
        let probe =
            run("ffprobe", &["-v", "error", "-show_streams", "-show_chapters", &output.path().display().to_string()]);
        assert!(!probe.contains("subtitle") && !probe.contains("[CHAPTER]"), "{name}: {probe}");
    }
}

#[test]
fn matroska_from_other_writers() {
    let fixtures = Fixtures::new();
    fixtures.video("", "video.mp4");
    let cover = fixtures.image(1, "", "cover.jpg");
    add_metadata(&cover, &[]);
    let attached = "-attach @cover.jpg -metadata:s:t mimetype=image/jpeg -metadata:s:t filename=SECRET.jpg";
    let path = fixtures.ffmpeg(
        &format!("-i @video.mp4 {attached} -c copy -metadata title=SECRET -metadata:s:a title=SECRET"),
        "a.mkv",
    );
    check(&path, &["0:v:0", "0:a"]);
    // A browser's recorder: sizes unknown, because it writes to a pipe.
    let live = fixtures.ffmpeg(
        "-i @video.mp4 -c:v libvpx -deadline realtime -c:a libopus -live 1 -metadata title=SECRET -f webm",
        "live.webm",
    );
    check(&live, &["0:v", "0:a"]);
    let whole = fixtures.ffmpeg(
        "-i @video.mp4 -c:v libvpx -deadline realtime -c:a libopus -metadata title=SECRET -metadata location=SECRET",
        "a.webm",
    );
    check(&whole, &["0:v", "0:a"]);
}

#[test]
fn songs_keep_title_and_artist_and_lose_the_rest() {
    let fixtures = Fixtures::new();
    let cover = fixtures.image(1, "", "cover.jpg");
    add_metadata(&cover, &[]);
    let named = "-metadata title=Song -metadata artist=Ada -metadata comment=SECRET -metadata location=SECRET \
        -metadata encoded_by=SECRET";
    for (name, codec, keeps) in [
        ("a.mp3", "-c:a libmp3lame -id3v2_version 3 -write_id3v1 1", true),
        ("b.mp3", "-c:a libmp3lame -id3v2_version 4", true),
        ("a.flac", "", true),
        ("a.ogg", "-c:a libvorbis", true),
        ("a.opus", "-c:a libopus", true),
        ("b.ogg", "-c:a flac", true),
        ("a.m4a", "-c:a aac", false),
        ("a.wav", "", false),
        ("b.wav", "-rf64 always", false),
        ("a.mka", "-c:a flac", false),
    ] {
        let path = fixtures.audio(&format!("{codec} {named}"), name);
        check_song(&path, keeps);
        if matches!(name, "a.mp3" | "b.mp3" | "a.flac" | "a.m4a") {
            let covered = format!("cover-{name}");
            let path = fixtures.ffmpeg(
                &format!("-i @{name} -i @cover.jpg -map 0 -map 1 -c copy -disposition:v attached_pic -write_id3v1 0"),
                &covered,
            );
            check_song(&path, keeps);
        }
    }
}

fn check_song(path: &Path, keeps: bool) {
    check(path, &["0:a"]);
    let output = scrubbed(path);
    let probe = run("ffprobe", &["-v", "error", "-show_format", "-show_streams", &output.path().display().to_string()]);
    let has = |text: &str| probe.to_lowercase().contains(text);
    assert!(
        !has("comment=s") && !has("secret") && !has("location") && !has("attached_pic=1"),
        "{}: {probe}",
        path.display()
    );
    assert_eq!((has("tag:title=song"), has("tag:artist=ada")), (keeps, keeps), "{}: {probe}", path.display());
}

/// Debian's samples: photos of several phones and cameras, most with a position, and a phone's video.
#[test]
fn photos_of_real_phones_and_cameras() {
    let folder = Path::new("/usr/share/forensics-samples/original-files");
    if !folder.exists() {
        eprintln!("skipped: apt-get install forensics-samples-files");
        return;
    }
    let mut seen = 0;
    for entry in
        ["pic1", "pic2", "movie1", "movie2", "audio1"].iter().flat_map(|name| fs::read_dir(folder.join(name)).unwrap())
    {
        let path = entry.unwrap().path();
        let Some(found) = format(&path) else { continue };
        let maps: &[&str] = match found {
            Format::Mp3 | Format::Ogg | Format::Wav => &["0:a"],
            Format::Mp4 => &["0:v", "0:a"],
            _ => &["0:v"],
        };
        check(&path, maps);
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} of the samples were known");
}

#[test]
fn truncated_and_mutated_real_files_never_panic() {
    let fixtures = Fixtures::new();
    fixtures.image(1, "", "p.png");
    let heic = fixtures.path("a.heic");
    run("heif-enc", &[&fixtures.path("p.png").display().to_string(), "-o", &heic.display().to_string()]);
    let files = [
        heic,
        fixtures.image(1, "", "a.jpg"),
        fixtures.image(3, "", "a.gif"),
        fixtures.video("", "a.mp4"),
        fixtures.video("-movflags frag_keyframe+empty_moov", "b.mp4"),
        fixtures.video("", "a.mkv"),
        fixtures.audio("-c:a libopus", "a.opus"),
        fixtures.audio("-c:a libmp3lame", "a.mp3"),
        fixtures.audio("", "a.flac"),
    ];
    // A small generator of our own: the same mutations in each run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for path in files {
        let original = fs::read(&path).unwrap();
        let found = format(&path).unwrap();
        for turn in 0..300 {
            let mut file = original.clone();
            for _ in 0..=random() % 4 {
                // Most structure is at the start and at the end.
                let (near, at) = (random() % 2048, random() as usize);
                let position = match turn % 3 {
                    0 => near as usize,
                    1 => file.len().saturating_sub(near as usize),
                    _ => at,
                };
                let position = position % file.len();
                file[position] = random() as u8;
            }
            if turn % 5 == 0 {
                file.truncate(random() as usize % file.len());
            }
            let len = file.len() as u64;
            let mut scans = scrub::ScanIndex::default();
            file.chunks(1 + random() as usize % 9000).for_each(|piece| scans.push(piece));
            let read = scrub::scrub(found, &mut Cursor::new(&file), len);
            let noted = scrub::scrub_with_scans(found, &mut Cursor::new(&file), len, &scans);
            assert_eq!(format!("{read:?}"), format!("{noted:?}"), "what was noted in passing changes nothing");
            let _ = codec::exif::read(found, &mut Cursor::new(&file), len);
            let _ = codec::header::movie(&mut Cursor::new(&file), len);
            let _ = codec::header::image_in(found, &mut Cursor::new(&file), len);
            let _ = codec::sniff::sniff(&file, true);
        }
    }
}
