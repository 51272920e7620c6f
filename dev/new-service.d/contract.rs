//! The events of `newservice`: a member has added an entry.
//!
//! Invariant: an event is published in the transaction of its change. It has no text, which is the member's own.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Event};

/// `newservice.added`: a member has added an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The id of the entry.
    pub id: Uuid,
    /// The account that it belongs to.
    pub owner: AccountId,
    /// When it was added.
    pub at: DateTime<Utc>,
}

impl Event for Added {
    const SUBJECT: &'static str = "newservice.added";
}
