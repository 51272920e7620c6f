//! The fields of a profile, and the names of devices.
//!
//! Invariant: a text that other members see has passed [`super::display_text`].

use serde::{Deserialize, Deserializer};

use super::display_text::{self, TextError};
use crate::error::Error;

const MAX_NAME_CHARS: usize = 60;
const MAX_BIO_CHARS: usize = 500;
const MAX_DEVICE_CHARS: usize = 80;

/// A field of a PATCH body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// The field is absent.
    #[default]
    Unchanged,
    /// The field is `null`.
    Null,
    /// The field has this value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|value| value.map_or(Self::Null, Self::Set))
    }
}

/// A display name: 1–60 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisplayName(pub String);

impl DisplayName {
    /// Parses a name.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let name = display_text::single_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => "display_name has no visible character. Add a letter, digit or symbol, or send null to use the handle.",
                TextError::Control => "display_name contains a control character. Remove it, and any line breaks.",
                TextError::Invisible => "display_name contains a character that is invisible or changes the direction of the text. Remove it.",
                TextError::Marks => "display_name has too many marks on one letter, or a mark without a letter. Remove some.",
            })
        })?;
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(Error::InvalidProfile(
                "display_name must have 1 to 60 characters. Send null to use the handle.",
            ));
        }
        Ok(Self(name))
    }
}

/// A bio: at most 500 characters; line breaks are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bio(pub String);

impl Bio {
    /// Parses a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let bio = display_text::multi_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => "bio has no visible character. Write something, or send null to clear it.",
                TextError::Control => "bio contains a control character. Remove it.",
                TextError::Invisible => {
                    "bio contains a character that is invisible or changes the direction of the text. Remove it."
                }
                TextError::Marks => "bio has too many marks on one letter, or a mark without a letter. Remove some.",
            })
        })?;
        if bio.chars().count() > MAX_BIO_CHARS {
            return Err(Error::InvalidProfile("bio must have at most 500 characters."));
        }
        Ok(Self(bio))
    }
}

/// Returns the name of a device for the list of sessions: at most 80 characters, without invisible ones.
pub(crate) fn device_name(given: Option<&str>) -> String {
    let name: String = given
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|&char| display_text::is_plain(char))
        .take(MAX_DEVICE_CHARS)
        .collect();
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
