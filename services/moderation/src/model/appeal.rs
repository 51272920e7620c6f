//! An appeal: what a member says against a decision, and how far it is.
//!
//! Invariant: a text has 1 to 1,000 characters, none of them invisible.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;

/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

/// How far an appeal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "open")]
pub(crate) enum AppealState {
    /// It waits for another moderator.
    Open,
    /// The decision stays.
    Upheld,
    /// The decision was undone.
    Overturned,
}

/// What a member says against a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppealText(String);

impl AppealText {
    /// Checks and normalizes a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = codec::filename::lines(text);
        if text.is_empty() {
            return Err(Error::InvalidAppeal("Say in `text` why the decision is wrong."));
        }
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(Error::InvalidAppeal("The text of an appeal has at most 1,000 characters."));
        }
        Ok(Self(text))
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
    fn a_text_says_something_within_its_bounds() {
        assert_eq!(AppealText::parse(" It was\u{202e} a joke. ").unwrap().into_string(), "It was a joke.");
        assert!(AppealText::parse(" \u{200b}").is_err() && AppealText::parse(&"a".repeat(1_001)).is_err());
        assert!(AppealText::parse(&"é".repeat(1_000)).is_ok());
    }
}
