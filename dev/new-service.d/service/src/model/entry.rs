//! An entry and the rules of its text.
//!
//! Invariant: a [`Text`] is neither empty nor longer than [`MAX_TEXT_CHARS`].

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::newservice::Added;
use uuid::Uuid;

/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 2000;

/// A text that a member keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id, which sorts by time.
    pub id: Uuid,
    /// The account that it belongs to.
    pub owner: AccountId,
    /// The text.
    pub text: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

impl Entry {
    /// Returns the event of this entry's addition.
    pub(crate) fn added(&self) -> Added {
        Added { id: self.id, owner: self.owner, at: self.created_at }
    }
}

/// The text of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(String);

/// The rule that a text breaks, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidText(&'static str);

impl Text {
    /// Checks a text, without the white space around it.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidText("An entry needs a text."));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(InvalidText("The text of an entry has at most 2,000 characters."));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_has_bounds() {
        assert_eq!(Text::parse(" a song \n").unwrap().into_string(), "a song");
        assert!(Text::parse(" \n").is_err());
        assert!(Text::parse(&"é".repeat(MAX_TEXT_CHARS)).is_ok());
        assert!(Text::parse(&"a".repeat(MAX_TEXT_CHARS + 1)).is_err());
    }
}
