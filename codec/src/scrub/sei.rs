//! Blanks private messages among the supplemental enhancement information of H.264 (ITU-T H.264 annex D) and HEVC
//! (ITU-T H.265 annex D).
//!
//! Owns which messages stay: those that a decoder or a screen uses, and captions. Invariant: a unit keeps its length
//! and the length of each message, in the escaped form (H.264 §7.4.1) and in the plain one.

/// What a blanked byte becomes: zeros would look like the start of a unit.
const BLANK: u8 = 0xff;
/// Messages with private data: `user_data_registered_itu_t_t35`, which captions are too.
const REGISTERED: usize = 4;

/// Returns a unit without its private messages; `None` where it is not understood. Its head has so many bytes.
pub(super) fn blank(unit: &[u8], head: usize) -> Option<Vec<u8>> {
    let plain = Plain::of(unit);
    let last = plain.bytes.iter().rposition(|byte| *byte != 0)?;
    // The trailing bits (§7.3.2.11) are a one and zeros; some writers forget them.
    let end = if plain.bytes.get(last) == Some(&0x80) { last } else { last + 1 };
    let mut output = unit.to_vec();
    let mut at = head;
    while at < end {
        let kind = plain.number(&mut at)?;
        let bytes = plain.number(&mut at)?;
        let next = at.checked_add(bytes).filter(|next| *next <= end)?;
        if !is_kept(kind, plain.bytes.get(at..next)?) {
            for place in plain.places.get(at..next)? {
                *output.get_mut(*place)? = BLANK;
            }
        }
        at = next;
    }
    // An escape stays one: two zeros before it, and behind it a byte that needs it.
    for escape in &plain.escapes {
        let escaped = escape + 1;
        if unit.get(escaped) != output.get(escaped) {
            *output.get_mut(escaped)? = 1;
        }
    }
    for escape in &plain.escapes {
        output.get_mut(escape.checked_sub(2)?..*escape)?.fill(0);
    }
    Some(output)
}

/// Messages that decoders and screens use: timing, recovery points, film grain, layouts, colours, projections, hashes.
fn is_kept(kind: usize, payload: &[u8]) -> bool {
    match kind {
        0..=2 | 6..=23 | 45 | 47 | 56 | 128..=132 | 134 | 135 | 137..=156 | 165 | 176..=181 => true,
        REGISTERED => is_captions(payload),
        _ => false,
    }
}

/// Returns whether these are CEA-608 and CEA-708 captions and nothing else (ATSC A/53 part 4 §6.2.3).
fn is_captions(payload: &[u8]) -> bool {
    let triplets = payload.get(8).map_or(0, |flags| usize::from(flags & 31));
    // Country, provider, "GA94", the type; then flags, a reserved byte, the captions and a marker.
    payload.starts_with(b"\xb5\0\x31GA94\x03") && matches!(payload.len().checked_sub(10 + 3 * triplets), Some(0 | 1))
}

/// A unit without its escapes.
struct Plain {
    bytes: Vec<u8>,
    /// The place of each byte in the unit.
    places: Vec<usize>,
    /// The places of the escapes.
    escapes: Vec<usize>,
}

impl Plain {
    fn of(unit: &[u8]) -> Self {
        let mut plain = Self { bytes: Vec::with_capacity(unit.len()), places: Vec::new(), escapes: Vec::new() };
        let mut zeros = 0;
        for (place, byte) in unit.iter().enumerate() {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                plain.escapes.push(place);
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            plain.bytes.push(*byte);
            plain.places.push(place);
        }
        plain
    }

    /// Reads a message's type or length: bytes of 255, then the rest. §7.3.2.3.1.
    fn number(&self, at: &mut usize) -> Option<usize> {
        let mut sum = 0;
        loop {
            let byte = *self.bytes.get(*at)?;
            *at += 1;
            sum += usize::from(byte);
            if byte != 255 {
                return Some(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_data_is_blanked_and_what_a_decoder_uses_stays() {
        // User data of 18 bytes with two escaped zeros, a recovery point, registered data, trailing bits.
        let unit = [
            &[6, 5, 18][..],
            b"uuiduuiduu",
            &[0, 0, 3, 1],
            b"place",
            &[6, 2, 0x84, 0x41, 4, 4, 0xb5, 0, 0x3c, 9, 0x80],
        ]
        .concat();
        let wanted = [
            &[6, 5, 18][..],
            &[255; 10],
            &[0, 0, 3, 1],
            &[255; 5],
            &[6, 2, 0x84, 0x41, 4, 4, 255, 255, 255, 255, 0x80],
        ]
        .concat();
        assert_eq!(blank(&unit, 1), Some(wanted.clone()));
        assert_eq!(blank(&wanted, 1), Some(wanted));
    }

    #[test]
    fn captions_stay_if_they_are_nothing_else() {
        let captions = b"\x06\x04\x11\xb5\0\x31GA94\x03\x42\xff\xfc\x94\x20\xfc\x94\x20\xff\x80";
        assert_eq!(blank(captions, 1).as_deref(), Some(&captions[..]));
        let mut more = captions.to_vec();
        more[11] = 0x41;
        assert_eq!(blank(&more, 1).unwrap()[3..20], [255; 17]);
    }

    #[test]
    fn what_is_not_understood_is_none() {
        assert_eq!(blank(&[6, 5, 200, 1, 2, 0x80], 1), None);
        assert_eq!(blank(&[0, 0, 0], 1), None);
        assert_eq!(blank(&[6, 255, 255], 1), None);
    }

    proptest! {
        #[test]
        fn any_unit_keeps_its_length_and_its_messages(unit in proptest::collection::vec(0_u8..8, 0..200)) {
            if let Some(output) = blank(&unit, 1) {
                prop_assert_eq!(output.len(), unit.len());
                let (before, after) = (Plain::of(&unit), Plain::of(&output));
                prop_assert_eq!(before.escapes, after.escapes);
                prop_assert_eq!(blank(&output, 1), Some(output));
            }
        }
    }
}
