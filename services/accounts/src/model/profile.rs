//! The fields of a profile, and the names of devices.
//!
//! Invariant: a text that other members see has passed [`super::display_text`].

use chrono::{DateTime, Utc};
use contract::accounts::{Profile, ProfileChanged};
use contract::media::{Kind, Received, Visibility};
use contract::{AccountId, MediaId};
use serde::{Deserialize, Deserializer};

use super::display_text::{self, TextError};
use super::{Account, Country, Link, Locale, Place, ProfileKind, TimeZone};
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

impl<T> Patch<T> {
    /// Returns the patch with its value parsed.
    pub(crate) fn parse<U>(self, parse: impl FnOnce(T) -> Result<U, Error>) -> Result<Patch<U>, Error> {
        Ok(match self {
            Self::Unchanged => Patch::Unchanged,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(parse(value)?),
        })
    }

    /// Returns the new value of a field that `null` resets; `None` leaves it as it is.
    pub(crate) fn or_reset(self, reset: impl FnOnce() -> T) -> Option<T> {
        match self {
            Self::Unchanged => None,
            Self::Null => Some(reset()),
            Self::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|value| value.map_or(Self::Null, Self::Set))
    }
}

/// Changes to a profile. `None` and `Unchanged` leave a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfilePatch {
    /// The new display name.
    pub display_name: Option<String>,
    /// The new bio.
    pub bio: Option<String>,
    /// The new avatar, or none.
    pub avatar: Patch<MediaId>,
    /// The new language.
    pub locale: Option<Locale>,
    /// The new time zone.
    pub time_zone: Option<TimeZone>,
    /// The new country, or none.
    pub country: Patch<Country>,
    /// The new kind.
    pub kind: Option<ProfileKind>,
    /// The new place, or none.
    pub place: Patch<Place>,
    /// The new links, in place of all earlier ones.
    pub links: Option<Vec<Link>>,
    /// Whether the profile is private.
    pub is_private: Option<bool>,
}

impl Account {
    /// Returns what other services may know of the account, as it is at `at`.
    pub(crate) fn profile(&self, at: DateTime<Utc>) -> Profile {
        Profile {
            account: self.id,
            handle: self.handle.clone(),
            display_name: self.display_name.clone(),
            avatar: self.avatar.clone(),
            is_private: self.about.is_private,
            at,
        }
    }

    /// Returns the event that tells other services of the profile.
    pub(crate) fn profile_changed(&self, at: DateTime<Utc>) -> ProfileChanged {
        ProfileChanged { profile: self.profile(at) }
    }
}

/// Checks that `item`, which a member chose as avatar, is a photo of the member's own that others may see.
pub(crate) fn check_avatar(item: Option<&Received>, member: AccountId) -> Result<(), Error> {
    let item = item
        .filter(|item| item.owner == member && !item.trashed)
        .ok_or(Error::InvalidAvatar("There is no such picture in your library. Upload it first."))?;
    if item.kind != Kind::Photo {
        return Err(Error::InvalidAvatar("An avatar is a picture. Choose a photo of your library."));
    }
    if item.visibility == Visibility::Private {
        return Err(Error::InvalidAvatar("Others could not see this picture. Make it unlisted or public first."));
    }
    Ok(())
}

/// A display name: 1–60 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisplayName(pub String);

impl DisplayName {
    /// Parses a name.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let name = display_text::single_line(text).map_err(|error| {
            Error::InvalidProfile(match error {
                TextError::Blank => {
                    "The display name has no visible character. Add a letter, digit or symbol; without a display name \
                     (null) the handle is shown."
                }
                TextError::Control => "The display name contains a control character. Remove it, and any line breaks.",
                TextError::Invisible => {
                    "The display name contains a character that is invisible or changes the direction of the text. \
                     Remove it."
                }
                TextError::Marks => {
                    "The display name has too many marks on one letter, or a mark without a letter. Remove some."
                }
            })
        })?;
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(Error::InvalidProfile(
                "The display name must have 1 to 60 characters. Without one (null) the handle is shown.",
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
                TextError::Blank => "The bio has no visible character. Write something, or clear it (null).",
                TextError::Control => "The bio contains a control character. Remove it.",
                TextError::Invisible => {
                    "The bio contains a character that is invisible or changes the direction of the text. Remove it."
                }
                TextError::Marks => {
                    "The bio has too many marks on one letter, or a mark without a letter. Remove some."
                }
            })
        })?;
        if bio.chars().count() > MAX_BIO_CHARS {
            return Err(Error::InvalidProfile("The bio must have at most 500 characters."));
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
