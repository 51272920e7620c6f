//! What members say about posts (comments, reactions, reposts, reports) and greetings: the words, and the events.
//!
//! Invariant: an event is published in the transaction of its change, and carries ids, never a text of a member.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Audience;
use crate::{AccountId, Event};

/// A reaction to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "applause")]
pub enum ReactionKind {
    /// Likes it.
    Like,
    /// Loves it.
    Love,
    /// Laughs about it.
    Laugh,
    /// Is amazed.
    Wow,
    /// Is sad about it.
    Sad,
    /// Claps.
    Applause,
}

crate::string_enum!(
    ReactionKind:
    Like => "like", Love => "love", Laugh => "laugh", Wow => "wow", Sad => "sad", Applause => "applause"
);

/// Whether a comment or a repost is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TalkState {
    /// It waits for the approval of the post's author. Only they and its own author see it.
    Pending,
    /// The readers of the post see it.
    Shown,
}

crate::string_enum!(TalkState: Pending => "pending", Shown => "shown");

impl TalkState {
    /// Returns the state of what waits, or does not.
    pub fn of(is_pending: bool) -> Self {
        if is_pending { Self::Pending } else { Self::Shown }
    }
}

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// A post.
    Post,
    /// A comment.
    Comment,
    /// A member.
    Account,
}

crate::string_enum!(ReportKind: Post => "post", Comment => "comment", Account => "account");

/// Why something is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportReason {
    /// Advertising that nobody asked for.
    Spam,
    /// It bullies or threatens somebody.
    Harassment,
    /// It incites hatred.
    Hate,
    /// It shows or calls for violence.
    Violence,
    /// It is sexual.
    Nudity,
    /// It endangers a child.
    ChildSafety,
    /// It shows or encourages harm to oneself.
    SelfHarm,
    /// It pretends to be from somebody else.
    Impersonation,
    /// It belongs to somebody else.
    Copyright,
    /// Something else, which the text says.
    Other,
}

crate::string_enum!(
    ReportReason:
    Spam => "spam", Harassment => "harassment", Hate => "hate", Violence => "violence", Nudity => "nudity",
    ChildSafety => "child_safety", SelfHarm => "self_harm", Impersonation => "impersonation",
    Copyright => "copyright", Other => "other"
);

/// How far a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nobody has decided about it yet.
    Open,
    /// Somebody has.
    Closed,
}

crate::string_enum!(ReportState: Open => "open", Closed => "closed");

/// What a moderator has decided about something that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportDecision {
    /// It breaks no rule, and stays.
    Keep,
    /// It breaks a rule, and is removed.
    Remove,
}

crate::string_enum!(ReportDecision: Keep => "keep", Remove => "remove");

/// `social.commented`: a comment is shown from now on. One that waited for approval is announced when it is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    /// The comment's id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
    /// Who wrote the post.
    pub post_author: AccountId,
    /// Who wrote the comment.
    pub author: AccountId,
    /// The comment under which it stands, if it is an answer.
    #[serde(default)]
    pub answers: Option<Uuid>,
    /// Who wrote the comment that it answers.
    #[serde(default)]
    pub answered: Option<AccountId>,
    /// Whom it mentions. A mention does not let them read the post.
    #[serde(default)]
    pub mentions: Vec<AccountId>,
    /// Who may read the post; an earlier release does not say it.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// The thread that the post is a part of.
    #[serde(default)]
    pub thread: Option<Uuid>,
    /// Since when it is shown.
    pub at: DateTime<Utc>,
}

impl Event for Commented {
    const SUBJECT: &'static str = "social.commented";
}

/// `social.comment_pending`: a comment waits for the approval of the post's author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentPending {
    /// The comment's id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
    /// Who approves it.
    pub post_author: AccountId,
    /// Who wrote the comment.
    pub author: AccountId,
    /// When it was written.
    pub at: DateTime<Utc>,
}

impl Event for CommentPending {
    const SUBJECT: &'static str = "social.comment_pending";
}

/// `social.comment_removed`: a comment is gone. Those of a removed post are gone with it, which `social.post_removed`
/// says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentRemoved {
    /// The comment's id.
    pub id: Uuid,
    /// The post.
    pub post: Uuid,
}

impl Event for CommentRemoved {
    const SUBJECT: &'static str = "social.comment_removed";
}

/// `social.reacted`: a member has reacted to a post. Another reaction of the same member publishes none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reacted {
    /// The post.
    pub post: Uuid,
    /// Who wrote the post.
    pub post_author: AccountId,
    /// Who reacts.
    pub member: AccountId,
    /// How.
    pub kind: ReactionKind,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Reacted {
    const SUBJECT: &'static str = "social.reacted";
}

/// `social.reposted`: a member shows a post of another one again. One that waited for approval is announced when it is
/// approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reposted {
    /// The post.
    pub post: Uuid,
    /// Who wrote the post.
    pub post_author: AccountId,
    /// Who reposts it.
    pub member: AccountId,
    /// The repost's place in lists that are sorted by time.
    pub position: i64,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Reposted {
    const SUBJECT: &'static str = "social.reposted";
}

/// `social.repost_removed`: a repost that was shown is gone. Those of a removed post are gone with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepostRemoved {
    /// The post.
    pub post: Uuid,
    /// Who had reposted it.
    pub member: AccountId,
}

impl Event for RepostRemoved {
    const SUBJECT: &'static str = "social.repost_removed";
}

/// `social.reported`: a member reports something, for the moderation queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The report's id.
    pub id: Uuid,
    /// What kind of thing is reported.
    pub kind: ReportKind,
    /// The id of the post, the comment or the account.
    pub object: Uuid,
    /// Whose it is.
    pub owner: AccountId,
    /// Who reports it.
    pub reporter: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Reported {
    const SUBJECT: &'static str = "social.reported";
}

/// `social.report_closed`: a moderator has decided about a report. What was decided about one thing closes all open
/// reports of it, each with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportClosed {
    /// The report's id.
    pub id: Uuid,
    /// What kind of thing was reported.
    pub kind: ReportKind,
    /// The id of the post, the comment or the account.
    pub object: Uuid,
    /// Who had reported it.
    pub reporter: AccountId,
    /// What was decided.
    pub decision: ReportDecision,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for ReportClosed {
    const SUBJECT: &'static str = "social.report_closed";
}

/// `social.greeting_opened`: a greeting was opened for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreetingOpened {
    /// The greeting's id.
    pub id: Uuid,
    /// Who sent it.
    pub sender: AccountId,
    /// When it was opened.
    pub at: DateTime<Utc>,
}

impl Event for GreetingOpened {
    const SUBJECT: &'static str = "social.greeting_opened";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_match_the_json_form() {
        use ReactionKind::{Applause, Laugh, Like, Love, Sad, Wow};
        use ReportReason::{
            ChildSafety, Copyright, Harassment, Hate, Impersonation, Nudity, Other, SelfHarm, Spam, Violence,
        };
        for kind in [Like, Love, Laugh, Wow, Sad, Applause] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for reason in [Spam, Harassment, Hate, Violence, Nudity, ChildSafety, SelfHarm, Impersonation, Copyright, Other]
        {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        for kind in [ReportKind::Post, ReportKind::Comment, ReportKind::Account] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for is_pending in [false, true] {
            let state = TalkState::of(is_pending);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for state in [ReportState::Open, ReportState::Closed] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for decision in [ReportDecision::Keep, ReportDecision::Remove] {
            assert_eq!(serde_json::to_value(decision).unwrap(), decision.as_str());
        }
    }
}
