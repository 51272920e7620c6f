//! Matroska and WebM: elements, tracks, and files of them.
//!
//! Owns EBML's lengths, always in eight bytes. Invariant: the declared lengths of elements are true.

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
