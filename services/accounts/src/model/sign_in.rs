//! Sign-ins as their member sees them, and when one is worth a mail.
//!
//! Invariant: a network is shown as its /24 or /48, never as a whole address.

use chrono::{DateTime, Utc};
use contract::AccountId;
use uuid::Uuid;

/// A sign-in, or attempts that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// The id of the row, which sorts by time.
    pub id: Uuid,
    /// The name of the device.
    pub device: String,
    /// The network.
    pub network: String,
    /// Whether the password, and a second factor that the account needs, were right.
    pub succeeded: bool,
    /// How many attempts it counts: 1 for a sign-in.
    pub attempts: i64,
    /// When it was; of several attempts, the last one.
    pub last_at: DateTime<Utc>,
}

/// Where a client is, as its member recognizes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Whereabouts {
    /// The name of the device.
    pub device: String,
    /// The network: `203.0.113.0/24`, `2001:db8:1::/48`, or `unknown`.
    pub network: String,
}

/// Attempts to sign in that failed, of one account and place, not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedSignIns {
    /// The account.
    pub account: AccountId,
    /// The device and network.
    pub from: Whereabouts,
    /// How many attempts.
    pub attempts: i64,
    /// When the last one was.
    pub last_at: DateTime<Utc>,
}

/// The earlier sign-ins of an account, compared with a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Familiarity {
    /// How many sign-ins are stored.
    pub sign_ins: i64,
    /// How many of them came from the same device and network.
    pub same: i64,
}

impl Familiarity {
    /// Whether the member should hear of the new sign-in: there were others, and none from this device and network.
    pub(crate) fn is_new_device(self) -> bool {
        self.sign_ins > 0 && self.same == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_in_of_all_is_no_news() {
        let is_new = |sign_ins, same| Familiarity { sign_ins, same }.is_new_device();
        assert!(!is_new(0, 0) && !is_new(3, 1) && is_new(3, 0));
    }
}
