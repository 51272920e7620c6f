//! JPEG, PNG, GIF and WebP, with EXIF and animations.
//!
//! Owns no decodable picture. Invariant: the structure is valid, whatever sizes and counts it declares.

use super::movie::words;

/// The head of a PNG: enough for a cover to appear large.
pub fn png_head(width: u32, height: u32) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0CRC!"]
        .concat()
}

/// A JPEG of this size with so many scans.
pub fn jpeg(width: u16, height: u16, scans: usize) -> Vec<u8> {
    let mut file = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc2\0\x0b\x08".to_vec();
    file.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    file.extend(b"\x01\x01\x11\0");
    file.extend(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0coded\xff\0data".repeat(scans));
    file.extend(b"\xff\xd9");
    file
}

/// A PNG with so many frames and other chunks.
pub fn png(width: u32, height: u32, frames: u32) -> Vec<u8> {
    let mut file = png_head(width, height);
    let chunk =
        |kind: &[u8; 4], content: &[u8]| [&(content.len() as u32).to_be_bytes(), &kind[..], content, b"CRC!"].concat();
    file.extend(chunk(b"acTL", &words(&[frames, 0])));
    for number in 0..frames {
        file.extend(chunk(b"fcTL", &[words(&[number, width, height, 0, 0]), vec![0, 1, 0, 10, 0, 0]].concat()));
        file.extend(chunk(b"fdAT", &words(&[number])));
    }
    file.extend([chunk(b"tEXt", b"Comment\0x"), chunk(b"IDAT", b"x"), chunk(b"IEND", b"")].concat());
    file
}

/// A GIF with so many frames.
pub fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut file =
        [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), b"\x80\0\0abcdef\x21\xfe\x05hello\0"].concat();
    file.extend(b"\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0".repeat(frames));
    file.push(0x3b);
    file
}

/// A WebP animation.
pub fn webp(side: u32, frames: usize) -> Vec<u8> {
    let [a, b, c, _] = (side - 1).to_le_bytes();
    let mut body = [&b"WEBPVP8X\x0a\0\0\0\x02\0\0\0"[..], &[a, b, c, a, b, c], b"ANIM\x06\0\0\0\0\0\0\0\0\0"].concat();
    body.extend(b"ANMF\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0VP8 \0\0\0\0".repeat(frames));
    [b"RIFF".to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body].concat()
}

/// EXIF with a maker, a time and a location, in a JPEG.
pub fn jpeg_with_exif() -> Vec<u8> {
    let entry = |tag: u16, form: u16, count: u32, value: u32| {
        [&tag.to_be_bytes()[..], &form.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let mut tiff = b"MM\0*\0\0\0\x08\0\x04".to_vec();
    tiff.extend(
        [entry(0x010f, 2, 6, 80), entry(0x0112, 3, 1, 6 << 16), entry(0x8769, 4, 1, 62), entry(0x8825, 4, 1, 90)]
            .concat(),
    );
    tiff.resize(62, 0);
    tiff.extend([&[0, 1][..], &entry(0x9003, 2, 20, 110)].concat());
    tiff.resize(80, 0);
    tiff.extend(b"Maker\0\0\0\0\0\0\x01");
    tiff.extend(entry(2, 5, 3, 130));
    tiff.resize(110, 0);
    tiff.extend(b"2024:05:06 07:08:09\0");
    let mut file = jpeg(40, 30, 3);
    file.splice(2..2, [&[0xff, 0xe1][..], &(tiff.len() as u16 + 8).to_be_bytes(), b"Exif\0\0", &tiff].concat());
    file
}
