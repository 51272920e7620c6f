//! Reads metadata blocks built by hand, and checks that no block causes an error or a panic.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A little-endian EXIF block with make, model, date, offset and a position.
fn block(make: &[u8], model: &[u8], date: &[u8], offset: &[u8], latitude: bool) -> Vec<u8> {
    let mut data = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, form: u16, count: usize, value: u32| {
        let mut entry = [tag.to_le_bytes(), form.to_le_bytes()].concat();
        entry.extend((count as u32).to_le_bytes());
        entry.extend(value.to_le_bytes());
        entry
    };
    data.extend(5_u16.to_le_bytes());
    data.extend(entry(tiff::MAKE, 2, make.len(), 200));
    data.extend(entry(tiff::MODEL, 2, model.len(), 250));
    data.extend(entry(tiff::ORIENTATION, 3, 1, 6));
    data.extend(entry(tiff::EXIF_IFD, 4, 1, 100));
    data.extend(entry(tiff::GPS_IFD, 4, 1, 140));
    data.resize(100, 0);
    data.extend(2_u16.to_le_bytes());
    data.extend(entry(tiff::DATE_TIME_ORIGINAL, 2, date.len(), 300));
    data.extend(entry(tiff::OFFSET_TIME_ORIGINAL, 2, offset.len(), 330));
    data.resize(140, 0);
    data.extend(1_u16.to_le_bytes());
    data.extend(entry(if latitude { 2 } else { 0 }, 5, 3, 340));
    for (at, text) in [(200, make), (250, model), (300, date), (330, offset)] {
        data.resize(at, 0);
        data.extend(text);
    }
    data
}

fn metadata(block: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    exif(block, &mut metadata);
    metadata
}

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

#[test]
fn a_whole_block() {
    let read = metadata(&block(b"Apple\0", b"iPhone 12\0", b"2026:06:01 12:00:00\0", b"+02:00\0", true));
    assert_eq!(read.orientation, 6);
    assert_eq!(read.camera.as_deref(), Some("Apple iPhone 12"));
    assert!(read.has_gps);
    let taken = read.taken_at.unwrap();
    assert_eq!((taken.local, taken.offset), (noon(), FixedOffset::east_opt(7200)));
    assert_eq!(taken.utc().to_rfc3339(), "2026-06-01T10:00:00+00:00");
}

#[test]
fn unset_clocks_and_empty_positions_are_ignored() {
    for date in [
        &b"0000:00:00 00:00:00\0"[..],
        b"    :  :     :  :  \0",
        b"\xff\xff\0",
        b"2026:13:01 12:00:00\0",
        b"0001:01:01 00:00:00\0",
    ] {
        assert_eq!(metadata(&block(b"A\0", b"B\0", date, b"\0", false)).taken_at, None);
    }
    let read = metadata(&block(b"Acme\0", b"Cam\0", b"2026:06:01 12:00:00\0", b"   :  \0", false));
    assert_eq!(read.taken_at, Some(TakenAt { local: noon(), offset: None }));
    assert!(!read.has_gps, "a GPS directory without a position");
}

#[test]
fn cameras_are_named_once() {
    let name = |make: &[u8], model: &[u8]| camera(Some(make), Some(model));
    assert_eq!(name(b"NIKON CORPORATION", b"NIKON D90").as_deref(), Some("NIKON D90"));
    assert_eq!(name(b"Canon ", b" canon  EOS\x07 5D").as_deref(), Some("canon EOS 5D"));
    assert_eq!(name(b"", b"Pixel 8").as_deref(), Some("Pixel 8"));
    assert_eq!(name(b" ", b"\xff"), None);
    assert_eq!(name(b"x", &[b'y'; 250]).unwrap().len(), MAX_CAMERA_CHARS);
    assert_eq!(name("Ü".as_bytes(), b"abc").as_deref(), Some("Ü abc"));
}

#[test]
fn quicktime_metadata_has_camera_and_date() {
    let boxed = |kind: &[u8], content: &[u8]| [&(8 + content.len() as u32).to_be_bytes(), kind, content].concat();
    let key = |name: &[u8]| boxed(b"mdta", name);
    let item = |index: u32, value: &[u8]| {
        boxed(&index.to_be_bytes(), &boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0], value].concat()))
    };
    let names: [&[u8]; 4] = [b"make", b"model", b"creationdate", b"location.ISO6709"];
    let keys = names.map(|name| key(&[b"com.apple.quicktime.", name].concat())).concat();
    let list =
        [item(1, b"Apple"), item(2, b"iPhone 12"), item(3, b"2026-06-01T12:00:00+0200"), item(4, b"+52.5+013.4/")];
    let meta = [
        boxed(b"hdlr", &[0; 24]),
        boxed(b"keys", &[&[0, 0, 0, 0, 0, 0, 0, 4], &keys[..]].concat()),
        boxed(b"ilst", &list.concat()),
    ];
    let mut mvhd = vec![0; 100];
    mvhd[4..8].copy_from_slice(&0xe000_0000_u32.to_be_bytes());
    for iso in [false, true] {
        let meta = if iso { [vec![0; 4], meta.concat()].concat() } else { meta.concat() };
        let file = boxed(b"moov", &[boxed(b"mvhd", &mvhd), boxed(b"meta", &meta)].concat());
        let read = read(Format::Mov, &mut Cursor::new(&file), file.len() as u64).unwrap();
        assert_eq!(read.camera.as_deref(), Some("Apple iPhone 12"));
        assert_eq!(read.taken_at, Some(TakenAt { local: noon(), offset: FixedOffset::east_opt(7200) }));
        assert!(read.has_gps);
    }
    let udta = boxed(b"udta", &[boxed(b"\xa9xyz", b"\0\x12\x15\xc7+52.5200+013.4050/"), vec![0; 4]].concat());
    let file = boxed(b"moov", &[boxed(b"mvhd", &mvhd), udta].concat());
    let read = read(Format::Mp4, &mut Cursor::new(&file), file.len() as u64).unwrap();
    assert_eq!((read.has_gps, read.taken_at.map(|t| t.local.year())), (true, Some(2023)));
}

proptest! {
    #[test]
    fn no_block_upsets_it(
        at in 0_usize..350,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in 0_usize..400,
    ) {
        let mut data = block(b"Apple\0", b"iPhone 12\0", b"2026:06:01 12:00:00\0", b"+02:00\0", true);
        let at = at.min(data.len());
        data.splice(at..(at + bytes.len()).min(data.len()), bytes);
        data.truncate(cut);
        let read = metadata(&data);
        prop_assert!((1..=8).contains(&read.orientation));
        if let Some(taken) = read.taken_at { let _ = taken.utc(); }
    }

    #[test]
    fn no_file_upsets_it(data in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..6) {
        let starts: [&[u8]; 6] = [
            b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n\0\0\0\x20eXIf", b"RIFF\0\0\0\0WEBPEXIF",
            b"\0\0\0\x08ftyp\0\0\0\xffmoov", b"\0\0\0\x08ftyp\0\0\0\xffmeta", b"\x1a\x45\xdf\xa3\x80",
        ];
        let file = [starts[start], &data].concat();
        for format in Format::ALL {
            let _ = read(format, &mut Cursor::new(&file), file.len() as u64);
            let _ = read(format, &mut Cursor::new(&file), u64::MAX);
        }
    }

    #[test]
    fn offsets_are_read_or_not(text in "\\PC*|[+-][0-9:]{0,6}") {
        let _ = offset(&text);
    }
}
