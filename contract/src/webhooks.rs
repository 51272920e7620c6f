//! The events of `webhooks`: a webhook was disabled because its receiver does not take what is sent.
//!
//! Invariant: an event is published in the transaction of its change. It has the receiver's host and nothing else of
//! its URL, which may hold a secret.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Event};

/// Why a webhook was disabled without an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Its receiver answered 410.
    Gone,
    /// No delivery succeeded for about three days.
    Failing,
    /// More deliveries wait for its receiver than may wait.
    Backlog,
}

crate::string_enum!(DisabledReason: Gone => "gone", Failing => "failing", Backlog => "backlog");

/// `webhooks.disabled`: a webhook gets no deliveries until an operator enables it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// The id of the webhook.
    pub id: Uuid,
    /// The operator who made it or enabled it last; `None` if that account is erased.
    pub operator: Option<AccountId>,
    /// The host of its URL.
    pub host: String,
    /// Why.
    pub reason: DisabledReason,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for Disabled {
    const SUBJECT: &'static str = "webhooks.disabled";
}
