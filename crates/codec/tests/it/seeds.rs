//! Small files of every format, built byte by byte: valid ones, and ones that claim far more than they hold.
//!
//! Owns no assertion. The fuzz targets begin with the same files. Invariant: no tool and no codec is needed to make
//! them.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "four-character codes are written as b\"moov\"")]
// Each user of these files needs some of them.
#![allow(dead_code)]

use codec::sniff::Format;

/// A box of ISO base media.
pub fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), &kind[..], content].concat()
}

/// 32-bit numbers, the format of most fields there.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A box that begins with version and flags.
fn full(kind: &[u8; 4], fields: &[u32]) -> Vec<u8> {
    boxed(kind, &[words(&[0]), words(fields)].concat())
}

/// The variable values of a video of one track.
pub struct Movie {
    pub handler: [u8; 4],
    /// Samples by `stsz`, each of one byte.
    pub samples: u32,
    pub edits: u32,
    pub tracks: u32,
    /// The coded picture's size in the sample entry.
    pub size: (u16, u16),
    pub rate: u16,
    pub channels: u16,
    /// Boxes behind the track in `moov`, and behind `moov`.
    pub in_moov: Vec<u8>,
    pub behind: Vec<u8>,
    /// Samples per chunk, and the number of chunks.
    pub runs: (u32, u32),
}

impl Default for Movie {
    fn default() -> Self {
        Self {
            handler: *b"vide",
            samples: 250,
            edits: 1,
            tracks: 1,
            size: (64, 48),
            rate: 48_000,
            channels: 2,
            in_moov: Vec::new(),
            behind: Vec::new(),
            runs: (250, 1),
        }
    }
}

impl Movie {
    fn entry(&self) -> Vec<u8> {
        if &self.handler == b"soun" {
            let mut fields = vec![0; 28];
            fields[16..18].copy_from_slice(&self.channels.to_be_bytes());
            fields[24..26].copy_from_slice(&self.rate.to_be_bytes());
            return boxed(b"sowt", &fields);
        }
        let mut fields = vec![0; 78];
        fields[24..26].copy_from_slice(&self.size.0.to_be_bytes());
        fields[26..28].copy_from_slice(&self.size.1.to_be_bytes());
        boxed(b"mp4v", &fields)
    }

    pub fn file(&self) -> Vec<u8> {
        let offset = 40;
        let table = [
            boxed(b"stsd", &[words(&[0, 1]), self.entry()].concat()),
            full(b"stts", &[1, self.samples, 1]),
            full(b"stsc", &[1, 1, self.runs.0, 1]),
            full(b"stsz", &[1, self.samples]),
            boxed(b"stco", &[words(&[0, self.runs.1]), words(&vec![offset; self.runs.1 as usize])].concat()),
        ];
        let edits =
            boxed(b"elst", &[words(&[0, self.edits]), words(&[1, 0, 0x10000]).repeat(self.edits as usize)].concat());
        let mut header = vec![0; 84];
        header[76..80].copy_from_slice(&(64_u32 << 16).to_be_bytes());
        header[80..84].copy_from_slice(&(48_u32 << 16).to_be_bytes());
        let media = [
            full(b"mdhd", &[0, 0, 25, 250, 0]),
            boxed(b"hdlr", &[&[0; 8][..], &self.handler, &[0; 12]].concat()),
            boxed(b"minf", &boxed(b"stbl", &table.concat())),
        ];
        let track = boxed(
            b"trak",
            &[boxed(b"tkhd", &header), boxed(b"edts", &edits), boxed(b"mdia", &media.concat())].concat(),
        );
        let index =
            [full(b"mvhd", &[0, 0, 1000, 10_000, 0x10000]), track.repeat(self.tracks as usize), self.in_moov.clone()]
                .concat();
        [
            boxed(b"ftyp", b"isom\0\0\x02\0isomiso2"),
            boxed(b"mdat", &[0; 300]),
            boxed(b"moov", &index),
            self.behind.clone(),
        ]
        .concat()
    }
}

/// A fragment whose one run declares so many samples, none with a field of its own.
pub fn fragment(samples: u32) -> Vec<u8> {
    boxed(
        b"moof",
        &[full(b"mfhd", &[1]), boxed(b"traf", &[full(b"tfhd", &[1]), full(b"trun", &[samples])].concat())].concat(),
    )
}

/// An EBML element with its id as specifications print it.
pub fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [id, (1 << 56 | content.len() as u64).to_be_bytes().to_vec(), content.to_vec()].concat()
}

/// A Matroska file of these elements in front of one cluster, in a segment as long as the file.
pub fn matroska(elements: &[Vec<u8>]) -> Vec<u8> {
    let head =
        element(0x1a45_dfa3, &[element(0x4282, b"matroska"), element(0x4287, &[4]), element(0x4285, &[2])].concat());
    let cluster = element(0x1f43_b675, &[element(0xe7, &[0]), element(0xa3, b"\x81\0\0\x80abcdefgh")].concat());
    [head, element(0x1853_8067, &[elements.concat(), cluster].concat())].concat()
}

/// An audio track, as an entry of Matroska's tracks.
pub fn sound_track(rate: f64, channels: u32) -> Vec<u8> {
    let audio =
        [element(0xb5, &rate.to_be_bytes()), element(0x9f, &channels.to_be_bytes()), element(0x6264, &[16])].concat();
    element(
        0xae,
        &[element(0xd7, &[1]), element(0x83, &[2]), element(0x86, b"A_PCM/INT/LIT"), element(0xe1, &audio)].concat(),
    )
}

/// A video track.
pub fn picture_track(width: u32, height: u32) -> Vec<u8> {
    let video = [element(0xb0, &width.to_be_bytes()), element(0xba, &height.to_be_bytes())].concat();
    element(0xae, &[element(0xd7, &[2]), element(0x83, &[1]), element(0x86, b"V_VP8"), element(0xe0, &video)].concat())
}

pub fn tracks(entries: &[Vec<u8>]) -> Vec<u8> {
    element(0x1654_ae6b, &entries.concat())
}

/// A WAV file with this format and as many bytes of audio as declared.
pub fn wav(rate: u32, channels: u16, block: u16, sound: &[u8]) -> Vec<u8> {
    let mut format = [1_u16.to_le_bytes(), channels.to_le_bytes()].concat();
    format.extend(rate.to_le_bytes());
    format.extend(rate.wrapping_mul(block.into()).to_le_bytes());
    format.extend([block.to_le_bytes(), 8_u16.to_le_bytes()].concat());
    let chunk = |name: &[u8], content: &[u8]| [name, &(content.len() as u32).to_le_bytes(), content].concat();
    let body = [b"WAVE".to_vec(), chunk(b"fmt ", &format), chunk(b"data", sound)].concat();
    chunk(b"RIFF", &body)
}

/// A FLAC file with these blocks behind its stream information, and the header of one frame.
pub fn flac(rate: u32, channels: u32, blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    // 0xbb80 samples are one second at 48 kHz.
    let packed = u64::from(rate) << 44 | u64::from(channels - 1) << 41 | 15 << 36 | 0xbb80;
    let information = [&[16, 0, 16, 0, 0, 0, 0, 0, 0, 0][..], &packed.to_be_bytes(), &[0; 16]].concat();
    let mut file = b"fLaC".to_vec();
    let all: Vec<(u8, Vec<u8>)> = [(0, information)].into_iter().chain(blocks.iter().cloned()).collect();
    for (number, (kind, content)) in all.iter().enumerate() {
        let last = if number + 1 == all.len() { 0x80 } else { 0 };
        file.extend((content.len() as u32 | u32::from(kind | last) << 24).to_be_bytes());
        file.extend(content);
    }
    file.extend(b"\xff\xf8\xc9\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    file
}

/// An Ogg page with these packets, with a wrong checksum.
pub fn page(flags: u8, packets: &[&[u8]]) -> Vec<u8> {
    let lengths: Vec<u8> = packets
        .iter()
        .flat_map(|packet| [vec![255; packet.len() / 255], vec![(packet.len() % 255) as u8]].concat())
        .collect();
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend([0; 8]);
    page.extend([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, lengths.len() as u8]);
    page.extend(lengths);
    page.extend(packets.concat());
    page
}

/// An Opus stream with so many channels and these comments.
pub fn opus(channels: u8, comments: &[&[u8]]) -> Vec<u8> {
    let head = [b"OpusHead\x01".to_vec(), vec![channels, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 255], vec![0; 20]].concat();
    let mut tags = b"OpusTags\x04\0\0\0test".to_vec();
    tags.extend((comments.len() as u32).to_le_bytes());
    for comment in comments {
        tags.extend((comment.len() as u32).to_le_bytes());
        tags.extend(*comment);
    }
    [page(2, &[&head]), page(0, &[&tags]), page(4, &[b"sound"])].concat()
}

/// An Opus stream whose comments fill so many bytes with one image.
pub fn opus_with_tags(bytes: usize) -> Vec<u8> {
    let head = opus(2, &[]);
    let mut packet = b"OpusTags\x04\0\0\0test\x01\0\0\0".to_vec();
    packet.extend((bytes as u32).to_le_bytes());
    packet.extend(b"METADATA_BLOCK_PICTURE=");
    packet.resize(bytes + 24, b'A');
    let mut file = head[..=head.windows(4).skip(1).position(|mark| mark == b"OggS").unwrap()].to_vec();
    for piece in packet.chunks(255 * 255) {
        let mut part = page(0, &[piece]);
        if piece.len() == 255 * 255 {
            // The packet continues in the next page, so it has no segment shorter than 255 bytes here.
            part[26] = 255;
            part.remove(27 + 255);
        }
        file.extend(part);
    }
    file.extend(page(4, &[b"sound"]));
    file
}

/// Three MP3 frames behind an ID3 tag of these frames.
pub fn mp3(version: u8, flags: u8, tag: &[u8]) -> Vec<u8> {
    let size = tag.len() as u32;
    let mut file = vec![b'I', b'D', b'3', version, 0, flags];
    file.extend([21, 14, 7, 0].map(|shift| (size >> shift & 127) as u8));
    file.extend(tag);
    for _ in 0..3 {
        file.extend([0xff, 0xfb, 0x90, 0x64]);
        file.resize(file.len() + 413, 0);
    }
    file
}

/// An ID3v2.3 frame.
pub fn id3_frame(name: &[u8; 4], flags: [u8; 2], content: &[u8]) -> Vec<u8> {
    [&name[..], &(content.len() as u32).to_be_bytes(), &flags, content].concat()
}

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

/// One item of a HEIF file.
#[derive(Clone)]
pub struct Item {
    pub id: u16,
    pub kind: [u8; 4],
    /// Its size by its property.
    pub size: (u32, u32),
    /// Its own bytes, in `idat`.
    pub data: Vec<u8>,
    /// The items from which it is derived.
    pub parts: Vec<u16>,
}

/// A tile.
pub fn tile(id: u16, side: u32) -> Item {
    Item { id, kind: *b"hvc1", size: (side, side), data: vec![1, 2, 3], parts: Vec::new() }
}

/// A grid of these tiles with this canvas.
pub fn grid(id: u16, canvas: (u16, u16), parts: &[u16]) -> Item {
    let data = [&[0, 0, 0, 0][..], &canvas.0.to_be_bytes(), &canvas.1.to_be_bytes()].concat();
    Item { id, kind: *b"grid", size: (100, 100), data, parts: parts.to_vec() }
}

/// An overlay of these images.
pub fn overlay(id: u16, canvas: (u16, u16), parts: &[u16]) -> Item {
    let data = [&[0; 10][..], &canvas.0.to_be_bytes(), &canvas.1.to_be_bytes(), &vec![0; parts.len() * 4]].concat();
    Item { id, kind: *b"iovl", size: (100, 100), data, parts: parts.to_vec() }
}

/// A HEIC of these items, the first of which is the primary image.
pub fn heic(items: &[Item]) -> Vec<u8> {
    let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_be_bytes()).collect::<Vec<u8>>();
    let (mut infos, mut places, mut data, mut properties, mut associations, mut references) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        infos.extend(boxed(b"infe", &[&[2, 0, 0, 0][..], &halves(&[item.id, 0]), &item.kind, b"\0"].concat()));
        places.extend(halves(&[item.id, 1, 0, 1]));
        places.extend(words(&[data.len() as u32, item.data.len() as u32]));
        data.extend(&item.data);
        properties.extend(full(b"ispe", &[item.size.0, item.size.1]));
        associations.extend([&item.id.to_be_bytes()[..], &[1], &(number as u16 + 1).to_be_bytes()].concat());
        if !item.parts.is_empty() {
            references
                .extend(boxed(b"dimg", &[halves(&[item.id, item.parts.len() as u16]), halves(&item.parts)].concat()));
        }
    }
    let count = items.len() as u16;
    let meta = [
        vec![0; 4],
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        boxed(b"pitm", &[&[0; 4][..], &items[0].id.to_be_bytes()].concat()),
        boxed(b"iinf", &[&[0; 4][..], &count.to_be_bytes(), &infos].concat()),
        boxed(b"iloc", &[&[1, 0, 0, 0, 0x44, 0][..], &count.to_be_bytes(), &places].concat()),
        boxed(b"iref", &[vec![0; 4], references].concat()),
        boxed(
            b"iprp",
            &[
                boxed(b"ipco", &properties),
                boxed(b"ipma", &[&[0, 0, 0, 1][..], &u32::from(count).to_be_bytes(), &associations].concat()),
            ]
            .concat(),
        ),
        boxed(b"idat", &data),
    ];
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta.concat())].concat()
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

/// A valid file of every format, and some of each that claim too much.
pub fn all() -> Vec<(Format, Vec<u8>)> {
    let comment = |text: &[u8]| {
        [&4_u32.to_le_bytes()[..], b"test", &1_u32.to_le_bytes(), &(text.len() as u32).to_le_bytes(), text].concat()
    };
    let location = boxed(
        b"udta",
        &[
            boxed(b"\xa9xyz", b"\0\x12\x15\xc7+48.1372+011.5755/"),
            boxed(b"meta", &[vec![0; 4], boxed(b"ilst", &boxed(b"covr", &png_head(9, 9)))].concat()),
        ]
        .concat(),
    );
    vec![
        (Format::Jpeg, jpeg(40, 30, 10)),
        (Format::Jpeg, jpeg_with_exif()),
        (Format::Png, png(40, 30, 3)),
        (Format::Gif, gif(40, 30, 3)),
        (Format::Webp, webp(40, 3)),
        (Format::Heic, heic(&[grid(1, (128, 64), &[2, 3]), tile(2, 64), tile(3, 64)])),
        (Format::Avif, heic(&[overlay(1, (64, 64), &[2, 2]), grid(2, (64, 64), &[3]), tile(3, 64)])),
        (Format::Mp4, Movie { in_moov: location, ..Movie::default() }.file()),
        (
            Format::Mp4,
            Movie {
                samples: 0,
                runs: (0, 0),
                in_moov: boxed(b"mvex", &full(b"trex", &[1, 1, 0, 0, 0])),
                behind: fragment(3),
                ..Movie::default()
            }
            .file(),
        ),
        (Format::Mov, Movie { handler: *b"soun", ..Movie::default() }.file()),
        (Format::M4a, Movie { handler: *b"soun", edits: 3, ..Movie::default() }.file()),
        (
            Format::Mkv,
            matroska(&[
                element(0x1549_a966, &element(0x4461, &[0; 8])),
                tracks(&[picture_track(64, 48), sound_track(8000.0, 2)]),
                element(0x1254_c367, b"tags"),
            ]),
        ),
        (
            Format::Webm,
            matroska(&[
                element(0x114d_9b74, &element(0x4dbb, &element(0x53ac, &[60]))),
                tracks(&[sound_track(48_000.0, 1)]),
            ]),
        ),
        (
            Format::Mp3,
            mp3(3, 0, &[id3_frame(b"TIT2", [0; 2], b"\0Song"), id3_frame(b"APIC", [0; 2], &png_head(9, 9))].concat()),
        ),
        (Format::Wav, wav(8000, 1, 1, &[0; 200])),
        (Format::Flac, flac(44_100, 2, &[(4, comment(b"TITLE=Song")), (6, png_head(9, 9))])),
        (Format::Ogg, opus(2, &[b"TITLE=Song", b"METADATA_BLOCK_PICTURE=AAAA"])),
    ]
}
