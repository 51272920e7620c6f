//! What happens in a conversation, in one sequence.
//!
//! Invariant: a change is shown as what there is now, so that a reader who applies it twice, or late, is right.

use chrono::{DateTime, Utc};
use contract::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "message")]
pub(crate) enum ChangeKind {
    /// A message was sent.
    Message,
    /// Its author has changed the text of a message.
    Edited,
    /// A message was deleted for all.
    Removed,
    /// The reader has deleted a message for themselves.
    Hidden,
    /// The reactions to a message have changed.
    Reacted,
    /// A member has read up to `value`.
    Read,
    /// The devices of a member have everything up to `value`.
    Delivered,
    /// A member takes part from now on.
    Joined,
    /// A member takes part no more.
    Left,
    /// The name, the picture or the offices of a group have changed: read the conversation again.
    Conversation,
    /// Messages are gone for good: read the history again.
    Reload,
    /// Nothing that the reader sees.
    None,
}

contract::string_enum!(
    ChangeKind:
    Message => "message", Edited => "edited", Removed => "removed", Hidden => "hidden", Reacted => "reacted",
    Read => "read", Delivered => "delivered", Joined => "joined", Left => "left", Conversation => "conversation",
    Reload => "reload", None => "none"
);

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its place: one more than that of the change before.
    pub seq: i64,
    /// What it is.
    pub kind: ChangeKind,
    /// Who has made it.
    pub actor: Option<AccountId>,
    /// The message that it is about.
    pub message: Option<Uuid>,
    /// The place that a mark reaches.
    pub value: Option<i64>,
    /// The only member who sees it; `None` for all.
    pub only_for: Option<AccountId>,
    /// When.
    pub at: DateTime<Utc>,
}
