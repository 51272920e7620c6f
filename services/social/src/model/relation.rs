//! How a reader and another person stand to each other.
//!
//! Invariant: a relation is read for one reader; `is_…_by` and `of_them` say what the other one has done.

use contract::social::views::{FollowState, RelationshipView};

/// How a reader stands to another person. The default is that of two strangers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Relation {
    /// The reader is the person.
    pub is_self: bool,
    /// The reader follows the person.
    pub follows: bool,
    /// The person follows the reader.
    pub is_followed_by: bool,
    /// The reader has asked to follow the person.
    pub has_requested: bool,
    /// The person has asked to follow the reader.
    pub is_requested_by: bool,
    /// The reader is one of the person's close friends.
    pub is_close_friend_of: bool,
    /// The person is one of the reader's close friends.
    pub has_close_friend: bool,
    /// The reader has blocked the person.
    pub blocks: bool,
    /// The person has blocked the reader.
    pub is_blocked_by: bool,
    /// The reader has muted the person.
    pub mutes: bool,
}

impl Relation {
    /// Returns how a member stands to themselves.
    pub(crate) fn of_self() -> Self {
        Self { is_self: true, ..Self::default() }
    }

    /// Whether each follows the other.
    pub(crate) fn is_friend(&self) -> bool {
        self.follows && self.is_followed_by
    }

    /// Whether either has blocked the other.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocks || self.is_blocked_by
    }

    /// Returns whether the reader follows the person.
    pub(crate) fn follow_state(&self) -> FollowState {
        match (self.follows, self.has_requested) {
            (true, _) => FollowState::Following,
            (false, true) => FollowState::Requested,
            (false, false) => FollowState::None,
        }
    }

    /// Returns the relation as the reader sees it. Whether the person has blocked the reader is not in it, nor what
    /// close friends and mutes the person has.
    pub(crate) fn view(&self) -> RelationshipView {
        RelationshipView {
            follow: self.follow_state(),
            follows_you: self.is_followed_by,
            requested_you: self.is_requested_by,
            blocked: self.blocks,
            muted: self.mutes,
            close: self.has_close_friend,
        }
    }
}
