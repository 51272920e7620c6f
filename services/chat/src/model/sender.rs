//! Who sends, and what a verdict needs to know of ids.
//!
//! Invariant: the age of an account is never greater than it is.

use chrono::{DateTime, Utc};
use contract::AccountId;
use uuid::Uuid;

/// A member who sends something, as their access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Author {
    /// The account.
    pub account: AccountId,
    /// Whether the member has confirmed a mail address.
    pub is_confirmed: bool,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Returns how many whole days old an account is, by the time in its id (RFC 9562, version 7); 0 for other ids.
pub(crate) fn account_age_days(account: AccountId, now: DateTime<Utc>) -> u32 {
    if account.0.get_version_num() != 7 {
        return 0;
    }
    let created_ms = (account.0.as_u128() >> 80) as i64;
    u32::try_from((now.timestamp_millis() - created_ms) / DAY_MS).unwrap_or(0)
}

/// Returns the number by which windows of recent texts know an account or a conversation: the random half of its id.
pub(crate) fn party(id: Uuid) -> u64 {
    id.as_u128() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_an_account_is_in_its_id() {
        let account = AccountId("0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10".parse().unwrap());
        let created = DateTime::from_timestamp_millis(0x0198_b2a4_6f0e).unwrap();
        assert_eq!(account_age_days(account, created + chrono::TimeDelta::hours(47)), 1);
        assert_eq!(account_age_days(account, created - chrono::TimeDelta::days(3)), 0);
        assert_eq!(account_age_days(AccountId(Uuid::from_u128(7)), created), 0);
        assert_eq!(party(Uuid::from_u128(7)), 7);
    }
}
