//! What there is to prefer for a kind of notices, and what a member who has set nothing hears of, kind by kind.
//!
//! Invariant: a kind of which many come at once is not pushed unless its member wants that.

use contract::notify::NoticeKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From whom notices of a kind come; the others are in the filtered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "following")]
pub(crate) enum FromWhom {
    /// Everyone.
    Everyone,
    /// People whom the member follows.
    Following,
    /// Nobody.
    Nobody,
}

/// When notices of a kind are mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "daily")]
pub(crate) enum MailFrequency {
    /// Never.
    Off,
    /// At once.
    Now,
    /// Once a day, together.
    Daily,
}

/// What counts for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"from": "everyone", "push": true, "mail": "off"}))]
pub(crate) struct EffectivePreference {
    /// From whom.
    pub from: FromWhom,
    /// Whether devices show it.
    pub push: bool,
    /// When it is mailed.
    pub mail: MailFrequency,
}

/// Returns the default of a kind.
pub(super) fn default_of(kind: NoticeKind) -> EffectivePreference {
    let (push, mail) = match kind {
        NoticeKind::FollowRequested
        | NoticeKind::Answered
        | NoticeKind::Mentioned
        | NoticeKind::CommentPending
        | NoticeKind::PartPending
        | NoticeKind::MediaFailed
        | NoticeKind::Messaged => (true, MailFrequency::Daily),
        NoticeKind::Followed
        | NoticeKind::FollowAccepted
        | NoticeKind::Commented
        | NoticeKind::PartAdded
        | NoticeKind::PartApproved
        | NoticeKind::PartRemoved
        | NoticeKind::GreetingOpened
        | NoticeKind::ReportAnswered
        | NoticeKind::MediaReady => (true, MailFrequency::Off),
        NoticeKind::Moderated | NoticeKind::AppealAnswered | NoticeKind::Reminder => (true, MailFrequency::Now),
        NoticeKind::Announcement | NoticeKind::Reacted | NoticeKind::Reposted | NoticeKind::Posted => {
            (false, MailFrequency::Off)
        }
    };
    EffectivePreference { from: FromWhom::Everyone, push, mail }
}
