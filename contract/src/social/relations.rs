//! The events of who follows, blocks, mutes and has whom as a close friend.
//!
//! Invariant: they say what one member has decided about another, in the order of those decisions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Event};

/// `social.followed`: one member follows another from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Who follows.
    pub follower: AccountId,
    /// Who is followed.
    pub followee: AccountId,
    /// Whether the followee has accepted a request.
    #[serde(default)]
    pub by_request: bool,
    /// Since when.
    pub at: DateTime<Utc>,
}

impl Event for Followed {
    const SUBJECT: &'static str = "social.followed";
}

/// `social.unfollowed`: one member does not follow another any more, because either of them has ended it or blocked
/// the other. An erased account publishes none: `accounts.erased` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfollowed {
    /// Who followed.
    pub follower: AccountId,
    /// Who was followed.
    pub followee: AccountId,
    /// When it ended.
    pub at: DateTime<Utc>,
}

impl Event for Unfollowed {
    const SUBJECT: &'static str = "social.unfollowed";
}

/// `social.follow_requested`: a member asks to follow another, whose profile is private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowRequested {
    /// Who asks.
    pub follower: AccountId,
    /// Who is asked.
    pub followee: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for FollowRequested {
    const SUBJECT: &'static str = "social.follow_requested";
}

/// `social.blocked`: one member has blocked another. Neither sees the other from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Who has blocked.
    pub blocker: AccountId,
    /// Who is blocked.
    pub blocked: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Blocked {
    const SUBJECT: &'static str = "social.blocked";
}

/// `social.unblocked`: a block has ended. That in the other direction, if there is one, has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unblocked {
    /// Who had blocked.
    pub blocker: AccountId,
    /// Who was blocked.
    pub blocked: AccountId,
    /// When it ended.
    pub at: DateTime<Utc>,
}

impl Event for Unblocked {
    const SUBJECT: &'static str = "social.unblocked";
}

/// `social.muted`: a member has muted another, until a time or for good. No role shows it to anybody but the member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Who has muted.
    pub member: AccountId,
    /// Who is muted.
    pub muted: AccountId,
    /// When it ends by itself; `None` for no end.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Muted {
    const SUBJECT: &'static str = "social.muted";
}

/// `social.unmuted`: a mute has ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmuted {
    /// Who had muted.
    pub member: AccountId,
    /// Who was muted.
    pub muted: AccountId,
    /// When it ended.
    pub at: DateTime<Utc>,
}

impl Event for Unmuted {
    const SUBJECT: &'static str = "social.unmuted";
}

/// `social.close_changed`: a member has made another a close friend, or no longer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseChanged {
    /// Who picks.
    pub member: AccountId,
    /// Who is picked.
    pub friend: AccountId,
    /// Whether they are a close friend now.
    pub is_close: bool,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for CloseChanged {
    const SUBJECT: &'static str = "social.close_changed";
}
