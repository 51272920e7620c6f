//! Files of every format, built by hand, with `SECRET` wherever private data can be.
//!
//! Owns no assertion. Invariant: a scrubbed file has no `SECRET` left.

use super::super::{flac_frames, orientation_only};
use crate::checksum::{self, crc32};
use crate::sniff::Format;

/// The marker of private data.
pub(in crate::scrub) const SECRET: &[u8] = b"+52.5200+013.4050/SECRET";

pub(in crate::scrub) fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), kind, content].concat()
}

pub(in crate::scrub) fn exif(orientation: u8) -> Vec<u8> {
    [&b"Exif\0\0"[..], &orientation_only(orientation), SECRET].concat()
}

pub(in crate::scrub) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(data.len() as u16 + 2).to_be_bytes()[..], data].concat()
}

pub(in crate::scrub) fn jpeg(orientation: u8) -> Vec<u8> {
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

pub(in crate::scrub) fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat()
}

pub(in crate::scrub) fn png() -> Vec<u8> {
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

pub(in crate::scrub) fn gif() -> Vec<u8> {
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

pub(in crate::scrub) fn riff(form: &[u8], chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = form.to_vec();
    for (kind, data) in chunks {
        body.extend(*kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

pub(in crate::scrub) fn webp(orientation: u8) -> Vec<u8> {
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

pub(in crate::scrub) fn flac() -> Vec<u8> {
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
pub(in crate::scrub) fn flac_frame(number: u8, bytes: usize) -> Vec<u8> {
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

pub(in crate::scrub) fn id3(version: u8) -> Vec<u8> {
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

pub(in crate::scrub) fn mp3() -> Vec<u8> {
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

fn ogg_page(serial: u32, flags: u8, packet: &[u8]) -> Vec<u8> {
    let mut page = [&b"OggS\0"[..], &[flags], &[0; 8], &serial.to_le_bytes(), &[0; 8]].concat();
    page.push((packet.len() / 255 + 1) as u8);
    page.extend(std::iter::repeat_n(255, packet.len() / 255));
    page.push((packet.len() % 255) as u8);
    page.extend(packet);
    let crc = checksum::ogg(0, &page);
    page[22..26].copy_from_slice(&crc.to_le_bytes());
    page
}

/// The pages of a recording: its head, its tags and its end.
fn opus_pages() -> [Vec<u8>; 3] {
    let comments = b"\x03\0\0\0lib\x02\0\0\0\x0a\0\0\0TITLE=Song\x0a\0\0\0GPS=SECRET";
    let tags = [&b"OpusTags"[..], comments, &[0; 300]].concat();
    [ogg_page(7, 2, b"OpusHead\x01\x02"), ogg_page(7, 0, &tags), ogg_page(7, 4, &[9; 300])]
}

pub(in crate::scrub) fn ogg() -> Vec<u8> {
    opus_pages().concat()
}

pub(in crate::scrub) fn ogg_with_skeleton() -> Vec<u8> {
    let head = [&b"fishead\0\x04\0\0\0"[..], &[0; 32], b"20240501T10.SECRET..", &[0; 16]].concat();
    let fields = b"Content-Type: audio/opus\r\nTitle: SECRET\r\n";
    let bone = [&b"fisbone\0\x2c\0\0\0\x07\0\0\0\x02\0\0\0"[..], &[0; 32], fields].concat();
    let index = [&b"index\0\x07\0\0\0\x01"[..], &[0; 31], b"SECRET"].concat();
    let [first, tags, last] = opus_pages();
    [ogg_page(9, 2, &head), first, ogg_page(9, 0, &bone), ogg_page(9, 0, &index), tags, ogg_page(9, 4, b""), last]
        .concat()
}

pub(in crate::scrub) fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &[0x40 | (data.len() >> 8) as u8, data.len() as u8], data].concat()
}

pub(in crate::scrub) fn matroska() -> Vec<u8> {
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

pub(in crate::scrub) fn track(handler: &[u8], chunk: u32, sizes: &[u32]) -> Vec<u8> {
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

pub(in crate::scrub) fn movie() -> Vec<u8> {
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

pub(in crate::scrub) fn heic() -> Vec<u8> {
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

pub(in crate::scrub) fn wav() -> Vec<u8> {
    riff(
        b"WAVE",
        &[(b"fmt ", &[1; 16]), (b"LIST", SECRET), (b"data", b"samples!"), (b"id3 ", SECRET), (b"bext", SECRET)],
    )
}

pub(in crate::scrub) fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Jpeg, jpeg(6)),
        (Format::Png, png()),
        (Format::Gif, gif()),
        (Format::Webp, webp(8)),
        (Format::Wav, wav()),
        (Format::Mp3, mp3()),
        (Format::Flac, flac()),
        (Format::Ogg, ogg()),
        (Format::Ogg, ogg_with_skeleton()),
        (Format::Mkv, matroska()),
        (Format::Mp4, movie()),
        (Format::Heic, heic()),
    ]
}
