//! What `moderation` is told of and what it decides: things that were reported with what they were at that moment,
//! verdicts of checks, decisions about members, and their end by an appeal.
//!
//! [`Reported`] and [`Screened`] are published by the roles in which members write, in the transaction that keeps the
//! report or the verdict. They are the only events with a text of a member: the copy is what a moderator decides about
//! when the thing itself has been changed or removed. Invariant: no role but `moderation` stores that copy; the events
//! of `moderation` itself have no text but the statement to the member.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::AccountState;
use crate::social::talk::ReportReason;
use crate::{AccountId, Event, MediaId};

/// The longest text of a copy, in characters.
pub const MAX_EVIDENCE_CHARS: usize = 4_000;
/// The most media of a copy.
pub const MAX_EVIDENCE_MEDIA: usize = 20;

/// What a thing was when it was reported.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"text": "buy at my shop", "media": [], "place": null}))]
pub struct Evidence {
    /// Its text, at most [`MAX_EVIDENCE_CHARS`] characters.
    pub text: String,
    /// Its media, at most [`MAX_EVIDENCE_MEDIA`].
    pub media: Vec<MediaId>,
    /// The id of what it stands in: the post of a comment, the conversation of a message.
    #[schema(required)]
    pub place: Option<String>,
}

impl Evidence {
    /// Returns a copy within its bounds.
    pub fn of(text: &str, media: impl IntoIterator<Item = MediaId>, place: Option<String>) -> Self {
        let text = text.chars().take(MAX_EVIDENCE_CHARS).collect();
        Self { text, media: media.into_iter().take(MAX_EVIDENCE_MEDIA).collect(), place }
    }
}

/// What a thing is called by the role that has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thing {
    /// The role, such as `social`.
    pub role: String,
    /// What kind of thing it is, such as `comment`.
    pub kind: String,
    /// Its id within the role.
    pub id: String,
}

/// `moderation.reported`: a member reports something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The report's id.
    pub id: Uuid,
    /// What is reported.
    pub thing: Thing,
    /// Whose it is.
    pub owner: AccountId,
    /// Who reports it.
    pub reporter: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What the reporter says about it.
    #[serde(default)]
    pub text: String,
    /// What it is at this moment.
    #[serde(default)]
    pub evidence: Evidence,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Reported {
    const SUBJECT: &'static str = "moderation.reported";
}

/// `moderation.screened`: a check has stopped something, and its sender may appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screened {
    /// The verdict's id, which the sender names in an appeal.
    pub id: Uuid,
    /// What was stopped. What was not stored has the id of the verdict.
    pub thing: Thing,
    /// Who sent it.
    pub owner: AccountId,
    /// The reason of the verdict, such as `screening.many_links`: the check that an overturned verdict exempts from.
    pub check: String,
    /// Why, as the sender read it.
    pub statement: String,
    /// What it was.
    #[serde(default)]
    pub evidence: Evidence,
    /// Whether it was stored and waits: a moderator reads it, and it reaches no one before.
    #[serde(default)]
    pub is_held: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Screened {
    const SUBJECT: &'static str = "moderation.screened";
}

/// What is decided about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModerationAction, example = "remove")]
pub enum Action {
    /// It breaks no rule, and nothing is done.
    Keep,
    /// The member is told that it breaks a rule.
    Warn,
    /// It is removed.
    Remove,
    /// The account is limited.
    Limit,
    /// The account is suspended.
    Suspend,
    /// The account is banned.
    Ban,
    /// A check has stopped it; no moderator has seen it.
    Screened,
    /// Of an appeal: the decision stays.
    Uphold,
    /// Of an appeal: the decision is undone.
    Overturn,
}

crate::string_enum!(
    Action:
    Keep => "keep", Warn => "warn", Remove => "remove", Limit => "limit", Suspend => "suspend", Ban => "ban",
    Screened => "screened", Uphold => "uphold", Overturn => "overturn"
);

impl Action {
    /// All actions.
    pub const ALL: [Self; 9] = [
        Self::Keep,
        Self::Warn,
        Self::Remove,
        Self::Limit,
        Self::Suspend,
        Self::Ban,
        Self::Screened,
        Self::Uphold,
        Self::Overturn,
    ];

    /// Returns the state that it gives an account; `None` if it changes none.
    pub fn account_state(self) -> Option<AccountState> {
        match self {
            Self::Limit => Some(AccountState::Limited),
            Self::Suspend => Some(AccountState::Suspended),
            Self::Ban => Some(AccountState::Banned),
            Self::Keep | Self::Warn | Self::Remove | Self::Screened | Self::Uphold | Self::Overturn => None,
        }
    }

    /// Whether it is a decision against the owner of the thing, which they are told of and may appeal.
    pub fn is_adverse(self) -> bool {
        !matches!(self, Self::Keep | Self::Uphold | Self::Overturn)
    }
}

/// `moderation.decided`: a moderator has decided about something that was reported, or that a check holds. The role
/// that has it removes it if `removes` says so, and closes its reports; `accounts` gives the owner the state of the
/// action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The decision's id.
    pub id: Uuid,
    /// The case.
    pub case: Uuid,
    /// What it is about.
    pub thing: Thing,
    /// Whose it is.
    pub owner: AccountId,
    /// What is done.
    pub action: Action,
    /// Which rule it breaks.
    pub reason: ReportReason,
    /// What the owner reads; empty if nothing is done.
    pub statement: String,
    /// When a state of the account ends by itself.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Whether the thing is removed.
    #[serde(default)]
    pub removes: bool,
    /// Media whose bytes are refused from now on, no matter which member sends them, and whose pictures are listed:
    /// what is like them is shown to its owner only.
    #[serde(default)]
    pub blocked_media: Vec<MediaId>,
    /// The moderator; the nil id for what was refused because too much of the owner's was held.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Decided {
    const SUBJECT: &'static str = "moderation.decided";
}

/// `moderation.overturned`: a decision or the verdict of a check was undone by an appeal. `accounts` ends the sanction
/// of the decision; the role whose check it was exempts the thing, and its owner, from that check. What was removed
/// stays gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overturned {
    /// The decision or verdict.
    pub id: Uuid,
    /// What it was about.
    pub thing: Thing,
    /// Whose it is.
    pub owner: AccountId,
    /// What was decided.
    pub action: Action,
    /// The check, if it was a verdict.
    #[serde(default)]
    pub check: Option<String>,
    /// Media whose bytes are accepted again, and whose pictures are listed no more.
    #[serde(default)]
    pub unblocked_media: Vec<MediaId>,
    /// The moderator who has decided about the appeal.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Overturned {
    const SUBJECT: &'static str = "moderation.overturned";
}

/// `moderation.released`: a moderator has read what a check holds, and lets it go. The role that holds it delivers it
/// once, and exempts its owner from nothing: it was fine to send, and the check was not wrong to stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The verdict.
    pub id: Uuid,
    /// What it holds.
    pub thing: Thing,
    /// Whose it is.
    pub owner: AccountId,
    /// The moderator.
    pub by: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Released {
    const SUBJECT: &'static str = "moderation.released";
}

/// `moderation.report_answered`: what a member has reported was decided about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportAnswered {
    /// The report's id.
    pub report: Uuid,
    /// Who had reported it.
    pub reporter: AccountId,
    /// Whether it broke a rule.
    pub is_upheld: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for ReportAnswered {
    const SUBJECT: &'static str = "moderation.report_answered";
}

/// `moderation.appeal_answered`: an appeal was decided about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppealAnswered {
    /// The decision or verdict.
    pub decision: Uuid,
    /// Whose appeal it was.
    pub member: AccountId,
    /// Whether the decision was undone.
    pub is_overturned: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for AppealAnswered {
    const SUBJECT: &'static str = "moderation.appeal_answered";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_match_the_json_form() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
            assert_eq!(action.as_str().parse(), Ok(action));
        }
    }

    #[test]
    fn a_copy_has_bounds() {
        let media = (0..30).map(|_| MediaId::random());
        let copy = Evidence::of(&"é".repeat(5_000), media, None);
        assert_eq!((copy.text.chars().count(), copy.media.len()), (MAX_EVIDENCE_CHARS, MAX_EVIDENCE_MEDIA));
    }
}
