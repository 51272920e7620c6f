//! What a member may do in a conversation, told before they try.
//!
//! Invariant: whether the other side has ignored, declined or blocked makes no difference here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the next message of the reader goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "inbox")]
pub(crate) enum WriteTarget {
    /// Into the inbox of the others.
    Inbox,
    /// Into the box of requests, until it is accepted.
    Requests,
    /// Nowhere: the other member receives nothing from people whom they don't follow.
    Refused,
    /// Nowhere: the reader has not accepted the request, has left, or has blocked the other.
    Nowhere,
}

/// What a reader may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ConversationPermissions, example = json!({"write": true, "goes_to": "inbox", "manage": false}))]
pub(crate) struct Permissions {
    /// Whether they may write.
    pub write: bool,
    /// Where what they write goes.
    pub goes_to: WriteTarget,
    /// Whether they may change the group, and who takes part in it.
    pub manage: bool,
}

impl Permissions {
    /// Returns the permissions of a reader whose messages go there.
    pub(crate) fn of(goes_to: WriteTarget, manage: bool) -> Self {
        Self { write: matches!(goes_to, WriteTarget::Inbox | WriteTarget::Requests), goes_to, manage }
    }
}
