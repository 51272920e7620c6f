//! The ids that services exchange.
//!
//! Owns their format and their generation. Invariant: a [`MediaId`] carries 128 random bits, so it cannot be guessed or
//! derived from another one.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use base::ObjectKey;

/// 22 base-62 digits hold 131 bits; 22 is the smallest number of digits that holds 128.
const PUBLIC_ID_CHARS: usize = 22;

/// An account's id (UUIDv7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct AccountId(pub Uuid);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A media item's public id: 22 random base-62 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
pub struct MediaId(String);

/// The error for a text that is not a [`MediaId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidMediaId;

impl fmt::Display for InvalidMediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a media id has 22 letters and digits")
    }
}

impl std::error::Error for InvalidMediaId {}

impl MediaId {
    /// Returns a new id made of 128 random bits.
    pub fn new(random: &base::Random) -> Self {
        Self(random.id())
    }

    /// Returns a new id made of 128 random bits of the operating system's. For tests; the product takes
    /// [`MediaId::new`].
    pub fn random() -> Self {
        Self(base::Random::system().id())
    }

    /// Returns the id's 22 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaId {
    type Error = InvalidMediaId;
    fn try_from(text: String) -> Result<Self, InvalidMediaId> {
        let fits = text.len() == PUBLIC_ID_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(text)) } else { Err(InvalidMediaId) }
    }
}

impl std::str::FromStr for MediaId {
    type Err = InvalidMediaId;
    fn from_str(text: &str) -> Result<Self, InvalidMediaId> {
        text.to_owned().try_into()
    }
}

impl From<MediaId> for String {
    fn from(id: MediaId) -> Self {
        id.0
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_22_characters_and_differ() {
        let (a, b) = (MediaId::random(), MediaId::random());
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), 22);
        assert_eq!(a.as_str().parse(), Ok(a.clone()));
    }
}
