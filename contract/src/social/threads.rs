//! Joinable threads: an opening clip, and the clips that others add. Their words, events, views and internal query.
//!
//! A thread is opened by a post, whose id it has, and each part is a post. So audiences, blocks, media and counts are
//! those of posts. Invariant: an event is published in the transaction of its change.

use base::Query;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Audience;
use super::reader_word;
use super::views::{PersonView, PostView};
use crate::{AccountId, Event};

/// Who of those who may see a thread may join it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreadRule {
    /// Everyone.
    Open,
    /// The opener's followers, and whom the opener invites.
    Followers,
    /// The opener's friends, and whom the opener invites.
    Friends,
    /// Whom the opener invites.
    Invited,
    /// Everyone, and the opener or a moderator approves each part.
    Approval,
    /// Nobody any more.
    Closed,
}

crate::string_enum!(
    ThreadRule:
    Open => "open", Followers => "followers", Friends => "friends", Invited => "invited", Approval => "approval",
    Closed => "closed"
);

impl ThreadRule {
    /// All rules.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Followers, Self::Friends, Self::Invited, Self::Approval, Self::Closed];
}

/// How a part stands to its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It belongs to the thread, and is shown as soon as its clip can be played.
    Joined,
    /// It waits for the approval of the opener or a moderator.
    Pending,
    /// The opener or a moderator has removed it. Only its author sees it.
    Removed,
}

crate::string_enum!(PartState: Joined => "joined", Pending => "pending", Removed => "removed");

/// `social.thread_opened`: a member has opened a thread. Its opening may still wait for its clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadOpened {
    /// The thread's id, which is that of the opening post.
    pub thread: Uuid,
    /// Who has opened it.
    pub opener: AccountId,
    /// Who may join.
    pub rule: ThreadRule,
    /// Who may see it.
    pub audience: Audience,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for ThreadOpened {
    const SUBJECT: &'static str = "social.thread_opened";
}

/// `social.thread_audience_changed`: who sees a thread has changed, and so who sees its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadAudienceChanged {
    /// The thread.
    pub thread: Uuid,
    /// Who has opened it.
    pub opener: AccountId,
    /// Who may see it now.
    pub audience: Audience,
    /// The parts that have appeared in it, as many as a thread may have at most.
    pub parts: Vec<Uuid>,
    /// The version of the opening, as in [`super::PostChanged`].
    pub version: u64,
}

impl Event for ThreadAudienceChanged {
    const SUBJECT: &'static str = "social.thread_audience_changed";
}

/// `social.part_added`: a part has appeared in a thread, or waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartAdded {
    /// The thread.
    pub thread: Uuid,
    /// The part's id, which is that of its post.
    pub part: Uuid,
    /// Who has joined.
    pub author: AccountId,
    /// Who has opened the thread; an earlier release does not say it.
    #[serde(default)]
    pub opener: Option<AccountId>,
    /// The part that it answers.
    #[serde(default)]
    pub answers: Option<Uuid>,
    /// Whether it has appeared ([`PartState::Joined`]) or waits ([`PartState::Pending`]).
    pub state: PartState,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for PartAdded {
    const SUBJECT: &'static str = "social.part_added";
}

/// `social.part_approved`: the opener or a moderator has approved a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartApproved {
    /// The thread.
    pub thread: Uuid,
    /// The part.
    pub part: Uuid,
    /// Who has joined with it.
    pub author: AccountId,
    /// Who has approved it.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for PartApproved {
    const SUBJECT: &'static str = "social.part_approved";
}

/// `social.part_removed`: a part does not belong to its thread any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRemoved {
    /// The thread.
    pub thread: Uuid,
    /// The part.
    pub part: Uuid,
    /// Who had joined with it.
    pub author: AccountId,
    /// Who has removed it: the author, who has withdrawn it or whose clip can't be converted, or the opener or a
    /// moderator.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for PartRemoved {
    const SUBJECT: &'static str = "social.part_removed";
}

/// What the reader may do with a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ThreadCan, example = json!({
    "join": true,
    "moderate": false,
    "invite": false,
    "change": false,
    "remove": false,
}))]
pub struct ThreadCanView {
    /// Join with a clip now, possibly after approval.
    pub join: bool,
    /// Approve and remove parts.
    pub moderate: bool,
    /// Invite members.
    pub invite: bool,
    /// Change the title, the rule, the cap and the audience, and appoint moderators.
    pub change: bool,
    /// Remove the thread.
    pub remove: bool,
}

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Thread, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "title": "Sing the next line",
    "opening": {
        "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
        "author": {
            "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
            "handle": "ada",
            "display_name": "Ada Lovelace",
            "avatar": null,
            "is_private": false,
        },
        "state": "published",
        "text": "Sing the next line",
        "tags": [],
        "mentions": [],
        "media": [],
        "place": null,
        "song": null,
        "audience": "public",
        "policies": {"comment": "everyone", "repost": "everyone", "join": "everyone"},
        "can": {"comment": true, "react": true, "repost": true, "join": true, "change": false, "remove": false},
        "counts": {"comments": 3, "reactions": 12, "reposts": 1},
        "mine": {"reaction": null, "saved": false, "reposted": false, "repost_pending": false},
        "thread": null,
        "link": null,
        "created_at": "2026-06-20T18:30:00Z",
        "published_at": "2026-06-20T18:30:12Z",
        "edited_at": null,
        "expires_at": null,
    },
    "rule": "open",
    "cap": 20,
    "parts": 3,
    "moderators": [],
    "can": {"join": true, "moderate": false, "invite": false, "change": false, "remove": false},
    "programme": "/v1/threads/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60/programme.m3u8",
    "created_at": "2026-06-20T18:30:00Z",
}))]
pub struct ThreadView {
    /// The thread's id, which is that of its opening.
    pub id: Uuid,
    /// The title, which is the text of the opening.
    pub title: String,
    /// The post that opens it.
    pub opening: PostView,
    /// Who may join.
    pub rule: ThreadRule,
    /// The largest number of parts.
    pub cap: u32,
    /// The parts that have a place, also those whose clip is still converted or whose author is not shown to you.
    pub parts: u32,
    /// The moderators beside the opener, without those who are not shown to you.
    pub moderators: Vec<PersonView>,
    /// What you may do with it.
    pub can: ThreadCanView,
    /// The URL of the stream that plays the opening and all parts end to end. It is signed for you and ends within an
    /// hour: read the thread again for a new one.
    pub programme: String,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// What the reader may do with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PartCan, example = json!({"approve": false, "remove": true, "unlink": false}))]
pub struct PartCanView {
    /// Approve it.
    pub approve: bool,
    /// Withdraw it (its author), or remove it from the thread (the opener and the moderators).
    pub remove: bool,
    /// Have it unlinked from the part of yours that it answers.
    pub unlink: bool,
}

/// A part of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ThreadPart, example = json!({
    "id": "0198f3a2-7d20-7000-8a11-5b7de2c90f11",
    "thread": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "state": "joined",
    "number": 1,
    "answers": null,
    "reason": null,
    "post": {
        "id": "0198f3a2-7d20-7000-8a11-5b7de2c90f11",
        "author": {
            "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
            "handle": "bob",
            "display_name": "Bob",
            "avatar": null,
            "is_private": false,
        },
        "state": "published",
        "text": "",
        "tags": [],
        "mentions": [],
        "media": [],
        "place": null,
        "song": null,
        "audience": "public",
        "policies": {"comment": "everyone", "repost": "nobody", "join": "nobody"},
        "can": {"comment": true, "react": true, "repost": false, "join": false, "change": true, "remove": true},
        "counts": {"comments": 0, "reactions": 2, "reposts": 0},
        "mine": {"reaction": null, "saved": false, "reposted": false, "repost_pending": false},
        "thread": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
        "link": null,
        "created_at": "2026-06-20T18:40:00Z",
        "published_at": "2026-06-20T18:40:20Z",
        "edited_at": null,
        "expires_at": null,
    },
    "can": {"approve": false, "remove": true, "unlink": false},
}))]
pub struct ThreadPartView {
    /// The part's id, which is that of its post.
    pub id: Uuid,
    /// The thread.
    pub thread: Uuid,
    /// How it stands to the thread.
    pub state: PartState,
    /// Its place in the thread: parts have ascending numbers in the order in which they have appeared, and a number is
    /// not used again. `null` before it has appeared, and when it was removed.
    #[schema(required)]
    pub number: Option<i64>,
    /// The part that it answers, if you see it.
    #[schema(required)]
    pub answers: Option<Uuid>,
    /// Why it was removed or unlinked, or waits for a moderator of the site; only its author sees it.
    #[schema(required)]
    pub reason: Option<String>,
    /// Its post, with the clip.
    pub post: PostView,
    /// What you may do with it.
    pub can: PartCanView,
}

/// Asks social for a thread as a reader sees it. There is no response for one that the reader may not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindThread {
    /// Who reads; `None` for a visitor.
    pub reader: Option<AccountId>,
    /// The thread.
    pub thread: Uuid,
}

impl Query for FindThread {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/threads/{thread}";
    type Response = ThreadView;

    fn path(&self) -> String {
        format!("/internal/readers/{}/threads/{}", reader_word(self.reader), self.thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_the_query_has_its_path() {
        for rule in ThreadRule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
            assert_eq!(rule.as_str().parse(), Ok(rule));
        }
        for state in [PartState::Joined, PartState::Pending, PartState::Removed] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        let thread = Uuid::from_u128(9);
        let path = FindThread::PATH.replace("{reader}", "-").replace("{thread}", &thread.to_string());
        assert_eq!(FindThread { reader: None, thread }.path(), path);
    }
}
