//! The audit trail: entries in a chain of hashes, one for each act of an operator.
//!
//! An entry's hash is over all of its fields and the hash of the entry before it. Invariant: an entry
//! that is changed, removed or put in does not fit, unless all later ones are written anew; then the last hash differs.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What stands in place of a hash before the first entry.
pub(crate) const FIRST_PREVIOUS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditEntry {
    /// Its number, from 1, without gaps.
    pub number: i64,
    /// When the act was done, to the microsecond.
    pub at: DateTime<Utc>,
    /// The account that acted; `None` for a command on the machine.
    pub actor_id: Option<Uuid>,
    /// Its handle, or `machine:` and a local user.
    pub actor: String,
    /// Its roles, separated by spaces.
    pub roles: String,
    /// The client's IP address.
    pub address: Option<String>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// What was done, such as `accounts.roles_changed`.
    pub action: String,
    /// The kind of thing that it was done to.
    pub target_kind: Option<String>,
    /// Its id.
    pub target_id: Option<String>,
    /// What was changed, before; JSON.
    pub before: Option<String>,
    /// The same, after; JSON.
    pub after: Option<String>,
    /// Why.
    pub reason: String,
    /// The hash of the entry before.
    pub previous_hash: String,
    /// The hash of this one: 64 hexadecimal digits.
    pub hash: String,
}

impl AuditEntry {
    /// Returns the entry with its hash.
    pub(crate) fn sealed(self) -> Self {
        Self { hash: self.digest(), ..self }
    }

    /// Returns the SHA-256 of the canonical form: a JSON array of all fields but the hash, in the order of the type.
    fn digest(&self) -> String {
        let fields = serde_json::json!([
            self.number,
            self.at.timestamp_micros(),
            self.actor_id,
            self.actor,
            self.roles,
            self.address,
            self.user_agent,
            self.request_id,
            self.action,
            self.target_kind,
            self.target_id,
            self.before,
            self.after,
            self.reason,
            self.previous_hash,
        ]);
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(fields.to_string()) {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// What an audit trail is searched for. `None` leaves a field open.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditFilter {
    /// The actor's handle or id.
    pub who: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// The id of what it was done to.
    pub on: Option<String>,
    /// Not before this time.
    pub since: Option<DateTime<Utc>>,
    /// Not at or after this time.
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// Returns the texts that are searched for.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.who, &self.action, &self.on].into_iter().filter_map(|text| text.as_deref())
    }
}

/// A walk along the chain, from its first entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainCheck {
    /// The number of the last entry that fits.
    pub number: i64,
    /// Its hash.
    pub hash: String,
}

impl ChainCheck {
    /// Returns a walk that has seen no entry.
    pub(crate) fn new() -> Self {
        Self { number: 0, hash: FIRST_PREVIOUS_HASH.to_owned() }
    }

    /// Takes the next entry. Returns `false` if it does not follow from the one before, or is not as it was written.
    pub(crate) fn accept(&mut self, entry: &AuditEntry) -> bool {
        let follows = entry.number == self.number + 1 && entry.previous_hash == self.hash;
        let fits = follows && entry.hash == entry.digest();
        if fits {
            *self = Self { number: entry.number, hash: entry.hash.clone() };
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: i64) -> Vec<AuditEntry> {
        let mut chain: Vec<AuditEntry> = Vec::new();
        for number in 1..=count {
            let previous = chain.last().map_or(FIRST_PREVIOUS_HASH, |entry| &entry.hash);
            let entry = AuditEntry {
                number,
                at: DateTime::UNIX_EPOCH,
                actor_id: None,
                actor: "machine:root".into(),
                roles: String::new(),
                address: None,
                user_agent: None,
                request_id: None,
                action: "accounts.roles_changed".into(),
                target_kind: Some("account".into()),
                target_id: Some(format!("{number}")),
                before: None,
                after: Some("{}".into()),
                reason: "because".into(),
                previous_hash: previous.to_owned(),
                hash: String::new(),
            };
            chain.push(entry.sealed());
        }
        chain
    }

    /// Returns how many entries fit.
    fn accepted(entries: &[AuditEntry]) -> i64 {
        let mut check = ChainCheck::new();
        entries.iter().take_while(|entry| check.accept(entry)).count() as i64
    }

    #[test]
    fn a_trail_fits_as_it_was_written_only() {
        let trail = entries(5);
        assert_eq!(accepted(&trail), 5);
        let mut changed = trail.clone();
        changed[2].reason = "another".into();
        assert_eq!(accepted(&changed), 2);
        // With a hash of its own it fits, and the next one does not.
        changed[2] = changed[2].clone().sealed();
        assert_eq!(accepted(&changed), 3);
        let mut removed = trail.clone();
        removed.remove(1);
        assert_eq!(accepted(&removed), 1);
        let mut swapped = trail;
        swapped.swap(0, 1);
        assert_eq!(accepted(&swapped), 0);
    }

    #[test]
    fn a_text_that_moves_to_another_field_changes_the_hash() {
        let entry = entries(1).remove(0);
        let moved = AuditEntry { before: entry.after.clone(), after: None, ..entry.clone() };
        assert_ne!(moved.digest(), entry.hash);
    }
}
