//! The events of `notify`: notices were added to the histories of members, or have grown. And the kinds of notices, and
//! the internal query for the counts of a member.
//!
//! Invariant: an event is published in the transaction of its change, and carries ids only.

use base::Query;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{AccountId, Event};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "reacted")]
pub enum NoticeKind {
    /// A member follows you.
    Followed,
    /// A member asks to follow you.
    FollowRequested,
    /// A member has accepted that you follow them.
    FollowAccepted,
    /// A member has reacted to your post.
    Reacted,
    /// A member has commented on your post.
    Commented,
    /// A member has answered your comment.
    Answered,
    /// A member has mentioned you.
    Mentioned,
    /// A comment on your post waits for your approval.
    CommentPending,
    /// A member has reposted your post.
    Reposted,
    /// A member whom you follow has posted.
    Posted,
    /// A member has joined your thread.
    PartAdded,
    /// A part of your thread waits for your approval.
    PartPending,
    /// Your part of a thread was approved.
    PartApproved,
    /// Your part was removed from a thread.
    PartRemoved,
    /// Your greeting was opened.
    GreetingOpened,
    /// Your video or recording is converted.
    MediaReady,
    /// Your file can't be converted.
    MediaFailed,
    /// A moderator has decided something against you, and says why.
    Moderated,
    /// What you had reported was decided about.
    ReportAnswered,
    /// Your appeal was decided about.
    AppealAnswered,
    /// A time that you wanted to be reminded of has come.
    Reminder,
    /// The people who run the site have something to say.
    Announcement,
    /// A message has come.
    Messaged,
}

crate::string_enum!(
    NoticeKind:
    Followed => "followed", FollowRequested => "follow_requested", FollowAccepted => "follow_accepted",
    Reacted => "reacted", Commented => "commented", Answered => "answered", Mentioned => "mentioned",
    CommentPending => "comment_pending", Reposted => "reposted", Posted => "posted", PartAdded => "part_added",
    PartPending => "part_pending", PartApproved => "part_approved", PartRemoved => "part_removed",
    GreetingOpened => "greeting_opened", MediaReady => "media_ready", MediaFailed => "media_failed",
    Moderated => "moderated", ReportAnswered => "report_answered", AppealAnswered => "appeal_answered",
    Reminder => "reminder", Announcement => "announcement", Messaged => "messaged"
);

impl NoticeKind {
    /// All kinds.
    pub const ALL: [Self; 23] = [
        Self::Followed,
        Self::FollowRequested,
        Self::FollowAccepted,
        Self::Reacted,
        Self::Commented,
        Self::Answered,
        Self::Mentioned,
        Self::CommentPending,
        Self::Reposted,
        Self::Posted,
        Self::PartAdded,
        Self::PartPending,
        Self::PartApproved,
        Self::PartRemoved,
        Self::GreetingOpened,
        Self::MediaReady,
        Self::MediaFailed,
        Self::Moderated,
        Self::ReportAnswered,
        Self::AppealAnswered,
        Self::Reminder,
        Self::Announcement,
        Self::Messaged,
    ];
}

/// A notice that was added to a member's history, or has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifiedMember {
    /// Whose history.
    pub member: AccountId,
    /// The id that the notice has now.
    pub notice: Uuid,
    /// The id of its group, which stays while it grows.
    pub group: Uuid,
}

/// `notify.notified`: unread notices of one kind were added, or have grown. What is filtered publishes none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// What they are about.
    pub kind: NoticeKind,
    /// The notices.
    pub notices: Vec<NotifiedMember>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Notified {
    const SUBJECT: &'static str = "notify.notified";
}

/// How many notices of a member's list were not seen, and not read. What is filtered is in no count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"unseen": 3, "unread": 12}))]
pub struct NoticeCounts {
    /// Those that came since the list was last looked at.
    pub unseen: u64,
    /// Those that were not read.
    pub unread: u64,
}

/// Asks notify for the counts of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindNoticeCounts(pub AccountId);

impl Query for FindNoticeCounts {
    const ROLE: &'static str = "notify";
    const PATH: &'static str = "/internal/members/{member}/notice-counts";
    type Response = NoticeCounts;

    fn path(&self) -> String {
        format!("/internal/members/{}/notice-counts", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_match_the_json_form() {
        for kind in NoticeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
