//! The words people put on their profile, and what their devices call themselves.
//!
//! Invariant: no control characters and no invisible reordering of text reach anybody else's screen.

use serde::{Deserialize, Deserializer};

use crate::error::Error;

const MOST_NAME_CHARS: usize = 60;
const MOST_BIO_CHARS: usize = 500;
const MOST_DEVICE_CHARS: usize = 80;

/// What a PATCH says about a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Edit<T> {
    /// It is not named.
    #[default]
    Keep,
    /// It is `null`.
    Clear,
    /// It is this.
    Put(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|value| value.map_or(Self::Clear, Self::Put))
    }
}

/// What an account likes to be called: 1–60 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisplayName(pub String);

impl DisplayName {
    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > MOST_NAME_CHARS {
            return Err(Error::InvalidProfile("display_name has 1 to 60 characters; send null to go back to the handle."));
        }
        if name.chars().any(is_trick) {
            return Err(Error::InvalidProfile("display_name has a control character in it. Type it anew, without line breaks."));
        }
        Ok(Self(name.to_owned()))
    }
}

/// What an account says about itself: at most 500 characters; line breaks are fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bio(pub String);

impl Bio {
    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let bio = text.replace("\r\n", "\n");
        let bio = bio.trim();
        if bio.chars().count() > MOST_BIO_CHARS {
            return Err(Error::InvalidProfile("bio has at most 500 characters."));
        }
        if bio.chars().any(|char| char != '\n' && is_trick(char)) {
            return Err(Error::InvalidProfile("bio has a control character in it. Type it anew."));
        }
        Ok(Self(bio.to_owned()))
    }
}

/// What to call a device in the list of sessions: at most 80 characters, tricks taken out.
pub(crate) fn device(given: Option<&str>) -> String {
    let name: String = given.unwrap_or_default().trim().chars().filter(|&char| !is_trick(char)).take(MOST_DEVICE_CHARS).collect();
    if name.is_empty() { "Unknown device".to_owned() } else { name }
}

/// Control characters, separators of lines and paragraphs, and marks that turn text around (Unicode UAX #9).
fn is_trick(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_every_script_and_no_tricks() {
        for fine in ["Ada", "  Ada Lovelace ", "Зоя", "李小龍", "👩‍🎤", &"ä".repeat(60)] {
            assert!(DisplayName::parse(fine).is_ok(), "{fine:?}");
        }
        for wrong in ["", "   ", "a\nb", "a\0b", "\u{202e}gnp.exe", &"a".repeat(61)] {
            assert!(DisplayName::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_bio_may_have_lines() {
        assert_eq!(Bio::parse("one\r\ntwo\n").unwrap().0, "one\ntwo");
        assert!(Bio::parse("").is_ok());
        for wrong in ["bell\u{7}", &"a".repeat(501)] {
            assert!(Bio::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn devices_always_have_a_name() {
        assert_eq!(device(None), "Unknown device");
        assert_eq!(device(Some(" \n ")), "Unknown device");
        assert_eq!(device(Some("Phone\r\n")), "Phone");
        assert_eq!(device(Some(&"x".repeat(200))).len(), 80);
    }
}
