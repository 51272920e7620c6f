//! The words people put on their profile, and what their devices call themselves.
//!
//! Invariant: what reaches another member's screen has passed [`super::display_text`].

use serde::{Deserialize, Deserializer};

use super::display_text::{self, TextError};
use crate::error::Error;

const MAX_NAME_CHARS: usize = 60;
const MAX_BIO_CHARS: usize = 500;
const MAX_DEVICE_CHARS: usize = 80;

/// What a PATCH says about a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// It is not named.
    #[default]
    Unchanged,
    /// It is `null`.
    Null,
    /// It is this.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|value| value.map_or(Self::Null, Self::Set))
    }
}

/// What an account likes to be called: 1–60 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisplayName(pub String);

impl DisplayName {
    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let name = display_text::single_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => "display_name shows nothing. Give it a letter, digit or symbol; send null to go back to the handle.",
                TextError::Control => "display_name has a control character in it. Type it anew, without line breaks.",
                TextError::Invisible => "display_name has a character in it that can't be seen or that turns the text around. Type it anew.",
                TextError::Marks => "display_name has too many marks on one letter, or a mark without a letter. Leave some out.",
            })
        })?;
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(Error::InvalidProfile("display_name has 1 to 60 characters; send null to go back to the handle."));
        }
        Ok(Self(name))
    }
}

/// What an account says about itself: at most 500 characters; line breaks are fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bio(pub String);

impl Bio {
    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let bio = display_text::multi_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => "bio shows nothing. Write something, or send null to empty it.",
                TextError::Control => "bio has a control character in it. Type it anew.",
                TextError::Invisible => "bio has a character in it that can't be seen or that turns the text around. Type it anew.",
                TextError::Marks => "bio has too many marks on one letter, or a mark without a letter. Leave some out.",
            })
        })?;
        if bio.chars().count() > MAX_BIO_CHARS {
            return Err(Error::InvalidProfile("bio has at most 500 characters."));
        }
        Ok(Self(bio))
    }
}

/// What to call a device in the list of sessions: at most 80 characters, those that can't be seen taken out.
pub(crate) fn device_name(given: Option<&str>) -> String {
    let name: String = given.unwrap_or_default().trim().chars().filter(|&char| display_text::is_plain(char)).take(MAX_DEVICE_CHARS).collect();
    display_text::single_line(&name).unwrap_or_else(|_| "Unknown device".to_owned())
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
        assert_eq!(device_name(None), "Unknown device");
        assert_eq!(device_name(Some(" \n ")), "Unknown device");
        assert_eq!(device_name(Some("Phone\r\n")), "Phone");
        assert_eq!(device_name(Some("\u{202e}Pho\u{200b}ne\u{2800}")), "Phone");
        assert_eq!(device_name(Some("\u{301}\u{301}")), "Unknown device");
        assert_eq!(device_name(Some(&"x".repeat(200))).len(), 80);
    }
}
