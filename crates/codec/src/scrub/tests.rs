//! Scrubs files built by hand, and checks that no input causes a panic; real files and real tools are in `tests/it`.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::checksum::{self, crc32};

const SECRET: &[u8] = b"+52.5200+013.4050/SECRET";

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

fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), kind, content].concat()
}

fn exif(orientation: u8) -> Vec<u8> {
    [&b"Exif\0\0"[..], &orientation_only(orientation), SECRET].concat()
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(data.len() as u16 + 2).to_be_bytes()[..], data].concat()
}

fn jpeg(orientation: u8) -> Vec<u8> {
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x02SECRET"),
        segment(0xe1, &exif(orientation)),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xed, SECRET),
        segment(0xee, b"Adobe\0\x64\0\0\0\0\x01SECRET"),
        segment(0xfe, SECRET),
        segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![1, 2, 0xff, 0, 3, 0xff, 0xd0, 4],
        segment(0xc4, &[0; 20]),
        segment(0xfe, SECRET),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![5, 0xff, 0xff, 0xd9],
        boxed(b"ftyp", SECRET),
    ]
    .concat()
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat()
}

fn png() -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]),
        chunk(b"tEXt", &[b"Comment\0", SECRET].concat()),
        chunk(b"eXIf", &exif(6)[6..]),
        chunk(b"tIME", b"SECRET!"),
        chunk(b"IDAT", &[1, 2, 3]),
        chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
        chunk(b"IEND", b""),
        SECRET.to_vec(),
    ]
    .concat()
}

fn gif() -> Vec<u8> {
    let mut xmp = b"\x21\xff\x0bXMP DataXMP".to_vec();
    xmp.extend(b"<x:xmpmeta SECRET SECRET SECRET SECRET SECRET SECRET SECRET SECRET SECRET SECRET/>");
    xmp.push(1);
    xmp.extend((0..=255_u8).rev());
    xmp.push(0);
    [
        b"GIF89a\x01\0\x01\0\x80\0\0abcdef\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0".to_vec(),
        xmp,
        b"\x21\xfe\x06SECRET\0\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0".to_vec(),
        b"\x21\xfe\x06SECRET\x06SECRET\0\x3bSECRET".to_vec(),
    ]
    .concat()
}

fn riff(form: &[u8], chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = form.to_vec();
    for (kind, data) in chunks {
        body.extend(*kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

fn webp(orientation: u8) -> Vec<u8> {
    let frame = [&[0; 16][..], b"VP8 \x02\0\0\0abXTRA\x06\0\0\0SECRET"].concat();
    let mut file = riff(
        b"WEBP",
        &[
            (b"VP8X", &[0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (b"ICCP", b"icc"),
            (b"ANMF", &frame),
            (b"EXIF", &exif(orientation)),
            (b"XMP ", SECRET),
            (b"ABCD", SECRET),
        ],
    );
    file.extend(SECRET);
    file
}

fn flac() -> Vec<u8> {
    let comments = [&b"\x03\0\0\0lib\x02\0\0\0\x0a\0\0\0TITLE=Song\x0a\0\0\0GPS=SECRET"[..]].concat();
    let block = |kind: u8, data: &[u8]| [&[kind], &(data.len() as u32).to_be_bytes()[1..], data].concat();
    [
        id3(3),
        b"fLaC".to_vec(),
        block(0, &[0; 34]),
        block(2, SECRET),
        block(4, &comments),
        block(0x86, SECRET),
        flac_frame(0, 3),
        flac_frame(1, 3),
    ]
    .concat()
}

/// A frame with so many bytes that no decoder would take for samples, with checksums that hold.
pub(super) fn flac_frame(number: u8, bytes: usize) -> Vec<u8> {
    let head = [0xff, 0xf8, 0xc9, 0x18, number];
    let mut noise = 1_u32;
    let noise = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 25) as u8
    });
    let mut frame: Vec<u8> = head.into_iter().chain([flac_frames::crc8(&head)]).chain(noise.take(bytes)).collect();
    let crc = frame.iter().fold(0, |crc, byte| flac_frames::crc16(crc, *byte));
    frame.extend(crc.to_be_bytes());
    frame
}

fn id3(version: u8) -> Vec<u8> {
    let frame = |name: &[u8], text: &[u8]| [name, &(text.len() as u32).to_be_bytes(), &[0, 0], text].concat();
    let frames = [
        frame(b"PRIV", SECRET),
        frame(b"TIT2", b"\0Song"),
        frame(b"COMM", SECRET),
        frame(b"TPE1", b"\0Ada"),
        frame(b"APIC", SECRET),
        vec![0; 20],
    ]
    .concat();
    [&[b'I', b'D', b'3', version, 0, 0, 0, 0, (frames.len() >> 7) as u8, (frames.len() & 127) as u8], &frames[..]]
        .concat()
}

fn mp3() -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0x55);
    let mut ape = [b"APETAGEX\xd0\x07\0\0", &(SECRET.len() as u32 + 32).to_le_bytes()[..], &[0; 16]].concat();
    ape.splice(0..0, SECRET.iter().copied());
    let mut old = b"TAG".to_vec();
    old.resize(97, b'a');
    old.extend(b"SECRET...................SECRET");
    old.resize(128, 0);
    [id3(4), frame.repeat(5), ape, old].concat()
}

fn ogg() -> Vec<u8> {
    let page = |flags: u8, packet: &[u8]| {
        let mut page = [&b"OggS\0"[..], &[flags], &[0; 8], &7_u32.to_le_bytes(), &[0; 8]].concat();
        page.push((packet.len() / 255 + 1) as u8);
        page.extend(std::iter::repeat_n(255, packet.len() / 255));
        page.push((packet.len() % 255) as u8);
        page.extend(packet);
        let crc = checksum::ogg(0, &page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        page
    };
    let comments = b"\x03\0\0\0lib\x02\0\0\0\x0a\0\0\0TITLE=Song\x0a\0\0\0GPS=SECRET";
    [page(2, b"OpusHead\x01\x02"), page(0, &[&b"OpusTags"[..], comments, &[0; 300]].concat()), page(4, &[9; 300])]
        .concat()
}

fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &[0x40 | (data.len() >> 8) as u8, data.len() as u8], data].concat()
}

fn matroska() -> Vec<u8> {
    let track = |number: u8, kind: u8| {
        element(
            &[0xae],
            &[element(&[0xd7], &[number]), element(&[0x83], &[kind]), element(&[0x53, 0x6e], b"SECRET")].concat(),
        )
    };
    let seek = |id: &[u8]| element(&[0x4d, 0xbb], &element(&[0x53, 0xab], id));
    let body = [
        element(
            &[0x11, 0x4d, 0x9b, 0x74],
            &[seek(&[0x15, 0x49, 0xa9, 0x66]), seek(&[0x12, 0x54, 0xc3, 0x67])].concat(),
        ),
        element(
            &[0x15, 0x49, 0xa9, 0x66],
            &[element(&[0xbf], &[1, 2, 3, 4]), element(&[0x7b, 0xa9], SECRET), element(&[0x44, 0x61], &[1; 8])]
                .concat(),
        ),
        element(&[0x16, 0x54, 0xae, 0x6b], &[track(1, 1), track(2, 2), track(3, 17)].concat()),
        element(
            &[0x1f, 0x43, 0xb6, 0x75],
            &[
                element(&[0xe7], &[0]),
                element(&[0xa3], b"\x81\0\0\0video"),
                element(&[0xa3], b"\x83\0\0\0SECRET"),
                element(&[0xa0], &element(&[0xa1], b"\x83\0\0\0SECRET")),
            ]
            .concat(),
        ),
        element(&[0x12, 0x54, 0xc3, 0x67], SECRET),
        element(&[0x19, 0x41, 0xa4, 0x69], SECRET),
    ]
    .concat();
    [
        element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska")),
        element(&[0x18, 0x53, 0x80, 0x67], &body),
        SECRET.to_vec(),
    ]
    .concat()
}

fn track(handler: &[u8], chunk: u32, sizes: &[u32]) -> Vec<u8> {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    let sizes = [&[0, 0, sizes.len() as u32], sizes].concat();
    let table = [
        boxed(b"stsd", &[0; 8]),
        boxed(b"stsc", &numbers(&[0, 1, 1, sizes.len() as u32 - 3, 1])),
        boxed(b"stsz", &numbers(&sizes)),
        boxed(b"stco", &numbers(&[0, 1, chunk])),
        boxed(b"uuid", SECRET),
    ];
    let info = [
        boxed(b"vmhd", &[0; 12]),
        boxed(
            b"dinf",
            &boxed(b"dref", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"alis", b"\0\0\0\x01SECRET")].concat()),
        ),
        boxed(b"stbl", &table.concat()),
    ];
    let media = [
        boxed(b"mdhd", b"\0\0\0\0SECRET!!....."),
        boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 12], b"SECRET"].concat()),
        boxed(b"minf", &info.concat()),
    ];
    boxed(
        b"trak",
        &[boxed(b"tkhd", b"\0\0\0\0SECRET!!....."), boxed(b"mdia", &media.concat()), boxed(b"udta", SECRET)].concat(),
    )
}

fn movie() -> Vec<u8> {
    let data = b"videoSECRET0 sound  freeGPS SECRET more video";
    let start = 16 + 8;
    let moov = [
        boxed(b"mvhd", b"\0\0\0\0SECRET!!....."),
        track(b"vide", start, &[3, 2]),
        track(b"meta", start + 5, &[7]),
        track(b"soun", start + 13, &[5]),
        track(b"vide", start + 35, &[10]),
        boxed(b"udta", &[boxed(b"\xa9xyz", SECRET), vec![0; 4]].concat()),
        boxed(b"meta", SECRET),
    ];
    [
        boxed(b"ftyp", b"isom\0\0\0\0"),
        boxed(b"mdat", data),
        boxed(b"moov", &moov.concat()),
        boxed(b"uuid", SECRET),
        boxed(b"free", SECRET),
    ]
    .concat()
}

fn heic() -> Vec<u8> {
    let infe = |id: u8, kind: &[u8]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0][..], kind, b"\0"].concat());
    let iinf =
        boxed(b"iinf", &[&[0, 0, 0, 0, 0, 3][..], &infe(1, b"hvc1"), &infe(2, b"Exif"), &infe(3, b"mime")].concat());
    // Items 1 and 2 in `mdat`, item 3 in `idat`; one extent each, 4-byte offsets and lengths.
    let position = |id: u8, method: u8, offset: u32, bytes: u32| {
        [&[0, id, 0, method, 0, 0, 0, 1][..], &offset.to_be_bytes(), &bytes.to_be_bytes()].concat()
    };
    let meta = |data: u32| {
        let iloc = [
            &[1, 0, 0, 0, 0x44, 0, 0, 3][..],
            &position(1, 0, data + 8, 7),
            &position(2, 0, data + 15, 10),
            &position(3, 1, 2, 6),
        ]
        .concat();
        let properties = boxed(b"ipco", &[boxed(b"ispe", &[0; 12]), boxed(b"udes", SECRET)].concat());
        let parts = [
            boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0SECRET"),
            boxed(b"pitm", &[0, 0, 0, 0, 0, 1]),
            iinf.clone(),
            boxed(b"iloc", &iloc),
            boxed(b"iprp", &[properties, boxed(b"ipma", &[0; 8])].concat()),
            boxed(b"idat", b"ZZSECRET"),
        ];
        boxed(b"meta", &[vec![0; 4], parts.concat()].concat())
    };
    let data = (16 + meta(0).len()) as u32;
    [
        boxed(b"ftyp", b"heic\0\0\0\0"),
        meta(data),
        boxed(b"mdat", b"picture....SECRETrest SECRET"),
        boxed(b"mpvd", SECRET),
    ]
    .concat()
}

fn wav() -> Vec<u8> {
    riff(
        b"WAVE",
        &[(b"fmt ", &[1; 16]), (b"LIST", SECRET), (b"data", b"samples!"), (b"id3 ", SECRET), (b"bext", SECRET)],
    )
}

fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Jpeg, jpeg(6)),
        (Format::Png, png()),
        (Format::Gif, gif()),
        (Format::Webp, webp(8)),
        (Format::Wav, wav()),
        (Format::Mp3, mp3()),
        (Format::Flac, flac()),
        (Format::Ogg, ogg()),
        (Format::Mkv, matroska()),
        (Format::Mp4, movie()),
        (Format::Heic, heic()),
    ]
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutations_upset_nothing(which in 0_usize..11, at in 0_usize..1500, bytes in proptest::collection::vec(any::<u8>(), 1..9), cut in 0_usize..1500) {
        let (format, mut file) = samples().swap_remove(which);
        let at = at % file.len();
        file.splice(at..(at + bytes.len()).min(file.len()), bytes);
        for file in [&file[..], &file[..cut.min(file.len())]] {
            for format in [format, Format::ALL[cut % 15]] {
                if let Ok(found) = patches(format, file) {
                    let mut end = 0;
                    for patch in &found {
                        prop_assert!(patch.offset >= end && patch.fill.len() as u64 <= patch.bytes && patch.bytes > 0);
                        end = patch.offset + patch.bytes;
                    }
                    prop_assert!(end <= file.len() as u64);
                    apply(&found, 0, &mut file.to_vec());
                }
                let _ = scrub(format, &mut Cursor::new(file), u64::MAX);
            }
        }
    }

    #[test]
    fn random_bytes_upset_nothing(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in Format::ALL {
            let _ = patches(format, &data);
        }
    }
}

#[test]
fn the_work_is_bounded_whatever_is_claimed() {
    // Pages without packets inside header packets that never end.
    let mut file = ogg();
    file.truncate(27 + 1 + 10);
    let page = [&b"OggS\0\0"[..], &[0; 8], &7_u32.to_le_bytes(), &[0; 9]].concat();
    file.extend(page.repeat(300_000));
    assert!(matches!(patches(Format::Ogg, &file), Err(Error::TooComplex)));
    // A video in which each byte is a chunk of its own, with another byte between them.
    let numbers = |numbers: Vec<u32>| numbers.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>();
    let count = 100_000_u32;
    let table = [
        boxed(b"stsc", &numbers(vec![0, 1, 1, 1, 1])),
        boxed(b"stsz", &numbers(vec![0, 1, count])),
        boxed(b"stco", &numbers([0, count].into_iter().chain((0..count).map(|n| 24 + n * 3)).collect())),
    ];
    let media = [boxed(b"hdlr", b"\0\0\0\0\0\0\0\0vide"), boxed(b"minf", &boxed(b"stbl", &table.concat()))];
    let moov = boxed(b"moov", &boxed(b"trak", &boxed(b"mdia", &media.concat())));
    for data in [b"x\0\0", b"xyz"] {
        let file =
            [boxed(b"ftyp", b"isom\0\0\0\0"), boxed(b"mdat", &data.repeat(count as usize)), moov.clone()].concat();
        // Empty gaps are recognized up to a number; above it there are too many of them.
        assert!(matches!(patches(Format::Mp4, &file), Err(Error::TooComplex)));
    }
}
