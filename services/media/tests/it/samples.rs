//! Sample files: some that must be refused, and some that must be accepted.

use testkit::ffmpeg;

use crate::fixtures::png;
use crate::seeds::{self, Movie};

/// Returns a GIF of this size with `frames` frames of one pixel.
pub fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend(b"\x80\0\0abcdef");
    for _ in 0..frames {
        file.extend(b"\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    file.push(0x3b);
    file
}

/// Returns the photo of a phone: rotated, with camera, time and place in its EXIF.
pub fn phone_photo() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [tag.to_le_bytes().as_slice(), &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    // IFD0 at 8 with 5 entries ends at 74; the EXIF IFD with one ends at 92; the texts follow.
    tiff.extend(5_u16.to_le_bytes());
    tiff.extend(entry(0x010f, 2, 8, 130));
    tiff.extend(entry(0x0110, 2, 6, 140));
    tiff.extend(entry(0x0112, 3, 1, 6));
    tiff.extend(entry(0x8769, 4, 1, 74));
    tiff.extend(entry(0x8825, 4, 1, 92));
    tiff.extend(0_u32.to_le_bytes());
    assert_eq!(tiff.len(), 74);
    tiff.extend(1_u16.to_le_bytes());
    tiff.extend(entry(0x9003, 2, 20, 150));
    tiff.extend(0_u32.to_le_bytes());
    assert_eq!(tiff.len(), 92);
    tiff.extend(1_u16.to_le_bytes());
    tiff.extend(entry(0x0001, 2, 2, u32::from(b'N')));
    tiff.extend(0_u32.to_le_bytes());
    tiff.resize(130, 0);
    tiff.extend(b"Phoneco\0\0\0X100\0\0\0\0\0\0");
    tiff.resize(150, 0);
    tiff.extend(b"2024:05:06 07:08:09\0");
    let mut exif = b"\xff\xe1".to_vec();
    exif.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    exif.extend(b"Exif\0\0");
    exif.extend(tiff);
    let mut jpeg = encoded("p.jpg", &["-f", "lavfi", "-i", "testsrc2=s=320x200:d=0.1", "-frames:v", "1"]);
    jpeg.splice(2..2, exif);
    jpeg
}

/// Encodes with ffmpeg and returns the file.
pub fn encoded(name: &str, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut all = arguments.to_vec();
    all.push(path.to_str().unwrap());
    ffmpeg(&all);
    std::fs::read(path).unwrap()
}

/// Returns a second of video with audio; `more` are further arguments.
pub fn video(name: &str, more: &[&str]) -> Vec<u8> {
    let mut arguments = vec![
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=128x72:r=10:d=1",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:a",
        "aac",
    ];
    arguments.extend(more);
    encoded(name, &arguments)
}

/// A refused file: its name, its bytes, the status and the code.
pub type Refused = (&'static str, Vec<u8>, u16, &'static str);

/// Returns small files that would cost a converter gigabytes or minutes; each is refused before it is decoded.
fn hostile() -> Vec<Refused> {
    let movie = |movie: Movie| movie.file();
    let mkv = |entries: &[Vec<u8>]| seeds::matroska(&[seeds::tracks(entries)]);
    let cover = seeds::id3_frame(b"APIC", [0; 2], &seeds::png_head(16_000, 16_000));
    let nested =
        (1..8).map(|id| seeds::overlay(id, (64, 64), &[id + 1; 10])).chain([seeds::tile(8, 64)]).collect::<Vec<_>>();
    vec![
        ("four hours at 1 Hz", seeds::wav(1, 1, 1, &[7; 14_000]), 422, "media.bad_sample_rate"),
        ("a wave of 65,535 channels", seeds::wav(48_000, 65_535, 2, &[7; 2000]), 422, "media.too_many_channels"),
        ("a wave whose samples have no size", seeds::wav(48_000, 2, 0, &[7; 2000]), 422, "media.broken_file"),
        ("a FLAC at 1 MHz", seeds::flac(1_048_575, 2, &[]), 422, "media.bad_sample_rate"),
        ("255 channels of Opus", seeds::opus(255, &[]), 422, "media.too_many_channels"),
        ("255 channels of Matroska", mkv(&[seeds::sound_track(8000.0, 255)]), 422, "media.too_many_channels"),
        ("a thousand tracks", mkv(&vec![seeds::sound_track(8000.0, 2); 1000]), 422, "media.too_many_tracks"),
        ("8192 × 8192", movie(Movie { size: (8192, 8192), ..Movie::default() }), 422, "media.too_many_pixels"),
        ("8192 × 8192 of Matroska", mkv(&[seeds::picture_track(8192, 8192)]), 422, "media.too_many_pixels"),
        (
            "660 bytes with 40 million samples",
            movie(Movie { samples: 40_000_000, ..Movie::default() }),
            422,
            "media.broken_file",
        ),
        (
            "a fragment of 4 billion samples",
            movie(Movie { samples: 0, runs: (0, 0), behind: seeds::fragment(u32::MAX), ..Movie::default() }),
            422,
            "media.too_many_samples",
        ),
        ("300,000 edits", movie(Movie { edits: 300_000, ..Movie::default() }), 422, "media.too_many_edits"),
        ("2,000 tracks", movie(Movie { tracks: 2000, ..Movie::default() }), 422, "media.too_many_tracks"),
        ("a cover of 256 megapixels", seeds::mp3(3, 0, &cover), 422, "media.cover_too_large"),
        ("a JPEG of 5,000 scans", seeds::jpeg(400, 300, 5000), 422, "media.too_many_scans"),
        ("a WebP of 10,000 frames", seeds::webp(16, 10_000), 422, "media.too_many_frames"),
        ("ten million pictures in a kilobyte", seeds::heic(&nested), 422, "media.too_many_pictures"),
        ("a picture made of itself", seeds::heic(&[seeds::overlay(1, (64, 64), &[1])]), 422, "media.broken_file"),
    ]
}

/// Returns all files that are refused for their content.
pub fn refused() -> Vec<Refused> {
    let pad = |start: &[u8], bytes: usize| {
        let mut file = start.to_vec();
        file.resize(bytes.max(start.len()), b' ');
        file
    };
    let unsupported = |name, file: Vec<u8>| (name, file, 415, "media.unsupported_type");
    let video = video("v.mp4", &["-movflags", "+faststart"]);
    let moov = video.windows(4).position(|w| w == b"moov").unwrap();
    let mut without_moov = video.clone();
    without_moov[moov..moov + 4].copy_from_slice(b"free");
    let cut = video[..video.len() / 2].to_vec();
    let mut polyglot = gif(10, 10, 1);
    polyglot.splice(6..6, *b"/*<script>alert(1)</script>*/");
    polyglot.resize(4000, b'x');
    let mut png_and_pdf = png(10, 10, 4000, 1);
    png_and_pdf.splice(60..69, *b"%PDF-1.7\n");
    let mut zip_first = b"PK\x03\x04".to_vec();
    zip_first.extend(png(10, 10, 4000, 1));
    let mut refused = hostile();
    refused.extend([
        ("an empty file", Vec::new(), 422, "media.empty"),
        unsupported("a PDF", pad(b"%PDF-1.7\n", 200_000)),
        unsupported("an SVG", pad(b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", 2000)),
        unsupported("a page", pad(b"<!doctype html><script>alert(1)</script>", 2000)),
        unsupported("a ZIP", pad(b"PK\x03\x04\x14\0\0\0", 5000)),
        unsupported("a ZIP with a PNG behind", zip_first),
        unsupported("a GIF that is a script", polyglot),
        unsupported("a PNG that is a PDF", png_and_pdf),
        unsupported("a playlist", pad(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 100)),
        unsupported("a concat list", pad(b"ffconcat version 1.0\nfile '/etc/passwd'\n", 100)),
        unsupported("plain text", b"http://127.0.0.1:8081/metrics\n".repeat(50)),
        unsupported("a program", pad(b"\x7fELF\x02\x01\x01", 5000)),
        unsupported("three bytes", b"abc".to_vec()),
        unsupported("noise", (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("a bomb", png(30_000, 30_000, 3000, 0), 422, "media.too_many_pixels"),
        ("a GIF bomb", gif(65_535, 65_535, 1).into_iter().chain([0; 2000]).collect(), 422, "media.too_many_pixels"),
        ("a very wide header", png(65_500, 100, 3000, 0), 422, "media.too_many_pixels"),
        ("10,000 frames", gif(10, 10, 10_000), 422, "media.too_many_frames"),
        ("a video without its index", without_moov, 422, "media.broken_file"),
        ("half a video", cut, 422, "media.broken_file"),
        ("a PNG of no pixels", png(0, 10, 3000, 0), 422, "media.broken_file"),
    ]);
    refused
}
