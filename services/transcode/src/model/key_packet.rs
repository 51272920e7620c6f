//! What keyframes of H.264 tell: whether decoding can begin there, and whether the video is still the same.
//!
//! Containers call a picture with a recovery point a keyframe too (ITU-T H.264 §D.2.8). With intra refresh there are no
//! others: the picture is whole some pictures later. Where recordings were joined, the parameter sets in front of a
//! keyframe are others than before. Invariant: a packet that is not understood tells nothing.

/// How much of a packet has to be read, in bytes: parameter sets and messages come before the picture.
pub(crate) const HEAD_BYTES: u64 = 4096;
/// The most units before the picture.
const MAX_UNITS: usize = 32;

/// What all keyframes of a track tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPackets {
    /// Whether one has no IDR picture.
    pub gradual: bool,
    /// Whether one has another sequence parameter set than one before.
    pub changes: bool,
    sets: Vec<u8>,
}

impl KeyPackets {
    /// Adds the beginning of a keyframe's packet. A block of Matroska begins with its track's number, two bytes of time
    /// and flags (RFC 9559 §10.1).
    pub fn add(&mut self, packet: &[u8], is_block: bool) {
        let number_bytes = packet.first().map_or(0, |first| first.leading_zeros() as usize + 1);
        let mut at = if is_block { number_bytes + 3 } else { 0 };
        let mut sets = Vec::new();
        for _ in 0..MAX_UNITS {
            // Units have their lengths before them, in four bytes with nearly all writers (ISO/IEC 14496-15 §5.3.3).
            let Some([a, b, c, d, head]) = packet.get(at..).and_then(|unit| unit.first_chunk::<5>()) else { return };
            let end = at.saturating_add(4 + u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            match head & 31 {
                kind @ (1 | 2 | 5) => {
                    self.gradual |= kind != 5;
                    break;
                }
                7 => sets.extend(packet.get(at + 4..end).unwrap_or_default()),
                // Messages, other parameter sets, a delimiter, prefixes.
                6 | 8 | 9 | 14 | 15 => {}
                _ => return,
            }
            at = end;
        }
        if !sets.is_empty() {
            self.changes |= !self.sets.is_empty() && self.sets != sets;
            self.sets = sets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(packets: &[&[u8]], is_block: bool) -> (bool, bool) {
        let mut keys = KeyPackets::default();
        packets.iter().for_each(|packet| keys.add(packet, is_block));
        (keys.gradual, keys.changes)
    }

    #[test]
    fn a_recovery_point_is_told_from_a_picture_to_start_at() {
        let recovery = b"\0\0\0\x02\x09\xf0\0\0\0\x06\x06\x06\x02\x09\xc4\x80\0\0\x12\x51\x41\x9b\xc0";
        assert_eq!(told(&[recovery], false), (true, false));
        assert_eq!(told(&[&[b"\x81\0\0\x80", &recovery[..]].concat()], true), (true, false));
        let whole = b"\0\0\0\x02\x09\xf0\0\0\0\x06\x06\x06\x02\x09\xc4\x80\0\0\x12\x51\x65\x88";
        assert_eq!(told(&[whole, &whole[..12], b""], false), (false, false));
    }

    #[test]
    fn other_parameter_sets_are_a_change() {
        let key = |level: u8| [&[0, 0, 0, 3, 0x67, 0x64, level][..], b"\0\0\0\x09\x65\x88"].concat();
        let bare = b"\0\0\0\x09\x65\x88";
        assert_eq!(told(&[&key(30), bare, &key(30)], false), (false, false));
        assert_eq!(told(&[&key(30), bare, &key(31), &key(30)], false), (false, true));
    }
}
