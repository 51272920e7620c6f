//! What `social` shows a member of their own decisions about others, and of those of moderators about what was theirs.
//!
//! Invariant: a view is for one member, and names neither who has reported something nor who has decided about it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::talk::{ReportKind, ReportReason};
use super::views::PersonView;

/// A member whom you block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BlockedPerson, example = json!({
    "person": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    },
    "since": "2026-06-20T18:31:00Z",
}))]
pub struct BlockedPersonView {
    /// The member.
    pub person: PersonView,
    /// Since when, to a second.
    pub since: DateTime<Utc>,
}

/// A member whom you mute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MutedPerson, example = json!({
    "person": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    },
    "until": "2026-06-21T18:31:00Z",
}))]
pub struct MutedPersonView {
    /// The member.
    pub person: PersonView,
    /// When the mute ends by itself, to a second; null if it stays.
    #[schema(required)]
    pub until: Option<DateTime<Utc>>,
}

/// A post or a comment of yours that a moderator of the site has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Removal, example = json!({
    "kind": "comment",
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "excerpt": "Buy now at my shop!",
    "reason": "spam",
    "message": "No advertising below the clips of others, please.",
    "removed_at": "2026-06-21T09:12:00Z",
}))]
pub struct RemovalView {
    /// What it was: a post or a comment.
    pub kind: ReportKind,
    /// The id that it had.
    pub id: Uuid,
    /// The beginning of its text; empty if it had none.
    pub excerpt: String,
    /// Why it was removed.
    pub reason: ReportReason,
    /// What the moderator says about it; may be empty.
    pub message: String,
    /// When it was removed.
    pub removed_at: DateTime<Utc>,
}
