//! An object's key.
//!
//! Invariant: a key has 128 random bits and exactly one separator in its place, so it can neither be guessed nor point
//! outside its folder.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::random::{ID_CHARS, Random};

/// Identifies an object: two characters, a slash and twenty more. The first two select the shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Returns a new random key from the operating system's randomness. Objects are written once under their key and
    /// never renamed.
    pub fn random() -> Self {
        Self::new(&Random::system())
    }

    /// Returns a new random key.
    pub fn new(random: &Random) -> Self {
        let text = random.id();
        let (shard, rest) = text.split_at(2);
        // The shard is in lower case: some file systems don't tell `aB` from `ab`.
        Self(format!("{}/{rest}", shard.to_ascii_lowercase()))
    }

    /// The key as text, such as `5k/T0vYq8Zb3mXw1RcHs9Ga`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidObjectKey;
    fn try_from(text: String) -> Result<Self, InvalidObjectKey> {
        let fits = text.len() == ID_CHARS + 1
            && text.bytes().enumerate().all(|(at, b)| if at == 2 { b == b'/' } else { b.is_ascii_alphanumeric() });
        if fits { Ok(Self(text)) } else { Err(InvalidObjectKey) }
    }
}

impl std::str::FromStr for ObjectKey {
    type Err = InvalidObjectKey;
    fn from_str(text: &str) -> Result<Self, InvalidObjectKey> {
        text.to_owned().try_into()
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not an [`ObjectKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidObjectKey;

impl fmt::Display for InvalidObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object key is two characters, a slash and twenty more")
    }
}

impl std::error::Error for InvalidObjectKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_its_folder() {
        for bad in ["../etc/passwd", "..", "ab/../../../../../../x", "/b/T0vYq8Zb3mXw1RcHs9Ga", ""] {
            assert_eq!(bad.parse::<ObjectKey>(), Err(InvalidObjectKey), "{bad}");
        }
        let key = ObjectKey::random();
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
    }
}
