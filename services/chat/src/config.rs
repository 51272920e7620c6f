//! The `[chat]` section.
//!
//! Invariant: every bound of this role that an operator may change is here.

use std::time::Duration;

use base::config::Section;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits on conversations, and how long messages are kept.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How many members a group may have, 2 to 50.
    pub max_members: u32,
    /// How many messages a member may report within an hour; 0 for any number.
    pub max_reports_per_hour: u32,
    /// After how many days messages are removed; 0 for never.
    pub message_days: u32,
    /// After how many seconds without a frame or a pong a WebSocket is ended, at least 15. After a third of it the
    /// client is asked for a pong.
    pub socket_idle_seconds: u32,
    /// How many seconds a client may take to read a frame of a WebSocket before it is cut, at least 1.
    pub socket_write_seconds: u32,
    /// After how many days without a link to it a site is new again for verdicts, at least 7.
    pub domain_days: u32,
}

/// The most members of a group.
const MAX_MEMBERS: u32 = 50;
/// The fewest days for which a site is known: more than it is new for, and than its last link is known exactly.
const MIN_DOMAIN_DAYS: u32 = 7;
/// The most days that count: a hundred years. A time before it can be computed from any now.
const MAX_DAYS: u32 = 36_500;

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("chat")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_members: MAX_MEMBERS,
            max_reports_per_hour: 50,
            message_days: 0,
            domain_days: 365,
            socket_idle_seconds: 75,
            socket_write_seconds: 10,
        }
    }
}

impl Config {
    /// Returns how many members a group may have.
    pub(crate) fn max_members(&self) -> usize {
        self.max_members.clamp(2, MAX_MEMBERS) as usize
    }

    /// Returns how long a socket may be silent.
    pub(crate) fn socket_idle(&self) -> Duration {
        Duration::from_secs(self.socket_idle_seconds.max(15).into())
    }

    /// Returns how long a client may take to read a frame.
    pub(crate) fn socket_write(&self) -> Duration {
        Duration::from_secs(self.socket_write_seconds.max(1).into())
    }

    /// Returns how long messages are kept; `None` for ever.
    pub(crate) fn message_age(&self) -> Option<TimeDelta> {
        (self.message_days > 0).then(|| TimeDelta::days(i64::from(self.message_days.min(MAX_DAYS))))
    }

    /// Returns how long a site is known after the last link to it.
    pub(crate) fn domain_age(&self) -> TimeDelta {
        TimeDelta::days(self.domain_days.clamp(MIN_DOMAIN_DAYS, MAX_DAYS).into())
    }
}
