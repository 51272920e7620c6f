//! The keys of the table's items, and the months that divide the notices of a member.
//!
//! An item has a partition `pk` and a place `sk` in it. Ids are written with 36 characters, so they sort as the ids
//! do; no part of a key has a `#` but as its end. Invariant: every key follows from what the caller knows, so nothing
//! is found by a secondary index, whose reads would be behind.

use chrono::{DateTime, Datelike as _};
use contract::AccountId;
use uuid::Uuid;

use crate::history::NewEntry;

/// Partitions of what is about one actor or one subject, so that a post to many followers is written at once.
pub(super) const SHARDS: u8 = 8;
/// What is in the place of an entry in the key of a shared notice.
pub(super) const SHARED: &str = "shared";
/// What is in the place of an actor who is not a member.
const NO_ACTOR: &str = "-";
const SECONDS_PER_DAY: i64 = 86_400;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

/// Returns the partition of the counts of members whose id ends with a byte.
pub(super) fn recipients(last_byte: u8) -> String {
    format!("recipient#{last_byte:02x}")
}

/// Returns the byte that says in which partition a member's counts are.
pub(super) fn last_byte(member: AccountId) -> u8 {
    member.0.as_bytes()[15]
}

/// Returns the key of the counts and the cursors of a member.
pub(super) fn recipient(member: AccountId) -> Key {
    Key { pk: recipients(last_byte(member)), sk: member.to_string() }
}

/// Returns the partition of a month of a member's notices.
pub(super) fn notices(member: AccountId, is_filtered: bool, month: Month) -> String {
    let list = if is_filtered { "#filtered" } else { "" };
    format!("{member}{list}#{}", month.name())
}

/// Returns the key of a notice.
pub(super) fn notice(member: AccountId, is_filtered: bool, id: Uuid) -> Key {
    Key { pk: notices(member, is_filtered, Month::of(id)), sk: id.to_string() }
}

/// Returns the partition of the entries of a member.
pub(super) fn entries(member: AccountId) -> String {
    format!("{member}#entry")
}

/// Returns the partition of the notices of a member that may grow.
pub(super) fn opens(member: AccountId) -> String {
    format!("{member}#open")
}

/// Returns the key of the notice that grows with a group key. Filtered ones grow by themselves.
pub(super) fn open(member: AccountId, group_key: &str, is_filtered: bool) -> Key {
    let list = if is_filtered { "filtered" } else { "main" };
    Key { pk: opens(member), sk: format!("{list}#{group_key}") }
}

/// Returns the partition of the groups of a member that don't grow any more.
pub(super) fn closed_groups(member: AccountId) -> String {
    format!("{member}#closed")
}

/// Returns the key under which the last place of such a group is.
pub(super) fn closed_group(member: AccountId, group: Uuid) -> Key {
    Key { pk: closed_groups(member), sk: group.to_string() }
}

/// What identifies an entry within the entries of a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryName {
    pub(super) actor: Option<AccountId>,
    pub(super) group_key: String,
    pub(super) entry: String,
}

impl EntryName {
    /// Of a new entry.
    pub(super) fn of(entry: &NewEntry) -> Self {
        Self { actor: entry.actor, group_key: entry.group_key.clone(), entry: entry.entry.clone() }
    }

    /// Reads the place of an entry in its partition.
    pub(super) fn parse(sk: &str) -> Option<Self> {
        let (actor, rest) = sk.split_once('#')?;
        let (group_key, entry) = rest.rsplit_once('#')?;
        let actor = if actor == NO_ACTOR { None } else { Some(AccountId(actor.parse().ok()?)) };
        Some(Self { actor, group_key: group_key.to_owned(), entry: entry.to_owned() })
    }

    /// Returns its place among the entries of a member.
    pub(super) fn sk(&self) -> String {
        format!("{}{}", prefix_of(self.actor, &self.group_key), self.entry)
    }

    /// Returns its key.
    pub(super) fn key(&self, member: AccountId) -> Key {
        Key { pk: entries(member), sk: self.sk() }
    }

    /// Returns the keys of the items that name it under its actor and under its entry.
    pub(super) fn references(&self, member: AccountId) -> Vec<Key> {
        let sk = format!("{member}#{}", self.sk());
        let by_actor = self.actor.map(|actor| Key { pk: by_actor(actor, shard(member)), sk: sk.clone() });
        // An entry that is its actor is found by that; a shared notice is found by its subject.
        let has_own_name = self.entry != SHARED && self.actor.is_none_or(|actor| actor.to_string() != self.entry);
        let by_entry = has_own_name.then(|| Key { pk: by_entry(&self.entry), sk });
        by_actor.into_iter().chain(by_entry).collect()
    }
}

/// Returns how the places of an actor's entries in a group begin.
pub(super) fn prefix_of(actor: Option<AccountId>, group_key: &str) -> String {
    let actor = actor.map_or_else(|| NO_ACTOR.to_owned(), |actor| actor.to_string());
    format!("{actor}#{group_key}#")
}

/// Returns the partition of what an actor is named in.
pub(super) fn by_actor(actor: AccountId, shard: u8) -> String {
    format!("actor#{actor}#{shard}")
}

/// Returns the partition of the entries with a name, such as the id of a comment.
pub(super) fn by_entry(entry: &str) -> String {
    format!("entry#{entry}")
}

/// Returns the partition of the notices about a subject.
pub(super) fn by_subject(subject: &str, shard: u8) -> String {
    format!("subject#{subject}#{shard}")
}

/// Returns the key of the item that names a notice under its subject.
pub(super) fn subject_reference(subject: &str, member: AccountId, group: Uuid) -> Key {
    Key { pk: by_subject(subject, shard(member)), sk: format!("{member}#{group}") }
}

/// Returns in which of the partitions of an actor or a subject a member is.
pub(super) fn shard(member: AccountId) -> u8 {
    last_byte(member) % SHARDS
}

/// A month, counted from year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(i32);

impl Month {
    /// Returns the month of an id's time.
    pub(super) fn of(id: Uuid) -> Self {
        let time = DateTime::from_timestamp_millis(millis_of(id)).unwrap_or_default();
        Self(time.year() * 12 + time.month0() as i32)
    }

    /// Returns the months from the one of `low` to the one of `high`, the newest first.
    pub(super) fn between(low: Uuid, high: Uuid) -> impl DoubleEndedIterator<Item = Self> {
        (Self::of(low).0..=Self::of(high).0).rev().map(Self)
    }

    fn name(self) -> String {
        format!("{:04}{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// Returns the time of a UUIDv7 in milliseconds (RFC 9562, section 5.7).
fn millis_of(id: Uuid) -> i64 {
    (id.as_u128() >> 80) as i64
}

/// Returns the day of an id's time, counted from 1970.
fn day_of(id: Uuid) -> i64 {
    millis_of(id) / (SECONDS_PER_DAY * 1000)
}

/// Returns when a notice expires that is kept for `days`, in seconds since 1970: at a midnight, so that counts change
/// once a day at most.
pub(super) fn expiry_of(id: Uuid, days: u32) -> i64 {
    (day_of(id) + i64::from(days) + 1) * SECONDS_PER_DAY
}

/// Returns when the entries of a group may go: after every notice that counts them. A group grows for `days`, and is
/// kept for as many after that.
pub(super) fn entry_expiry_of(id: Uuid, days: u32) -> i64 {
    expiry_of(id, days.saturating_mul(2)) + 2 * SECONDS_PER_DAY
}

/// Returns an id that is below those of all notices that are kept for `days` at a time, which is in seconds.
pub(super) fn first_kept_id(now: i64, days: u32) -> Uuid {
    let from = (now / SECONDS_PER_DAY - i64::from(days) - 1).max(0) * SECONDS_PER_DAY * 1000;
    Uuid::from_u128((from as u128) << 80)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn id(days: i64) -> Uuid {
        let millis = TimeDelta::days(days).num_milliseconds() as u64;
        uuid::Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid()
    }

    #[test]
    fn a_notice_is_in_the_month_of_its_id_and_expires_at_a_midnight() {
        let member = AccountId(Uuid::from_u128(1));
        // 2024-10-04.
        assert!(notice(member, false, id(20_000)).pk.ends_with("#202410"));
        assert!(notice(member, true, id(20_000)).pk.ends_with("#filtered#202410"));
        let names: Vec<String> = Month::between(id(19_900), id(20_000)).map(Month::name).collect();
        assert_eq!(names, ["202410", "202409", "202408", "202407", "202406"]);
        assert_eq!(expiry_of(id(20_000), 90), 20_091 * SECONDS_PER_DAY);
        let now = 20_090 * SECONDS_PER_DAY;
        assert!(first_kept_id(now, 90) < id(20_000) && first_kept_id(now, 90) > id(19_998));
        assert_eq!(first_kept_id(0, 90), Uuid::nil());
    }

    #[test]
    fn the_name_of_an_entry_comes_back_from_its_place() {
        let (member, bob) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let names = [(Some(bob), bob.to_string(), 1), (Some(bob), "c1".to_owned(), 2), (None, "x".to_owned(), 1)];
        for (actor, entry, references) in names {
            let name = EntryName { actor, group_key: "commented:post".to_owned(), entry };
            assert_eq!(EntryName::parse(&name.sk()).as_ref(), Some(&name));
            assert_eq!(name.references(member).len(), references, "{name:?}");
        }
        assert_eq!(EntryName::parse("nothing"), None);
    }
}
