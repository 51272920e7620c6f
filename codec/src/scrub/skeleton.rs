//! Ogg Skeleton 3.0 and 4.0: a stream without media that describes the others of its file.
//!
//! Owns what stays of its packets: the numbers by which a player seeks, and the types of the streams. Invariant: a
//! packet keeps its length, and what is scrubbed is not changed by another scrubbing.

/// The first packet: times, and the date of the recording. Skeleton 4.0 §2.
pub(super) const HEAD: &[u8] = b"fishead\0";
/// The packet of a stream: numbers, then a message header as in HTTP, with any fields. Skeleton 4.0 §3.
const BONE: &[u8] = b"fisbone\0";
/// Where keyframes are. Skeleton 4.0 §4.
const INDEX: &[u8] = b"index\0";

const DATE: (usize, usize) = (44, 64);
const HEAD_BYTES: usize = 80;
const BONE_PADDING: usize = 49;
const BONE_FIELDS: usize = 52;
const INDEX_COUNT: (usize, usize) = (10, 18);
const INDEX_BYTES: usize = 42;

/// The types of the streams that an Ogg file may have here.
const TYPES: [&str; 5] = ["audio/opus", "audio/vorbis", "audio/flac", "audio/x-flac", "audio/ogg"];

/// Returns a packet of a Skeleton with nothing but numbers and types, at the same length.
pub(super) fn scrubbed(packet: &[u8]) -> Vec<u8> {
    let mut output = packet.to_vec();
    if packet.starts_with(HEAD) {
        blank(&mut output, DATE);
        blank(&mut output, (HEAD_BYTES, packet.len()));
    } else if packet.starts_with(BONE) {
        blank(&mut output, (BONE_PADDING, packet.len()));
        let fields = packet.get(BONE_FIELDS..).unwrap_or_default();
        if let (Some(target), Some(kind)) = (output.get_mut(BONE_FIELDS..), media_type(fields)) {
            write_type(target, kind);
        }
    } else if packet.starts_with(INDEX) {
        // No keyframes: players then search, as they do in a file without an index.
        blank(&mut output, INDEX_COUNT);
        blank(&mut output, (INDEX_BYTES, packet.len()));
    } else {
        output.fill(0);
    }
    output
}

/// Blanks the bytes between two offsets, as far as they are there.
fn blank(bytes: &mut [u8], (from, to): (usize, usize)) {
    let to = to.min(bytes.len());
    if let Some(part) = bytes.get_mut(from..to) {
        part.fill(0);
    }
}

/// Returns the type that the message header declares, if it is one of [`TYPES`].
fn media_type(fields: &[u8]) -> Option<&'static str> {
    fields.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        let kind = value.split(';').next()?.trim();
        let is_type = name.eq_ignore_ascii_case("content-type");
        TYPES.into_iter().find(|known| is_type && kind.eq_ignore_ascii_case(known))
    })
}

/// Writes a message header that has only the type; spaces behind a value do not count.
fn write_type(target: &mut [u8], kind: &str) {
    let line = format!("Content-Type:{kind}");
    target.fill(b' ');
    target.iter_mut().zip(line.bytes()).for_each(|(to, from)| *to = from);
    if let Some(end) = target.len().checked_sub(2).filter(|end| *end >= line.len()) {
        target.iter_mut().skip(end).zip(*b"\r\n").for_each(|(to, from)| *to = from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_header_keeps_its_type_only() {
        let bone = |fields: &str| [BONE, &[44, 0, 0, 0], &[0; 40], fields.as_bytes()].concat();
        for (fields, expected) in [
            ("Content-Type: audio/vorbis\r\nTitle: mine\r\n", "Content-Type:audio/vorbis              \r\n"),
            ("Role: mine\r\ncontent-type:audio/opus; x=y\r\n", "Content-Type:audio/opus                 \r\n"),
            ("Content-Type:audio/flac", "Content-Type:audio/flac"),
            ("Content-Type: audio/mine\r\n", "\0".repeat(26).as_str()),
            ("", ""),
        ] {
            let output = scrubbed(&bone(fields));
            assert_eq!(std::str::from_utf8(&output[BONE_FIELDS..]).unwrap(), expected, "{fields}");
            assert_eq!(scrubbed(&output), output);
        }
    }

    #[test]
    fn cut_off_and_unknown_packets_keep_nothing_but_numbers() {
        for packet in [HEAD, BONE, INDEX] {
            for bytes in 0..100 {
                let long = [packet, &vec![b'x'; bytes][..]].concat();
                let output = scrubbed(&long);
                assert_eq!((output.len(), scrubbed(&output)), (long.len(), output.clone()));
                assert!(output.iter().skip(HEAD_BYTES).all(|byte| *byte == 0));
            }
        }
        assert_eq!(scrubbed(b"mine"), [0; 4]);
    }
}
