//! Reads headers built by hand, byte by byte; real files are read in `tests/it`.

use proptest::prelude::*;

use super::*;
use crate::tiff::orientation_only;

fn jpeg(width: u16, height: u16, orientation: Option<u8>) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    if let Some(orientation) = orientation {
        file.extend([0xff, 0xe1, 0, 2 + 6 + 26]);
        file.extend(b"Exif\0\0");
        file.extend(orientation_only(orientation));
    }
    file.extend([0xff, 0xff, 0xdb, 0, 4, 0, 0, 0xff, 0xc2, 0, 11, 8]);
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.extend([1, 1, 0x11, 0, 0xff, 0xda, 0, 2, 1, 2, 3]);
    file
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    file.extend(width.to_be_bytes());
    file.extend(height.to_be_bytes());
    file.extend(b"\x08\x06\0\0\0CRC!\0\0\0\x08acTL\0\0\0\x05\0\0\0\0CRC!\0\0\0\x01IDATxCRC!");
    file.extend(b"\0\0\0\x1aeXIf");
    file.extend(orientation_only(8));
    file.extend(b"CRC!\0\0\0\0IENDCRC!");
    file
}

fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), kind, content].concat()
}

fn heic(properties: &[Vec<u8>], order: &[u8]) -> Vec<u8> {
    let ipco = boxed(b"ipco", &properties.concat());
    let mut ipma = b"\0\0\0\0\0\0\0\x01\0\x07".to_vec();
    ipma.push(order.len() as u8);
    ipma.extend(order);
    let iprp = boxed(b"iprp", &[ipco, boxed(b"ipma", &ipma)].concat());
    let meta = [b"\0\0\0\0".to_vec(), boxed(b"pitm", b"\0\0\0\0\0\x07"), iprp].concat();
    [boxed(b"ftyp", b"heic\0\0\0\0"), boxed(b"meta", &meta)].concat()
}

fn ispe(width: u32, height: u32) -> Vec<u8> {
    boxed(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
}

fn movie_file(duration: u32, matrix: [i32; 4], handler: &[u8]) -> Vec<u8> {
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&600_u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&duration.to_be_bytes());
    let mut tkhd = vec![0; 84];
    for (at, value) in [40, 44, 52, 56].into_iter().zip(matrix) {
        tkhd[at..at + 4].copy_from_slice(&(value << 16).to_be_bytes());
    }
    tkhd[76..80].copy_from_slice(&(1920_u32 << 16).to_be_bytes());
    tkhd[80..84].copy_from_slice(&(1080_u32 << 16).to_be_bytes());
    let hdlr = [&[0; 8][..], handler, &[0; 12]].concat();
    let trak = boxed(b"trak", &[boxed(b"tkhd", &tkhd), boxed(b"mdia", &boxed(b"hdlr", &hdlr))].concat());
    let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), trak].concat());
    [boxed(b"ftyp", b"isom\0\0\0\0"), moov, boxed(b"mdat", &[0; 50])].concat()
}

fn size(header: Header) -> (u32, u32, u8) {
    match header {
        Header::Known(p) => (p.width, p.height, p.orientation),
        other => panic!("{other:?}"),
    }
}

#[test]
fn exif_orientation_applies_to_a_jpeg() {
    assert_eq!(size(image(Format::Jpeg, &jpeg(4000, 3000, None), true)), (4000, 3000, 1));
    for orientation in 1..=4 {
        assert_eq!(size(image(Format::Jpeg, &jpeg(40, 30, Some(orientation)), true)), (40, 30, orientation));
    }
    for orientation in 5..=8 {
        assert_eq!(size(image(Format::Jpeg, &jpeg(40, 30, Some(orientation)), true)), (30, 40, orientation));
    }
}

#[test]
fn a_header_of_any_size_is_read() {
    assert_eq!(size(image(Format::Jpeg, &jpeg(65_500, 65_500, None), true)).0, 65_500);
    assert_eq!(size(image(Format::Png, &png(1 << 30, 1), true)).0, 1 << 30);
    assert!(matches!(image(Format::Png, &png(0, 1), true), Header::Invalid(_)));
    assert!(matches!(image(Format::Png, &png(u32::MAX, 1), true), Header::Invalid(_)));
    assert!(matches!(image(Format::Jpeg, &jpeg(10, 0, None), true), Header::Invalid(_)));
    assert!(matches!(image(Format::Mp3, &png(1, 1), true), Header::Invalid(_)));
}

#[test]
fn an_orientation_at_the_end_of_a_png_counts() {
    let file = png(40, 30);
    let Header::Known(early) = image(Format::Png, &file, false) else { panic!() };
    assert_eq!((early.width, early.orientation, early.frames), (40, 1, Some(5)));
    let whole = image_in(Format::Png, &mut Cursor::new(&file), file.len() as u64).unwrap();
    assert_eq!((whole.width, whole.height, whole.orientation), (30, 40, 8));
}

#[test]
fn three_kinds_of_webp() {
    let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x40\x41\x10\xc0\0\0";
    assert_eq!(size(image(Format::Webp, lossy, true)), (0x140, 16, 1));
    let bits: u32 = (100 - 1) | (50 - 1) << 14;
    let lossless = [b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f", &bits.to_le_bytes()[..], &[0; 8]].concat();
    assert_eq!(size(image(Format::Webp, &lossless, true)), (100, 50, 1));
    let mut extended = b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x0f\0\0\x07\0\0".to_vec();
    extended.extend(b"EXIF\x1a\0\0\0");
    extended.extend(orientation_only(6));
    assert_eq!(size(image(Format::Webp, &extended, true)), (16, 8, 1));
    let whole = image_in(Format::Webp, &mut Cursor::new(&extended), extended.len() as u64).unwrap();
    assert_eq!((whole.width, whole.height, whole.orientation), (8, 16, 6));
}

#[test]
fn heif_orientation_follows_its_properties_in_order() {
    let irot = |quarters| boxed(b"irot", &[quarters]);
    let imir = |axis| boxed(b"imir", &[axis]);
    let of = |properties: &[Vec<u8>], order: &[u8]| size(image(Format::Heic, &heic(properties, order), true));
    assert_eq!(of(&[ispe(40, 30)], &[1]), (40, 30, 1));
    assert_eq!(of(&[ispe(9, 9), ispe(40, 30), irot(3)], &[2, 0x83]), (30, 40, 6), "not the first size, but its own");
    assert_eq!(of(&[ispe(40, 30), irot(1)], &[1, 2]), (30, 40, 8));
    assert_eq!(of(&[ispe(40, 30), irot(2)], &[1, 2]), (40, 30, 3));
    assert_eq!(of(&[ispe(40, 30), imir(1)], &[1, 2]), (40, 30, 2));
    assert_eq!(of(&[ispe(40, 30), imir(0)], &[1, 2]), (40, 30, 4));
    assert_eq!(of(&[ispe(40, 30), irot(1), imir(0)], &[1, 2, 3]), (30, 40, 5));
    assert_eq!(of(&[ispe(40, 30), imir(0), irot(1)], &[1, 2, 3]), (30, 40, 7));
    let clap: Vec<u8> = [32_u32, 1, 20, 1, 0, 1, 0, 1].iter().flat_map(|n| n.to_be_bytes()).collect();
    assert_eq!(of(&[ispe(40, 30), boxed(b"clap", &clap)], &[1, 2]), (32, 20, 1));
    assert!(matches!(image(Format::Heic, &heic(&[irot(1)], &[1]), true), Header::Invalid(_)));
}

#[test]
fn a_growing_head_gives_one_result() {
    for (format, file) in
        [(Format::Jpeg, jpeg(40, 30, Some(6))), (Format::Png, png(40, 30)), (Format::Heic, heic(&[ispe(40, 30)], &[1]))]
    {
        let mut known = false;
        for cut in 0..=file.len() {
            match image(format, &file[..cut], false) {
                Header::Known(_) => known = true,
                Header::NeedMore => assert!(!known, "{format} at {cut}"),
                other => panic!("{format} at {cut}: {other:?}"),
            }
        }
        assert!(known);
        assert!(matches!(image(format, &file[..12], true), Header::Invalid(_)), "cut off");
    }
}

#[test]
fn a_size_behind_megabytes_of_metadata_is_read_in_the_whole_file() {
    let mut file = vec![0xff, 0xd8];
    while file.len() < 2 * HEADER_BYTES {
        file.extend([0xff, 0xe2, 0xff, 0xff]);
        file.resize(file.len() + 65_533, 0);
    }
    assert_eq!(image(Format::Jpeg, &file[..HEADER_BYTES / 2], false), Header::NeedMore);
    assert_eq!(image(Format::Jpeg, &file, false), Header::InWholeFile);
    file.extend(&jpeg(40, 30, None)[2..]);
    assert_eq!(image(Format::Jpeg, &file, true), Header::InWholeFile);
    let whole = image_in(Format::Jpeg, &mut Cursor::new(&file), file.len() as u64).unwrap();
    assert_eq!((whole.width, whole.height), (40, 30));
}

#[test]
fn a_gif_whose_screen_has_no_area_is_as_large_as_its_first_frame() {
    let frame = b"\x2c\x02\0\x01\0\x28\0\x1e\0\0";
    let comment = b"\x21\xfe\x03abc\0";
    let plain = [&b"GIF89a\0\0\0\0\0\0\0"[..], frame].concat();
    let colored = [&b"GIF89a\0\0\x09\0\x80\0\0\0\0\0\0\0\0"[..], comment, frame].concat();
    for file in [plain, colored] {
        assert_eq!(size(image(Format::Gif, &file, true)), (42, 31, 1));
        assert_eq!(image(Format::Gif, &file[..file.len() - 4], false), Header::NeedMore);
    }
    assert!(matches!(image(Format::Gif, b"GIF89a\0\0\0\0\0\0\0;......", true), Header::Invalid(_)));
}

#[test]
fn video_header() {
    let read = |file: &[u8]| movie(&mut Cursor::new(file), file.len() as u64);
    let upright = read(&movie_file(1200, [1, 0, 0, 1], b"vide")).unwrap();
    assert_eq!(upright.video, Some(MovieVideo { width: 1920, height: 1080, rotation: 0 }));
    assert_eq!((upright.duration_ms, upright.audio, upright.moov), (Some(2000), false, MoovPosition::Front));
    let turned = |matrix| read(&movie_file(1, matrix, b"vide")).unwrap().video.unwrap();
    assert_eq!(turned([0, 1, -1, 0]), MovieVideo { width: 1080, height: 1920, rotation: 90 });
    assert_eq!(turned([-1, 0, 0, -1]), MovieVideo { width: 1920, height: 1080, rotation: 180 });
    assert_eq!(turned([0, -1, 1, 0]), MovieVideo { width: 1080, height: 1920, rotation: 270 });
    let audio = read(&movie_file(1, [1, 0, 0, 1], b"soun")).unwrap();
    assert_eq!((audio.audio, audio.video), (true, None));
}

#[test]
fn an_index_at_the_end_or_missing() {
    let file = movie_file(1200, [1, 0, 0, 1], b"vide");
    let (head, mdat) = file.split_at(file.len() - 58);
    let (ftyp, moov) = head.split_at(16);
    let late = [ftyp, mdat, moov].concat();
    let len = late.len() as u64;
    assert_eq!(movie(&mut Cursor::new(&late), len).unwrap().moov, MoovPosition::End);
    let missing = [ftyp, mdat].concat();
    let unfinished = &late[..late.len() - 30];
    assert!(matches!(movie(&mut Cursor::new(&missing), missing.len() as u64), Err(Error::NoMoov)));
    assert!(matches!(movie(&mut Cursor::new(unfinished), unfinished.len() as u64), Err(Error::NoMoov)));
    let cut = &file[..file.len() - 30];
    assert!(matches!(movie(&mut Cursor::new(cut), cut.len() as u64), Err(Error::Truncated)));
}

proptest! {
    #[test]
    fn no_header_upsets_it(
        which in 0_usize..6,
        at in 0_usize..500,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in 0_usize..500,
    ) {
        let irot = boxed(b"irot", &[1]);
        let mut file = match which {
            0 => jpeg(40, 30, Some(6)),
            1 => png(40, 30),
            2 => heic(&[ispe(40, 30), irot], &[1, 2]),
            3 => movie_file(1200, [0, 1, -1, 0], b"vide"),
            4 => b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x0f\0\0\x07\0\0EXIF\x1a\0\0\0MM\0*\0\0\0\x08".to_vec(),
            _ => Vec::new(),
        };
        let at = at.min(file.len());
        file.splice(at..(at + bytes.len()).min(file.len()), bytes);
        for file in [&file[..], &file[..cut.min(file.len())]] {
            let len = file.len() as u64;
            for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Gif, Format::Avif] {
                prop_assert_ne!(image(format, file, true), Header::NeedMore);
                let _ = (image(format, file, false), image_in(format, &mut Cursor::new(file), len));
                let _ = image_in(format, &mut Cursor::new(file), u64::MAX);
            }
            let _ = (movie(&mut Cursor::new(file), len), movie(&mut Cursor::new(file), u64::MAX));
        }
    }
}
