//! A conversation: of two, or a group.
//!
//! Invariant: two members have one conversation of two at most, because it is found by a key of both.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::message::InvalidText;

/// The longest name of a group, in characters.
const MAX_NAME_CHARS: usize = 80;

/// How many take part in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "pair")]
pub(crate) enum ConversationKind {
    /// Two, and always the same.
    Pair,
    /// Up to 50.
    Group,
}

contract::string_enum!(ConversationKind: Pair => "pair", Group => "group");

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// Its id.
    pub id: Uuid,
    /// How many take part.
    pub kind: ConversationKind,
    /// The key of both members of a conversation of two; `None` for a group, and after one of them was erased.
    pub pair: Option<String>,
    /// The name of a group.
    pub name: Option<String>,
    /// The picture of a group.
    pub picture: Option<MediaId>,
    /// Whether the group has a link by which people join.
    pub has_invite: bool,
    /// A number that no other sequence of this conversation has.
    pub epoch: i64,
    /// The place of the newest change.
    pub last_seq: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

impl Conversation {
    /// Whether it is a group.
    pub(crate) fn is_group(&self) -> bool {
        self.kind == ConversationKind::Group
    }
}

/// Returns the key of the conversation of two members, whichever of them begins it.
pub(crate) fn pair_key(one: AccountId, other: AccountId) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("{first} {second}")
}

/// The name of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupName(String);

impl GroupName {
    /// Checks a name, without the white space around it.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_NAME_CHARS || text.chars().any(char::is_control) {
            return Err(InvalidText("The name of a group is one line of 1 to 80 characters."));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// The token of a link by which people join a group.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct InviteToken(String);

impl InviteToken {
    /// Returns the token with these random characters.
    pub(crate) fn new(random: String) -> Self {
        Self(random)
    }

    /// Returns the characters, for the member who has asked for the link.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what is stored of it: its SHA-256, hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for InviteToken {
    /// Without the characters.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InviteToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_members_have_one_key_and_a_name_is_one_line() {
        let (ada, bob) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        assert_eq!(pair_key(ada, bob), pair_key(bob, ada));
        assert_ne!(pair_key(ada, bob), pair_key(ada, ada));
        assert_eq!(GroupName::parse(" Choir ").unwrap().into_string(), "Choir");
        for wrong in ["", " ", "two\nlines", &"a".repeat(81)] {
            assert!(GroupName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
