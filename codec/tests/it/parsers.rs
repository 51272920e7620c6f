//! Every parser of untrusted bytes, each behind one function that accepts any bytes and panics only where a promise is
//! broken.
//!
//! The fuzz targets call these functions, and so does the test that tries mutated seeds. Invariant: no function here
//! requires anything of its input.

// Each fuzz target needs one of them.
#![allow(dead_code)]

use std::io::Cursor;

use codec::header::{self, FrameCounter, HEADER_BYTES, Header, ScanCounter};
use codec::scrub::{self, ScanIndex};
use codec::sniff::{Format, HEAD_BYTES, Sniff, describe_unsupported, sniff};

/// A function that reads bytes and panics where a parser is wrong.
pub type Parser = fn(&[u8]);

/// All of them by name.
pub const ALL: [(&str, Parser); 7] = [
    ("sniffing", sniffing),
    ("headers", headers),
    ("movies", movies),
    ("claims", claims),
    ("exif", exif),
    ("scrubbing", scrubbing),
    ("texts", texts),
];

/// The format of any bytes is decided at the end, and never changes as they grow.
pub fn sniffing(data: &[u8]) {
    let whole = sniff(data, true);
    assert_ne!(whole, Sniff::NeedMore);
    for cut in [1, 16, 100, 1024, 5000, HEAD_BYTES] {
        let Some(head) = data.get(..cut) else { break };
        if let Sniff::Known(format) = sniff(head, false) {
            assert!(whole == Sniff::Known(format) || cut < 1024, "{format} became {whole:?}");
        }
    }
    let _ = describe_unsupported(data);
}

/// An image has an area, and what the head shows also holds for the whole file.
pub fn headers(data: &[u8]) {
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Gif, Format::Heic] {
        match header::image(format, data, true) {
            Header::NeedMore => panic!("{format}: more than all"),
            Header::Known(picture) => {
                assert!(picture.width > 0 && picture.height > 0 && (1..=8).contains(&picture.orientation));
            }
            Header::InWholeFile => assert!(data.len() > HEADER_BYTES, "{format}: more than all"),
            Header::Invalid(_) => {}
        }
        let head = data.get(..data.len().min(HEADER_BYTES) / 2).unwrap_or_default();
        let _ = header::image(format, head, false);
        if let Ok(picture) = header::image_in(format, &mut Cursor::new(data), data.len() as u64) {
            assert!(picture.width > 0 && picture.height > 0);
        }
        let mut frames = FrameCounter::new(format);
        data.chunks(997).for_each(|piece| frames.push(piece));
        assert!(u64::from(frames.frames()) <= data.len() as u64);
    }
    let (mut scans, mut counter) = (ScanIndex::default(), ScanCounter::default());
    data.chunks(613).for_each(|piece| {
        scans.push(piece);
        counter.push(piece);
    });
}

/// The boxes of MP4 and MOV, with the true length of the file and with a larger declared one.
pub fn movies(data: &[u8]) {
    let _ = header::movie(&mut Cursor::new(data), data.len() as u64);
    let _ = header::movie(&mut Cursor::new(data), u64::MAX);
}

/// EBML, RIFF, FLAC, Ogg and ID3.
pub fn claims(data: &[u8]) {
    for format in [Format::Mkv, Format::Wav, Format::Flac, Format::Ogg, Format::Mp3] {
        let _ = header::claims(format, &mut Cursor::new(data), data.len() as u64);
        let _ = header::claims_so_far(format, data);
    }
}

/// Metadata is read or left out, and never causes an error of memory.
pub fn exif(data: &[u8]) {
    for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Heic, Format::Mp4, Format::Mkv] {
        let metadata =
            codec::exif::read(format, &mut Cursor::new(data), data.len() as u64).expect("memory can be read");
        assert!((1..=8).contains(&metadata.orientation));
    }
}

/// Patches are in order, inside the file and few; applied to the file they return one of the same length.
pub fn scrubbing(data: &[u8]) {
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::Webp,
        Format::Wav,
        Format::Heic,
        Format::Mkv,
        Format::Mp3,
        Format::Flac,
        Format::Ogg,
    ] {
        let Ok(patches) = scrub::scrub(format, &mut Cursor::new(data), data.len() as u64) else { continue };
        assert!(patches.len() <= scrub::MAX_PATCHES);
        let mut end = 0;
        for patch in &patches {
            assert!(
                patch.offset >= end && patch.bytes > 0 && patch.fill.len() as u64 <= patch.bytes,
                "{format}: {patch:?}"
            );
            end = patch.offset + patch.bytes;
        }
        assert!(end <= data.len() as u64, "{format}");
        let mut whole = data.to_vec();
        scrub::apply(&patches, 0, &mut whole);
        assert_eq!(whole.len(), data.len());
    }
}

/// Digests, checksums and names, as in header fields; captions, which stay as they are once they are valid.
pub fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (
        codec::digest::repr_digest(&text),
        codec::digest::tus_checksum(&text),
        scrub::Patch::from_hex(7, 9, &text),
        text.parse::<Format>(),
    );
    assert!(codec::filename::clean(&text).chars().all(|letter| !letter.is_control() && letter != '/'));
    if let Ok(captions) = codec::webvtt::normalize(data) {
        assert_eq!(codec::webvtt::normalize(captions.as_bytes()).as_ref(), Ok(&captions));
    }
}
