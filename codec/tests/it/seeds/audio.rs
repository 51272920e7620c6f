//! WAV, FLAC, Ogg and MP3.
//!
//! Owns streams without real audio in them. Invariant: only the fields that a caller sets claim more than a file holds.

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
