//! Verdicts in the transaction of what they are about: what roles remember of senders, and how an attempt is decided
//! with it.
//!
//! Owns the statements over the tables of verdicts, which each role has in its own database under the names that it
//! gives in [`Home`], and the order of the steps: facts, verdict, next state, record. Owns no rule (`screening`), and
//! no table: the migrations are the roles'. Invariant: the caller of [`Submission::screen`] holds the lane of the
//! sender, so parallel attempts spend one budget.

pub mod senders;
mod submission;
pub mod texts;
pub mod verdicts;

use chrono::{DateTime, Utc};
use screening::reason::Reason;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use self::submission::{FIRST_TEXT_AGE, NotStored, Reach, Submission};

/// Where a role keeps what verdicts need.
#[derive(Debug)]
pub struct Home {
    /// The role, as moderation names it.
    pub role: &'static str,
    /// The table of senders.
    pub sender: &'static str,
    /// The table of texts of all members.
    pub text: &'static str,
    /// The table of domains that were linked to.
    pub domain: &'static str,
    /// The table of verdicts.
    pub verdict: &'static str,
    /// Its column for what a thing stands in, such as a conversation.
    pub place: &'static str,
    /// Its column for the thing, null where it was not stored.
    pub object: &'static str,
}

/// Returns what the sender learns of a verdict besides its sentence: members of a problem. What is slowed down has no
/// verdict to appeal against.
pub fn problem_members(reason: Reason, verdict: Option<Uuid>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("reason".to_owned(), json!(reason.code()));
    members.insert("can_appeal".to_owned(), json!(verdict.is_some() && reason.can_appeal()));
    if let Some(verdict) = verdict {
        members.insert("verdict".to_owned(), json!(verdict));
    }
    members
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Returns how many whole days old an account is, by the time in its id (RFC 9562, version 7); 0 for other ids. It is
/// never more than the account's age.
pub fn account_age_days(account: Uuid, now: DateTime<Utc>) -> u32 {
    if account.get_version_num() != 7 {
        return 0;
    }
    let created_ms = (account.as_u128() >> 80) as i64;
    u32::try_from((now.timestamp_millis() - created_ms) / DAY_MS).unwrap_or(0)
}

/// Returns the number by which windows of recent texts know an account or a thing: the random half of its id.
pub fn party(id: Uuid) -> u64 {
    id.as_u128() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_an_account_is_in_its_id() {
        let account: Uuid = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10".parse().unwrap();
        let created = DateTime::from_timestamp_millis(0x0198_b2a4_6f0e).unwrap();
        assert_eq!(account_age_days(account, created + chrono::TimeDelta::hours(47)), 1);
        assert_eq!(account_age_days(account, created - chrono::TimeDelta::days(3)), 0);
        assert_eq!(account_age_days(Uuid::from_u128(7), created), 0);
        assert_eq!(party(Uuid::from_u128(7)), 7);
    }
}
