//! What `social` shows of comments, reactions, reposts, reports and greetings.
//!
//! Invariant: a view is made for one reader, and has nothing that this reader may not see.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::talk::{ReactionKind, ReportDecision, ReportKind, ReportReason, ReportState, TalkState};
use super::views::{PersonView, PostMediaView};
use crate::MediaId;

/// What the reader may do with a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CommentCan, example = json!({"answer": true, "approve": false, "remove": false}))]
pub struct CommentCanView {
    /// Answer it.
    pub answer: bool,
    /// Approve it.
    pub approve: bool,
    /// Remove it.
    pub remove: bool,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Comment, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "post": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "answers": null,
    "author": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    },
    "state": "shown",
    "text": "What a voice!",
    "answer_count": 2,
    "verdict": null,
    "can": {"answer": true, "approve": false, "remove": false},
    "created_at": "2026-06-20T18:31:00Z",
}))]
pub struct CommentView {
    /// The comment's id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
    /// The comment under which it stands, if it is an answer.
    #[schema(required)]
    pub answers: Option<Uuid>,
    /// Who wrote it.
    pub author: PersonView,
    /// Whether it is shown to the readers of the post.
    pub state: TalkState,
    /// The text. Lines are separated by line feeds.
    pub text: String,
    /// The answers to it that are shown, the same number for every reader.
    pub answer_count: u64,
    /// The verdict that holds it until a moderator has read it; for its author alone. Its `state` is `pending` then.
    #[serde(default)]
    #[schema(required)]
    pub verdict: Option<HeldByView>,
    /// What you may do with it.
    pub can: CommentCanView,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A verdict that holds something of yours until a moderator has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HeldBy, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b71",
    "reason": "screening.alike_texts",
    "sentence": "You have sent almost the same text to many people, so a moderator reads it first.",
    "can_appeal": true,
}))]
pub struct HeldByView {
    /// The verdict's id, which an appeal names.
    pub id: Uuid,
    /// The code of the reason.
    pub reason: String,
    /// The reason as a sentence.
    pub sentence: String,
    /// Whether you can appeal.
    pub can_appeal: bool,
}

/// A reaction to a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Reaction, example = json!({
    "person": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    },
    "kind": "applause",
    "at": "2026-06-20T18:31:00Z",
}))]
pub struct ReactionView {
    /// Who reacts.
    pub person: PersonView,
    /// How.
    pub kind: ReactionKind,
    /// When, to a second.
    pub at: DateTime<Utc>,
}

/// A repost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Repost, example = json!({
    "person": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
    },
    "state": "shown",
}))]
pub struct RepostView {
    /// Who reposts.
    pub person: PersonView,
    /// Whether it waits for the approval of the post's author. Others see only what is shown.
    pub state: TalkState,
}

/// What a member wants of comments on their posts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TalkSettings, example = json!({"approval": false, "watched_words": ["spoiler", "buy now"]}))]
pub struct TalkSettingsView {
    /// Whether every comment of others waits for approval.
    pub approval: bool,
    /// A comment with one of these words or phrases waits for approval. Case does not matter.
    pub watched_words: Vec<String>,
}

/// A report, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Report, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62",
    "kind": "comment",
    "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "owner": null,
    "reporter": null,
    "reason": "spam",
    "text": "The same under every post.",
    "state": "open",
    "decision": null,
    "created_at": "2026-06-20T18:31:00Z",
    "closed_at": null,
}))]
pub struct ReportView {
    /// The report's id.
    pub id: Uuid,
    /// What kind of thing is reported.
    pub kind: ReportKind,
    /// The id of the post, the comment or the account.
    pub object: Uuid,
    /// Whose it is.
    #[schema(required)]
    pub owner: Option<PersonView>,
    /// Who reports it.
    #[schema(required)]
    pub reporter: Option<PersonView>,
    /// Why.
    pub reason: ReportReason,
    /// What the member says about it; may be empty.
    pub text: String,
    /// How far it is.
    pub state: ReportState,
    /// What was decided; null while nobody has.
    #[schema(required)]
    pub decision: Option<ReportDecision>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was decided about.
    #[schema(required)]
    pub closed_at: Option<DateTime<Utc>>,
}

/// What was reported, as operators see it whoever may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReportedObject, example = json!({
    "text": "Buy now at my shop!",
    "media": ["5kT0vYq8Zb3mXw1RcHs9Ga"],
    "post": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
}))]
pub struct ReportedObjectView {
    /// The text of the post or the comment; empty for an account.
    pub text: String,
    /// The media of the post.
    pub media: Vec<MediaId>,
    /// The post, or the post of the comment.
    #[schema(required)]
    pub post: Option<Uuid>,
}

/// A report with what was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReportDetail, example = json!({
    "report": {
        "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62",
        "kind": "comment",
        "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
        "owner": null,
        "reporter": null,
        "reason": "spam",
        "text": "The same under every post.",
        "state": "open",
        "decision": null,
        "created_at": "2026-06-20T18:31:00Z",
        "closed_at": null,
    },
    "object": null,
    "open_reports": 1,
}))]
pub struct ReportDetailView {
    /// The report.
    pub report: ReportView,
    /// What was reported; null if it is gone.
    #[schema(required)]
    pub object: Option<ReportedObjectView>,
    /// How many open reports of the same thing there are. A decision closes all of them.
    pub open_reports: u64,
}

/// When a greeting was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GreetingOpenings, example = json!({"first_at": "2026-06-20T18:31:00Z", "count": 3}))]
pub struct GreetingOpeningsView {
    /// When it was opened first; null if it was not yet.
    #[schema(required)]
    pub first_at: Option<DateTime<Utc>>,
    /// How often: once for each visitor and hour.
    pub count: u64,
}

/// A greeting: a clip for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Greeting, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "from": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "display_name": "Ada Lovelace",
        "avatar": null,
        "is_private": false,
    },
    "to_name": "Grandma",
    "text": "Happy birthday!",
    "media": {
        "id": "5kT0vYq8Zb3mXw1RcHs9Ga",
        "kind": "video",
        "state": "ready",
        "alt": "",
        "width": 1280,
        "height": 720,
        "duration_ms": 5000,
        "thumbhash": null,
        "sensitive": false,
        "urls": {
            "image": null,
            "motion": null,
            "poster": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/poster?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
            "hls": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/hls/master.m3u8?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
            "waveform": null,
        },
    },
    "created_at": "2026-06-20T18:30:00Z",
    "expires_at": "2026-06-27T18:30:00Z",
    "url": "/g/3hW9dKx0Qp7LmT2vBnYc4R",
    "openings": {"first_at": null, "count": 0},
}))]
pub struct GreetingView {
    /// The greeting's id.
    pub id: Uuid,
    /// Who sent it.
    pub from: PersonView,
    /// Whom it is for, in the sender's words.
    pub to_name: String,
    /// What the sender says; may be empty.
    pub text: String,
    /// The clip. Its URLs end within an hour: open the greeting again for new ones.
    pub media: PostMediaView,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its link ends.
    pub expires_at: DateTime<Utc>,
    /// The path of its link, in the response that made it only: only a hash of the token is stored.
    #[schema(required)]
    pub url: Option<String>,
    /// When it was opened, for its sender only.
    #[schema(required)]
    pub openings: Option<GreetingOpeningsView>,
}
