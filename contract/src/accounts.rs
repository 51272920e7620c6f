//! The events of `accounts`: an account was erased and all data about it must be removed; a profile became private or
//! no longer is. And the subject of avatars.
//!
//! Invariant: [`Erased`] is published in the transaction that removes the account, so the event never concerns an
//! account that still exists, and the id is never used again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Event};

/// The subject that clients claim the photo of an avatar for. Such items are in no library.
pub const AVATAR_SUBJECT: &str = "account:avatar";

/// `accounts.erased`: the account is gone; every service removes what it stores about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The id of the erased account.
    pub account: AccountId,
    /// The account's last handle, for copies stored by handle. Another account may take it later.
    pub handle: String,
    /// When the account was erased.
    pub at: DateTime<Utc>,
}

impl Event for Erased {
    const SUBJECT: &'static str = "accounts.erased";
}

/// `accounts.privacy_changed`: the member has made the profile private, or no longer private. What lists the member's
/// things for others lists nothing while it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyChanged {
    /// The account's id.
    pub account: AccountId,
    /// Whether the profile is private now.
    pub is_private: bool,
    /// When the member changed it. A subscriber discards an older event that arrives late.
    pub at: DateTime<Utc>,
}

impl Event for PrivacyChanged {
    const SUBJECT: &'static str = "accounts.privacy_changed";
}
