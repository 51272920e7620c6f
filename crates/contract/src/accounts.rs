//! What `accounts` publishes: a person has left and everything of theirs must go.
//!
//! Invariant: [`Erased`] is published in the transaction that removes the account, so it is
//! never heard about somebody who is still here, and the id is never used again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Event};

/// `accounts.erased`: the account is gone; every service removes what it keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The account that was.
    pub account: AccountId,
    /// Its last handle, for copies that are kept by handle. Somebody else may take it later.
    pub handle: String,
    /// When it was erased.
    pub at: DateTime<Utc>,
}

impl Event for Erased {
    const SUBJECT: &'static str = "accounts.erased";
}
