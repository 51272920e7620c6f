//! How a member takes part in a conversation, and what of it they see.
//!
//! Invariant: a member sees what lies in their window: after they joined, or after what they have deleted, and until
//! they left.

use chrono::{DateTime, Utc};
use contract::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How a member takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "joined")]
pub(crate) enum MemberState {
    /// Nothing has reached them yet: they know nothing of the conversation.
    Waiting,
    /// They take part.
    Joined,
    /// It waits in their box of requests.
    Requested,
    /// They have declined it, or blocked who asked.
    Declined,
    /// They have left.
    Left,
}

contract::string_enum!(
    MemberState:
    Waiting => "waiting", Joined => "joined", Requested => "requested", Declined => "declined", Left => "left"
);

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConversationMember {
    /// The conversation.
    pub conversation: Uuid,
    /// The account.
    pub account: AccountId,
    /// How they take part.
    pub state: MemberState,
    /// Whether they look after the group.
    pub is_admin: bool,
    /// Whether an admin has taken them out: the link of the group does not bring them back, an invitation does.
    pub is_taken_out: bool,
    /// Who has brought them in.
    pub inviter: Option<AccountId>,
    /// They see what comes after this place.
    pub from_seq: i64,
    /// They see nothing after this place.
    pub until_seq: Option<i64>,
    /// They have read everything up to this place.
    pub read_seq: i64,
    /// Their devices have everything up to this place.
    pub delivered_seq: i64,
    /// Up to where others were told that they have read.
    pub told_read_seq: i64,
    /// Up to where others were told that their devices have everything.
    pub told_delivered_seq: i64,
    /// The place in their box, in microseconds since 1970; 0 for none.
    pub position: i64,
    /// Since when.
    pub joined_at: DateTime<Utc>,
}

impl ConversationMember {
    /// Returns a member who has just come: they see what comes after this place.
    pub(crate) fn new(
        conversation: Uuid,
        account: AccountId,
        state: MemberState,
        from_seq: i64,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            conversation,
            account,
            state,
            is_admin: false,
            is_taken_out: false,
            inviter: None,
            from_seq,
            until_seq: None,
            read_seq: from_seq,
            delivered_seq: from_seq,
            told_read_seq: from_seq,
            told_delivered_seq: from_seq,
            position: 0,
            joined_at: now,
        }
    }

    /// Whether they may read the conversation: what lies in their window.
    pub(crate) fn may_read(&self) -> bool {
        matches!(self.state, MemberState::Joined | MemberState::Requested | MemberState::Left)
    }

    /// Whether they see the message at this place, or saw it before they deleted, declined or left what it is in.
    pub(crate) fn has_been_shown(&self, seq: i64, is_group: bool) -> bool {
        // Of two, only what the member has deleted is before the window; of a group, also what was there before them.
        let (from, may_have_read) =
            if is_group { (self.from_seq, self.may_read()) } else { (0, self.state != MemberState::Waiting) };
        may_have_read && seq > from && self.until_seq.is_none_or(|until| seq <= until)
    }

    /// Whether they take part.
    pub(crate) fn is_joined(&self) -> bool {
        self.state == MemberState::Joined
    }

    /// Whether it waits in their box of requests.
    pub(crate) fn is_requested(&self) -> bool {
        self.state == MemberState::Requested
    }

    /// Returns the place of the newest change that they see.
    pub(crate) fn last_visible(&self, last_seq: i64) -> i64 {
        self.until_seq.map_or(last_seq, |until| until.min(last_seq))
    }
}
