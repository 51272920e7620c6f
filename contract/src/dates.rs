//! The event that something has a date for which members plan: one subject for all roles, as for operators' acts.
//!
//! Invariant: it is published in the transaction that sets the date, by the role that owns what has it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Event};

/// The most members of a [`DateChanged`].
pub const MAX_DATE_MEMBERS: usize = 1_000;

/// `dates.changed`: something has a date, another one, or none any more. Reminders that members have set relative to it
/// are moved or cancelled with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateChanged {
    /// The id of what has the date.
    pub subject: Uuid,
    /// When it is; `None` if it is cancelled or gone.
    pub date: Option<DateTime<Utc>>,
    /// The time zone (IANA) of the place where it is.
    pub zone: String,
    /// Who may set reminders relative to it, at most [`MAX_DATE_MEMBERS`]: those who see the date. The reminders of
    /// others end.
    pub members: Vec<AccountId>,
    /// Increases with every change, so that a subscriber can discard an older event that arrives late.
    pub version: i64,
}

impl Event for DateChanged {
    const SUBJECT: &'static str = "dates.changed";
}
