//! Scrubs files built by hand; real files and real tools are in `tests/it`.
//!
//! Owns what must stay and what must go in each format. Invariant: a file that has been scrubbed is not changed by
//! another scrubbing.

pub(super) mod files;
mod robustness;

use std::io::Cursor;

use files::*;

use super::*;
use crate::checksum::{self, crc32};

fn patches(format: Format, file: &[u8]) -> Result<Vec<Patch>, Error> {
    scrub(format, &mut Cursor::new(file), file.len() as u64)
}

/// Returns the file with its patches applied; checks that hold for every file are made here.
fn scrubbed(format: Format, file: &[u8]) -> Vec<u8> {
    let found = patches(format, file).unwrap();
    let mut output = file.to_vec();
    apply(&found, 0, &mut output);
    assert!(!output.windows(6).any(|w| w == b"SECRET"), "{format}: a secret is left");
    let again = patches(format, &output).unwrap();
    let mut twice = output.clone();
    apply(&again, 0, &mut twice);
    assert_eq!(output, twice, "{format}: scrubbing again changes something");
    output
}

#[test]
fn no_private_data_survives_in_any_format() {
    for (format, file) in samples() {
        let output = scrubbed(format, &file);
        assert_eq!(output.len(), file.len());
        assert_ne!(output, file);
    }
}

#[test]
fn a_jpeg_keeps_its_image_profile_and_orientation() {
    let (file, output) = (jpeg(6), scrubbed(Format::Jpeg, &jpeg(6)));
    let picture = crate::header::image_in(Format::Jpeg, &mut Cursor::new(&output), output.len() as u64).unwrap();
    assert_eq!(picture.orientation, 6);
    assert!(output.windows(8).any(|w| w == b"\x01\x01colours"[..8].as_ref()));
    assert!(output.windows(12).any(|w| w == b"Adobe\0\x64\0\0\0\0\x01"));
    let scan = |file: &[u8]| file.windows(8).any(|w| w == [1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]);
    assert!(scan(&file) && scan(&output));
    let end = output.windows(2).rposition(|w| w == [0xff, 0xd9]).unwrap();
    assert!(output[end + 2..].iter().all(|b| *b == 0), "the trailer is gone");
    let upright = scrubbed(Format::Jpeg, &jpeg(1));
    assert!(!upright.windows(4).any(|w| w == b"Exif"), "nothing to say");
}

#[test]
fn a_scrubbed_png_has_valid_checksums_and_its_orientation() {
    let output = scrubbed(Format::Png, &png());
    let mut at = 8;
    let mut kinds = Vec::new();
    while let Some(len) = crate::bytes::be32(&output, at).filter(|_| kinds.last() != Some(&b"IEND".to_vec())) {
        let end = at + 8 + len as usize;
        assert_eq!(Some(crc32(&output[at + 4..end])), crate::bytes::be32(&output, end));
        kinds.push(output[at + 4..at + 8].to_vec());
        at = end + 4;
    }
    assert_eq!(kinds.concat(), b"IHDRvoIdeXIfvoIdIDATvoIdIEND");
    let picture = crate::header::image_in(Format::Png, &mut Cursor::new(&output), output.len() as u64).unwrap();
    assert_eq!(picture.orientation, 6);
}

#[test]
fn webp_flags_match_the_remaining_chunks() {
    let turned = scrubbed(Format::Webp, &webp(8));
    assert_eq!(turned[20], 0x0a);
    let picture = crate::header::image_in(Format::Webp, &mut Cursor::new(&turned), turned.len() as u64).unwrap();
    assert_eq!(picture.orientation, 8);
    assert_eq!(scrubbed(Format::Webp, &webp(1))[20], 0x02);
}

#[test]
fn a_gif_still_loops_and_counts() {
    let output = scrubbed(Format::Gif, &gif());
    assert!(output.windows(11).any(|w| w == b"NETSCAPE2.0"));
    let mut counter = crate::header::FrameCounter::new(Format::Gif);
    counter.push(&output);
    assert_eq!((counter.frames(), counter.duration_ms(), counter.broken()), (1, 50, false));
}

#[test]
fn songs_keep_title_and_artist() {
    let has = |file: &[u8], text: &[u8]| file.windows(text.len()).any(|w| w == text);
    let output = scrubbed(Format::Mp3, &mp3());
    assert!(
        has(&output, b"TIT2\0\0\0\x05\0\0\0Song")
            && has(&output, b"TPE1")
            && !has(&output, b"APIC")
            && !has(&output, b"COMM")
    );
    assert!(has(&output, b"TAGaaaa") && !has(&output, b"APETAGEX"));
    assert!(has(&scrubbed(Format::Flac, &flac()), b"TITLE=Song"));
    // What a writer has put behind the last frame is no audio, whatever it is.
    for tail in [&b"ID3\x04\0\0\0\0\0\x10TXXXSECRETSECRET"[..], b"\xff\xe1\0\x10Exif\0\0SECRETSECRET", b"<html>SECRET"]
    {
        let (whole, tailed) = (scrubbed(Format::Flac, &flac()), scrubbed(Format::Flac, &[&flac(), tail].concat()));
        assert!(tailed.starts_with(&whole) && !has(&tailed, b"SECRET"), "{tail:?}");
    }
    let described = scrubbed(Format::Ogg, &ogg_with_skeleton());
    assert!(has(&described, b"TITLE=Song") && has(&described, b"Content-Type:audio/opus "));
    let output = scrubbed(Format::Ogg, &ogg());
    assert!(has(&output, b"TITLE=Song"));
    let second = output
        .windows(4)
        .position(|w| w == b"OggS")
        .and_then(|_| output[4..].windows(4).position(|w| w == b"OggS"))
        .unwrap()
        + 4;
    let third = output[second + 4..].windows(4).position(|w| w == b"OggS").unwrap() + second + 4;
    let mut page = output[second..third].to_vec();
    let crc = page[22..26].to_vec();
    page[22..26].fill(0);
    assert_eq!(crc, checksum::ogg(0, &page).to_le_bytes());
}

#[test]
fn an_mp4_keeps_video_and_audio_and_nothing_between() {
    let output = scrubbed(Format::Mp4, &movie());
    assert_eq!(&output[24..24 + 45], b"video\0\0\0\0\0\0\0\0sound\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0more video");
    assert_eq!(output.windows(4).filter(|w| w == b"trak").count(), 3);
    assert_eq!(output.windows(4).filter(|w| w == b"hdlr").count(), 3);
}

#[test]
fn a_heic_keeps_its_image() {
    let output = scrubbed(Format::Heic, &heic());
    assert!(output.windows(12).any(|w| w == b"mdatpicture\0"));
    assert!(!output.windows(2).any(|w| w == b"ZZ"), "bytes of idat that no item uses");
}

#[test]
fn matroska_keeps_its_blocks() {
    let output = scrubbed(Format::Mkv, &matroska());
    assert!(output.windows(5).any(|w| w == b"video"));
    let mut walk = crate::ebml::children(&output);
    assert_eq!(walk.next().unwrap().id, 0x1a45_dfa3);
    let inside: Vec<_> = crate::ebml::children(walk.next().unwrap().data).map(|e| e.id).collect();
    assert_eq!(inside, [0x114d_9b74, 0x1549_a966, 0x1654_ae6b, 0x1f43_b675, 0xec, 0xec]);
}

#[test]
fn what_is_not_understood_is_not_shared() {
    for (format, file) in samples() {
        if !matches!(format, Format::Wav | Format::Mp3 | Format::Flac) {
            let cut = file.windows(6).position(|w| w == b"SECRET").unwrap() + 3;
            assert!(patches(format, &file[..cut]).is_err(), "{format} cut off");
        }
        assert!(patches(format, b"").is_err(), "{format} empty");
    }
    let external = movie();
    let at = external.windows(5).position(|w| w == b"alis\0").unwrap() + 7;
    let mut file = external.clone();
    file[at] = 0;
    assert!(patches(Format::Mp4, &file).is_err(), "samples in another file");
    let mut critical = png();
    critical[8 + 25 + 4] = b'T';
    assert!(patches(Format::Png, &critical).is_err(), "an unknown essential chunk");
}

#[test]
fn patches_round_trip_as_text() {
    let patch = Patch { offset: 5, bytes: 9, fill: vec![1, 255] };
    assert_eq!(Patch::from_hex(5, 9, &patch.hex()), Some(patch));
    assert_eq!(Patch::from_hex(5, 1, "01ff"), None);
    assert_eq!(Patch::from_hex(u64::MAX, 2, ""), None);
    assert_eq!(Patch::from_hex(0, 2, "0g"), None);
}
