//! Detection of each format, refusals, and that no input causes a panic.

use proptest::prelude::*;

use super::*;

fn jpeg() -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
    file.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    file.extend([0xff, 0xdb, 0, 67]);
    file.resize(200, 1);
    file
}

fn ftyp(major: &[u8], compatible: &[&[u8]]) -> Vec<u8> {
    let mut file = (16 + 4 * compatible.len() as u32).to_be_bytes().to_vec();
    file.extend(b"ftyp");
    file.extend(major);
    file.extend([0; 4]);
    file.extend(compatible.concat());
    file.resize(2000, 0);
    file
}

fn mp3_frames(count: usize) -> Vec<u8> {
    // MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0x55);
    frame.repeat(count)
}

fn matroska(doc_type: &[u8]) -> Vec<u8> {
    let mut file =
        vec![0x1a, 0x45, 0xdf, 0xa3, 0x80 | (3 + doc_type.len()) as u8, 0x42, 0x82, 0x80 | doc_type.len() as u8];
    file.extend(doc_type);
    file.extend([0x18, 0x53, 0x80, 0x67, 0xff]);
    file.resize(2000, 0);
    file
}

fn ogg(packet: &[u8]) -> Vec<u8> {
    let mut file = b"OggS\0\x02".to_vec();
    file.resize(26, 0);
    file.extend([1, packet.len() as u8]);
    file.extend(packet);
    file.resize(100, 0);
    file
}

/// A Skeleton, and the first page of a stream that it describes.
fn skeleton_of(packet: &[u8]) -> Vec<u8> {
    let mut file = ogg(&[&b"fishead\0"[..], &[0; 56]].concat());
    file.truncate(28 + 64);
    [file, ogg(packet)].concat()
}

fn id3(size: usize) -> Vec<u8> {
    let mut file = b"ID3\x04\0\0".to_vec();
    file.extend([(size >> 21 & 127) as u8, (size >> 14 & 127) as u8, (size >> 7 & 127) as u8, (size & 127) as u8]);
    file.extend(b"TIT2");
    file.resize(10 + size, 0);
    file
}

fn known(file: &[u8]) -> Option<Format> {
    match sniff(file, true) {
        Sniff::Known(format) => Some(format),
        _ => None,
    }
}

#[test]
fn containers_by_their_brands() {
    assert_eq!(known(&ftyp(b"isom", &[b"isom", b"mp41"])), Some(Format::Mp4));
    assert_eq!(known(&ftyp(b"qt  ", &[])), Some(Format::Mov));
    assert_eq!(known(&ftyp(b"M4A ", &[b"mp42", b"isom"])), Some(Format::M4a));
    assert_eq!(known(&ftyp(b"heic", &[b"mif1"])), Some(Format::Heic));
    assert_eq!(known(&ftyp(b"mif1", &[b"mif1", b"heic"])), Some(Format::Heic));
    assert_eq!(known(&ftyp(b"mif1", &[b"isom", b"miaf", b"avif"])), Some(Format::Avif));
    assert_eq!(known(&ftyp(b"avis", &[b"avif", b"msf1"])), Some(Format::Avif));
    assert_eq!(known(&ftyp(b"zzzz", &[b"iso6"])), Some(Format::Mp4));
    assert_eq!(known(&ftyp(b"crx ", &[b"isom"])), None, "Canon raw");
    assert_eq!(known(&ftyp(b"mif1", &[b"avci"])), None, "HEIF with AVC");
    assert_eq!(known(&ftyp(b"zzzz", &[b"yyyy"])), None);
    assert_eq!(known(&matroska(b"webm")), Some(Format::Webm));
    assert_eq!(known(&matroska(b"matroska")), Some(Format::Mkv));
    assert_eq!(known(&matroska(b"other")), None);
}

#[test]
fn quicktime_from_before_ftyp() {
    let mut file = b"\0\0\0\x08wide\0\0\x10\0mdat".to_vec();
    file.resize(2000, 0);
    assert_eq!(known(&file), Some(Format::Mov));
    let mut file = b"\0\0\x10\0moov\0\0\0\x6cmvhd".to_vec();
    file.resize(2000, 0);
    assert_eq!(known(&file), Some(Format::Mov));
    assert_eq!(known(b"\0\0\0\x08wide\0\0\x10\0exec............"), None);
}

#[test]
fn mp3_by_its_frames() {
    assert_eq!(known(&mp3_frames(3)), Some(Format::Mp3));
    assert_eq!(known(&mp3_frames(2)), Some(Format::Mp3));
    assert_eq!(known(&mp3_frames(1)), None, "one frame header proves nothing");
    assert_eq!(known(&[id3(300), mp3_frames(3)].concat()), Some(Format::Mp3));
    assert_eq!(known(&[id3(300), b"fLaC\0\0\0\x22".to_vec()].concat()), Some(Format::Flac));
    assert_eq!(known(&[id3(300), b"<html>".repeat(50)].concat()), None);
    for tag in [HEAD_BYTES * 2, HEAD_BYTES - 10, HEAD_BYTES - 12, HEAD_BYTES - 900, HEAD_BYTES - 5000] {
        assert_eq!(known(&[id3(tag), mp3_frames(30)].concat()), Some(Format::Mp3), "cover art, tag of {tag}");
    }
    assert_eq!(known(&[id3(300), id3(40), mp3_frames(3)].concat()), Some(Format::Mp3), "two tags");
    assert_eq!(known(&[id3(300), b"\0\0JUNKJUNK\xff\xfb".to_vec(), mp3_frames(3)].concat()), Some(Format::Mp3));
    assert_eq!(known(&[id3(300), vec![b'x'; 5000], mp3_frames(3)].concat()), None, "too much of something else");
    assert_eq!(known(&[vec![0; 1500], mp3_frames(3)].concat()), Some(Format::Mp3), "padding in front");
    assert_eq!(known(&[vec![0; 1500], mp3_frames(1)].concat()), None);
    assert_eq!(known(&[0; 5000]), None);
    assert_eq!(known(b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0"), Some(Format::Flac));
    assert_eq!(known(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"), Some(Format::Wav));
    assert_eq!(known(b"RIFF\x24\0\0\0AVI LIST\x10\0\0\0"), None);
    assert_eq!(known(&ogg(b"OpusHead\x01")), Some(Format::Ogg));
    assert_eq!(known(&ogg(b"\x01vorbis\0")), Some(Format::Ogg));
    assert_eq!(known(&ogg(b"\x80theora\x03")), None);
    assert_eq!(known(&skeleton_of(b"OpusHead\x01")), Some(Format::Ogg));
    assert_eq!(known(&skeleton_of(b"fishead\0")), None, "a Skeleton has one head");
}

#[test]
fn images_need_a_second_structure() {
    assert_eq!(known(&jpeg()), Some(Format::Jpeg));
    assert_eq!(known(b"\xff\xd8\xff\xe0<script>alert(1)</script>.............................."), None);
    assert_eq!(known(b"GIF89a<html><script>alert(1)</script></html>..............................."), None);
    assert_eq!(known(b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01"), Some(Format::Gif));
    assert_eq!(known(b"GIF89a\0\0\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01"), Some(Format::Gif), "as large as its frame");
    assert_eq!(known(&[&jpeg()[..2], &[0xff; 5], &jpeg()[2..]].concat()), Some(Format::Jpeg), "fill bytes");
    assert_eq!(known(b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0"), Some(Format::Webp));
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0".to_vec();
    png.extend(0x1f15_c489_u32.to_be_bytes());
    assert_eq!(known(&png), Some(Format::Png));
    png[20] = 9;
    assert_eq!(known(&png), None, "the checksum no longer fits");
}

#[test]
fn a_jpeg_whose_first_segment_fills_the_head_is_still_one() {
    let mut file = vec![0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff];
    file.resize(HEAD_BYTES, 0);
    assert_eq!(sniff(&file[..5000], false), Sniff::NeedMore);
    assert_eq!(sniff(&file, false), Sniff::Known(Format::Jpeg));
    assert_eq!(sniff(&file[..5000], true), Sniff::Unknown, "cut off");
}

#[test]
fn polyglots_are_refused() {
    for mark in ["%PDF-1.7", "<SCRIPT>", "<?php system", "<!DOCTYPE html>", "PK\x03\x04"] {
        let mut file = vec![0xff, 0xd8, 0xff, 0xfe, 0, 30];
        file.extend(mark.bytes());
        file.resize(34, b' ');
        file.extend(&jpeg()[2..]);
        assert_eq!(known(&file), None, "{mark}");
    }
    let tagged = [id3(300), mp3_frames(3)].concat();
    let hiding = [&tagged[..30], b"<html><script>", &tagged[44..]].concat();
    assert_eq!(known(&hiding), Some(Format::Mp3), "text in a tag is text");
}

#[test]
fn other_formats_are_refused_and_named() {
    let adts = [[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f].as_slice(), &[0; 10]].concat().repeat(3);
    let packets = [[0x47].as_slice(), &[0x10; 187]].concat().repeat(3);
    let coded =
        |segment: &[u8]| [&[0xff, 0xd8, 0xff][..], segment, b"\0\x30....<html>.............................."].concat();
    let table: [(&[u8], &str); 19] = [
        (b"%PDF-1.7\n%abcdefghijkl", "a PDF document"),
        (b"PK\x03\x04\x14\0\0\0\x08\0abcdefghijkl", "a ZIP archive or office document"),
        (b"<?xml version='1.0'?><svg onload='x()'/>", "an SVG drawing"),
        (b"  <!DOCTYPE html><p>hello</p>", "a web page"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a playlist"),
        (b"just some words in a row", "a text"),
        (b"", "an empty file"),
        (b"#!AMR\n<...............", "an AMR recording"),
        (b"FORM\0\0\x01\0AIFCFVER\0\0", "an AIFF recording"),
        (b"caff\0\x01\0\0desc\0\0\0\0", "a CAF recording"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "a Windows Media file (WMA or WMV)"),
        (&ogg(b"\x80theora\x03"), "an Ogg video (Theora)"),
        (&ogg(b"Speex   1.2"), "a Speex recording"),
        (&skeleton_of(b"\x80theora\x03"), "an Ogg video (Theora)"),
        (&adts, "an AAC recording without a container (ADTS)"),
        (&packets, "an MPEG transport stream"),
        (&coded(b"\xfe"), "a photo with the code of a program in its comment"),
        (&coded(b"\xe1"), "a photo with the code of a program in its XMP data"),
    ];
    for (file, name) in table {
        assert_eq!(sniff(file, true), Sniff::Unknown);
        assert_eq!(describe_unsupported(file), Some(name));
    }
    assert_eq!(describe_unsupported(&[0, 1, 2, 3, 200, 201]), None);
}

#[test]
fn a_short_head_needs_more_and_a_short_file_is_unsupported() {
    assert_eq!(sniff(&[], false), Sniff::NeedMore);
    assert_eq!(sniff(&[], true), Sniff::Unknown);
    assert_eq!(sniff(&jpeg()[..15], false), Sniff::NeedMore);
    assert_eq!(sniff(b"plain text has no magic", false), Sniff::Unknown, "refused without waiting");
}

fn starts() -> Vec<Vec<u8>> {
    vec![
        jpeg(),
        ftyp(b"mif1", &[b"heic"]),
        mp3_frames(4),
        matroska(b"webm"),
        ogg(b"OpusHead\x01"),
        skeleton_of(b"OpusHead\x01"),
        [id3(300), mp3_frames(3)].concat(),
        b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01".to_vec(),
        b"\0\0\0\x08wide\0\0\x10\0mdat".to_vec(),
    ]
}

proptest! {
    #[test]
    fn any_bytes_get_a_final_answer(data in proptest::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert_ne!(sniff(&data, true), Sniff::NeedMore);
        let _ = (sniff(&data, false), describe_unsupported(&data));
    }

    #[test]
    fn mutations_get_a_final_answer(which in 0_usize..9, at in 0_usize..2000, byte: u8, cut in 0_usize..2000) {
        let mut data = starts().swap_remove(which);
        if let Some(there) = data.get_mut(at) { *there = byte; }
        prop_assert_ne!(sniff(&data, true), Sniff::NeedMore);
        data.truncate(cut);
        prop_assert_ne!(sniff(&data, true), Sniff::NeedMore);
        let _ = sniff(&data, false);
    }

    #[test]
    fn more_bytes_never_change_a_known_answer(which in 0_usize..9, cut in 0_usize..3000) {
        let whole = starts().swap_remove(which);
        let part = &whole[..cut.min(whole.len())];
        if let Sniff::Known(format) = sniff(part, false) {
            prop_assert_eq!(sniff(&whole, true), Sniff::Known(format));
        }
    }
}
