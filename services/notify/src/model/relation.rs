//! How one member stands to another, as far as notices depend on it.
//!
//! Invariant: a relation has a direction; `member` has decided it, but for close friends, where `other` has.

use contract::AccountId;

/// A kind of relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RelationKind {
    /// The member follows the other.
    Follow,
    /// The member has blocked the other.
    Block,
    /// The member has muted the other.
    Mute,
    /// The other has made the member a close friend.
    Close,
}

contract::string_enum!(RelationKind: Follow => "follow", Block => "block", Mute => "mute", Close => "close");

/// A relation that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Relation {
    /// Who stands to the other.
    pub member: AccountId,
    /// The other.
    pub other: AccountId,
    /// How.
    pub kind: RelationKind,
}
