//! Files that should not come in, and some that should.

use testkit::ffmpeg;

use crate::kitchen::png;

/// A GIF of this size with so many frames of one pixel.
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

/// A phone's photo: lying on its side, with camera, time and place in its EXIF.
pub fn phone_photo() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| [tag.to_le_bytes().as_slice(), &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat();
    // IFD0 at 8 with 5 entries ends at 74; the EXIF IFD with one at 92; the texts behind.
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

/// Encodes with ffmpeg and answers the file.
pub fn encoded(name: &str, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut all = arguments.to_vec();
    all.push(path.to_str().unwrap());
    ffmpeg(&all);
    std::fs::read(path).unwrap()
}

/// A second of video with sound; `more` are further arguments.
pub fn video(name: &str, more: &[&str]) -> Vec<u8> {
    let mut arguments = vec!["-f", "lavfi", "-i", "testsrc2=s=128x72:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];
    arguments.extend(more);
    encoded(name, &arguments)
}

/// A file that is refused for what it is: its name, its bytes, the status and the code.
pub type Refused = (&'static str, Vec<u8>, u16, &'static str);

/// Everything that is refused for what it is.
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
    vec![
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
    ]
}
