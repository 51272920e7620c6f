//! The table of the members who are online, in this process and in the others.
//!
//! A process says at every beat who is connected to it, and at once who has come. Invariant: a member is online while
//! connected here, and until [`LINGER`] after a process last said so, so what a killed process said ends by itself; the
//! table and what waits in it are bounded; nothing here reads a clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::messages::PresenceChange;

/// How long a member counts as online after a process said so: three beats. Who connects again within this time was
/// never away.
pub(crate) const LINGER: TimeDelta = TimeDelta::seconds(60);
/// How often the row of a member who stays online is written, and the least time between two writes of it.
pub(crate) const SEEN_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// The most members who are known to be online. Each takes some 100 bytes.
const MAX_ONLINE: usize = 200_000;
/// The most other processes whose end is noticed.
const MAX_PROCESSES: usize = 256;
/// The most members whose change waits to be told. Beyond them the streams of this process read all presence again.
const MAX_CHANGES: usize = 20_000;

/// The table of a process; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PresenceTable(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// Members have come who are not announced yet.
    has_arrived: Notify,
    /// There are changes to tell, or rows to write.
    has_work: Notify,
}

#[derive(Debug, Default)]
struct Table {
    /// How many active connections each member has in this process.
    here: HashMap<AccountId, u32>,
    online: HashMap<AccountId, Online>,
    /// When each other process was heard of last.
    processes: HashMap<String, DateTime<Utc>>,
    /// Members who have come and are not announced yet.
    arrived: BTreeSet<AccountId>,
    /// Changes that are not told yet, the newest of each member.
    changes: BTreeMap<AccountId, PresenceChange>,
    /// When members were online last, as far as it is to be written.
    seen: BTreeMap<AccountId, DateTime<Utc>>,
    /// Whether changes may have been missed.
    has_missed: bool,
}

/// A member who is online.
#[derive(Debug)]
struct Online {
    until: DateTime<Utc>,
    /// Whether this process has announced them, so that it tells when they are gone.
    is_own: bool,
    /// When this process last had their row written.
    written_at: DateTime<Utc>,
}

/// What a beat brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beat {
    /// Who is connected to this process.
    pub here: Vec<AccountId>,
    /// Whether the streams of this process read all presence again.
    pub has_missed: bool,
}

impl Table {
    /// Records that a member is online. Returns whether they were not.
    fn set_online(&mut self, member: AccountId, is_own: bool, now: DateTime<Utc>) -> bool {
        let until = now + LINGER;
        if let Some(online) = self.online.get_mut(&member) {
            let was_away = online.until <= now;
            online.until = online.until.max(until);
            online.is_own |= is_own;
            return was_away;
        }
        if self.online.len() < MAX_ONLINE {
            self.online.insert(member, Online { until, is_own, written_at: now });
        }
        true
    }

    fn add_change(&mut self, member: AccountId, change: PresenceChange) {
        if self.changes.len() < MAX_CHANGES || self.changes.contains_key(&member) {
            self.changes.insert(member, change);
        } else {
            self.has_missed = true;
        }
    }

    fn add_seen(&mut self, member: AccountId, at: DateTime<Utc>) {
        if self.seen.len() < MAX_CHANGES || self.seen.contains_key(&member) {
            self.seen.insert(member, at);
        }
    }

    /// Takes out who is not online any more. This process tells of those whom it has announced.
    fn remove_ended(&mut self, now: DateTime<Utc>) {
        let ended: Vec<(AccountId, Online)> = self.online.extract_if(|_, online| online.until <= now).collect();
        for (member, online) in ended {
            if online.is_own {
                self.add_change(member, PresenceChange::Away);
                self.add_seen(member, online.until - LINGER);
            }
        }
        let process_count = self.processes.len();
        self.processes.retain(|_, heard_at| *heard_at + LINGER > now);
        // None is left to tell of the members of a process that has ended.
        self.has_missed |= self.processes.len() < process_count;
    }
}

impl PresenceTable {
    /// Records that a connection of a member is active here, until what is returned is dropped.
    pub(crate) fn enter(&self, member: AccountId, now: DateTime<Utc>) -> ActiveConnection {
        let mut table = self.0.table.lock();
        let count = table.here.entry(member).or_insert(0);
        *count += 1;
        let is_first = *count == 1;
        if table.set_online(member, true, now) && is_first {
            table.add_change(member, PresenceChange::Online);
            self.0.has_work.notify_one();
        }
        table.arrived.insert(member);
        drop(table);
        self.0.has_arrived.notify_one();
        ActiveConnection { member, table: self.clone() }
    }

    fn leave(&self, member: AccountId) {
        let mut table = self.0.table.lock();
        if let Some(count) = table.here.get_mut(&member) {
            *count -= 1;
            if *count == 0 {
                table.here.remove(&member);
            }
        }
    }

    /// Whether a member is online.
    pub(crate) fn is_online(&self, member: AccountId, now: DateTime<Utc>) -> bool {
        let table = self.0.table.lock();
        table.here.contains_key(&member) || table.online.get(&member).is_some_and(|online| online.until > now)
    }

    /// Records that another process has these members.
    pub(super) fn hear(&self, process: String, members: &[AccountId], now: DateTime<Utc>) {
        let mut table = self.0.table.lock();
        if table.processes.contains_key(&process) || table.processes.len() < MAX_PROCESSES {
            let is_new = table.processes.insert(process, now).is_none();
            // It tells of those who come from now on only.
            table.has_missed |= is_new && !members.is_empty();
        }
        for member in members {
            table.set_online(*member, false, now);
        }
    }

    /// Records that a process has found a member to be online.
    pub(super) fn add(&self, member: AccountId, now: DateTime<Utc>) {
        self.0.table.lock().set_online(member, false, now);
    }

    /// Records that a process has found a member to be away. One who has come here at that moment is told of again.
    pub(super) fn remove(&self, member: AccountId) {
        let mut table = self.0.table.lock();
        if !table.here.contains_key(&member) {
            table.online.remove(&member);
            return;
        }
        table.arrived.insert(member);
        table.add_change(member, PresenceChange::Online);
        drop(table);
        self.0.has_arrived.notify_one();
        self.0.has_work.notify_one();
    }

    /// Has everyone who is here announced again.
    pub(super) fn announce_all(&self) {
        let mut table = self.0.table.lock();
        let here: Vec<AccountId> = table.here.keys().copied().collect();
        table.arrived.extend(here);
        drop(table);
        self.0.has_arrived.notify_one();
    }

    /// Records that messages were missed.
    pub(super) fn set_missed(&self) {
        self.0.table.lock().has_missed = true;
    }

    /// Renews who is here, and ends what was not renewed.
    pub(super) fn beat(&self, now: DateTime<Utc>) -> Beat {
        let mut table = self.0.table.lock();
        let here: Vec<AccountId> = table.here.keys().copied().collect();
        for member in &here {
            table.set_online(*member, true, now);
            let due = |online: &&mut Online| online.written_at + SEEN_INTERVAL <= now;
            if let Some(online) = table.online.get_mut(member).filter(due) {
                online.written_at = now;
                table.add_seen(*member, now);
            }
        }
        table.remove_ended(now);
        let has_missed = std::mem::take(&mut table.has_missed);
        drop(table);
        self.0.has_work.notify_one();
        Beat { here, has_missed }
    }

    /// Waits until members have come who are not announced.
    pub(super) async fn arrived(&self) {
        self.0.has_arrived.notified().await;
    }

    /// Takes the members who have come and are still here.
    pub(super) fn take_arrived(&self) -> Vec<AccountId> {
        let mut table = self.0.table.lock();
        let arrived = std::mem::take(&mut table.arrived);
        arrived.into_iter().filter(|member| table.online.contains_key(member)).collect()
    }

    /// Waits until there may be changes to tell, or rows to write.
    pub(super) async fn work(&self) {
        self.0.has_work.notified().await;
    }

    /// Takes a change that is to be told.
    pub(super) fn take_change(&self) -> Option<(AccountId, PresenceChange)> {
        self.0.table.lock().changes.pop_first()
    }

    /// Takes at most `limit` of the members whose rows are to be written, with when they were online last.
    pub(super) fn take_seen(&self, limit: usize) -> Vec<(AccountId, DateTime<Utc>)> {
        let mut table = self.0.table.lock();
        std::iter::from_fn(|| table.seen.pop_first()).take(limit).collect()
    }
}

/// An active connection of a member, until it is dropped.
#[derive(Debug)]
pub(crate) struct ActiveConnection {
    member: AccountId,
    table: PresenceTable,
}

impl Drop for ActiveConnection {
    fn drop(&mut self) {
        self.table.leave(self.member);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ADA: AccountId = AccountId(Uuid::from_u128(1));
    const BOB: AccountId = AccountId(Uuid::from_u128(2));
    const BEAT: TimeDelta = TimeDelta::seconds(20);

    #[test]
    fn who_connects_again_in_time_was_never_away_and_who_does_not_is_told_of_once() {
        let (table, mut now) = (PresenceTable::default(), DateTime::UNIX_EPOCH);
        let first = table.enter(ADA, now);
        assert_eq!((table.take_arrived(), table.take_change()), (vec![ADA], Some((ADA, PresenceChange::Online))));
        drop((table.enter(ADA, now), first));
        now += BEAT;
        assert!(table.beat(now).here.is_empty() && table.is_online(ADA, now));
        drop(table.enter(ADA, now));
        assert_eq!(table.take_change(), None);
        now += LINGER;
        assert!(!table.is_online(ADA, now));
        table.beat(now);
        assert_eq!(table.take_change(), Some((ADA, PresenceChange::Away)));
        assert_eq!(table.take_seen(9), [(ADA, now - LINGER)]);
        table.beat(now);
        assert_eq!((table.take_change(), table.take_seen(9)), (None, vec![]));
        let left = table.0.table.lock();
        assert!(left.online.is_empty() && left.here.is_empty(), "{left:?}");
    }

    #[test]
    fn a_row_is_written_every_five_minutes_however_often_a_process_beats() {
        let (table, mut now) = (PresenceTable::default(), DateTime::UNIX_EPOCH);
        let _here = table.enter(ADA, now);
        let mut written = 0;
        for _ in 0..90 {
            now += BEAT;
            assert_eq!(table.beat(now).here, [ADA]);
            written += table.take_seen(9).len();
        }
        assert_eq!(written, 6, "in thirty minutes");
    }

    #[test]
    fn what_a_killed_process_said_ends_by_itself_and_the_streams_read_again() {
        let (table, mut now) = (PresenceTable::default(), DateTime::UNIX_EPOCH);
        table.hear("other".to_owned(), &[ADA, BOB], now);
        assert!(table.beat(now).has_missed, "a process whose members were not told of one by one");
        // A member who has come here meanwhile stays.
        let _here = table.enter(BOB, now);
        assert_eq!(table.take_change(), None, "Bob was online already");
        for _ in 0..2 {
            now += BEAT;
            table.hear("other".to_owned(), &[ADA, BOB], now);
            assert!(!table.beat(now).has_missed && table.is_online(ADA, now));
        }
        now += LINGER;
        assert!(!table.is_online(ADA, now) && table.is_online(BOB, now));
        assert_eq!(table.beat(now), Beat { here: vec![BOB], has_missed: true });
        assert_eq!(table.take_change(), None);
        // What another process finds is believed, but not of those who are here.
        table.hear("third".to_owned(), &[ADA], now);
        table.remove(ADA);
        table.remove(BOB);
        assert!(!table.is_online(ADA, now) && table.is_online(BOB, now));
        assert_eq!(table.take_change(), Some((BOB, PresenceChange::Online)), "the others are told so");
    }
}
