//! Which characters count as the same letter when texts are compared.
//!
//! Owns the tables; does not decide what is a disguise. Look-alikes come from UTS #39 (`unicode-security`); this file
//! adds what that table leaves out on purpose, because identifiers don't need it: letter case, digits that stand for
//! letters, small capitals and letters in boxes. Invariant: what a character folds to has no upper case, no mark and
//! no punctuation.

use unicode_security::skeleton;

/// Digits and signs that are written for letters, and letters that look alike in many typefaces.
const ASCII_ALIKE: [(char, char); 10] = [
    ('0', 'o'),
    ('1', 'l'),
    ('3', 'e'),
    ('4', 'a'),
    ('5', 's'),
    ('7', 't'),
    ('@', 'a'),
    ('$', 's'),
    ('|', 'l'),
    ('i', 'l'),
];

/// Small capitals and what UTS #39 makes of Cyrillic small letters, sorted.
const SMALL_CAPITALS: [(char, char); 28] = [
    ('ĸ', 'k'),
    ('ǫ', 'q'),
    ('ɢ', 'g'),
    ('ɪ', 'i'),
    ('ɴ', 'n'),
    ('ʀ', 'r'),
    ('ʍ', 'm'),
    ('ʏ', 'y'),
    ('ʙ', 'b'),
    ('ʜ', 'h'),
    ('ʟ', 'l'),
    ('ᴀ', 'a'),
    ('ᴄ', 'c'),
    ('ᴅ', 'd'),
    ('ᴇ', 'e'),
    ('ᴊ', 'j'),
    ('ᴋ', 'k'),
    ('ᴍ', 'm'),
    ('ᴏ', 'o'),
    ('ᴘ', 'p'),
    ('ᴛ', 't'),
    ('ᴜ', 'u'),
    ('ᴠ', 'v'),
    ('ᴡ', 'w'),
    ('ᴢ', 'z'),
    ('ꜰ', 'f'),
    ('ꜱ', 's'),
    ('ꞯ', 'q'),
];

/// The first letters of alphabets in circles, in squares and of flags, which have no compatibility form.
const BOXED_ALPHABETS: [u32; 3] = [0x1_f150, 0x1_f170, 0x1_f1e6];

/// Appends what a character counts as; nothing if it is no letter and no digit. The character comes from NFKC.
pub(super) fn fold_into(character: char, key: &mut String) {
    if character.is_ascii() {
        return push_ascii(character, key);
    }
    if let Some(letter) = small_capital(character).or_else(|| boxed_letter(character)) {
        return push_ascii(letter, key);
    }
    // A look-alike of a Latin capital is that capital, whatever its own small letter looks like.
    let mut buffer = [0; 4];
    let whole: &str = character.encode_utf8(&mut buffer);
    if skeleton(whole).filter(|part| part.is_alphanumeric()).all(|part| part.is_ascii()) {
        skeleton(whole).for_each(|part| push_ascii(part, key));
        return;
    }
    for lower in character.to_lowercase() {
        for part in skeleton(lower.encode_utf8(&mut [0; 4])) {
            match small_capital(part) {
                Some(letter) => push_ascii(letter, key),
                None if part.is_ascii() => push_ascii(part, key),
                None if part.is_alphanumeric() => key.extend(part.to_lowercase()),
                None => {}
            }
        }
    }
}

/// Appends an ASCII letter, digit or sign of [`ASCII_ALIKE`]. `rn` becomes `m` and `vv` becomes `w`.
fn push_ascii(character: char, key: &mut String) {
    let lower = character.to_ascii_lowercase();
    let letter = ASCII_ALIKE.iter().find(|(from, _)| *from == lower).map_or(lower, |(_, to)| *to);
    if !letter.is_ascii_alphanumeric() {
        return;
    }
    let joined = match (key.chars().next_back(), letter) {
        (Some('r'), 'n') => Some('m'),
        (Some('v'), 'v') => Some('w'),
        _ => None,
    };
    if joined.is_some() {
        key.pop();
    }
    key.push(joined.unwrap_or(letter));
}

fn small_capital(character: char) -> Option<char> {
    let at = SMALL_CAPITALS.binary_search_by_key(&character, |(from, _)| *from).ok()?;
    SMALL_CAPITALS.get(at).map(|(_, to)| *to)
}

fn boxed_letter(character: char) -> Option<char> {
    let offset =
        BOXED_ALPHABETS.iter().find_map(|first| u32::from(character).checked_sub(*first).filter(|at| *at < 26));
    offset.and_then(|at| char::from_u32(u32::from('a') + at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(text: &str) -> String {
        let mut key = String::new();
        text.chars().for_each(|character| fold_into(character, &mut key));
        key
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(SMALL_CAPITALS.is_sorted_by_key(|(from, _)| *from));
    }

    #[test]
    fn letters_that_resemble_each_other_are_one() {
        for (text, same) in [
            ("FREE", "fr3e"),
            ("paypal", "рауРаІ"), // Cyrillic but for the last: І of Ukrainian
            ("modern", "rnodem"),
            ("wow", "vvo\u{1d21}"),
            ("money", "ᴍᴏɴᴇʏ"),
            ("free", "🅵🆁🅴🅴"),
            ("ПРИВЕТ", "привет"),
            ("Élan", "elan"),
            ("HeIIo", "hello"),
        ] {
            assert_eq!(fold(text), fold(same), "{text} {same}");
        }
        assert_ne!(fold("free"), fold("tree"));
        assert_eq!(fold(" .,!?-\u{301}\u{200b}"), "");
    }
}
