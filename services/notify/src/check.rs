//! `tutti check notify`: compares the counts with the notices that they count.
//!
//! Invariant: it changes nothing. Beside a running server, a write between two reads can't show as drift: a member's
//! counts and notices are read as they were at one time.

use base::Random;
use base::clock::Clock;
use base::config::Config;
use contract::AccountId;
use db::Db;
use service::BootError;
use uuid::Uuid;

use crate::engine;
use crate::history::{CountedMember, HistoryStore};

/// Members of one page.
const PAGE: usize = 500;

/// A count that differs from its notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Whose count it is.
    pub member: AccountId,
    /// What is counted: `unseen` or `unread`.
    pub what: &'static str,
    /// The stored count.
    pub stored: i64,
    /// The number of notices.
    pub rows: i64,
}

/// Compares every count of an installation, and returns how many members were checked and the counts that differ.
pub async fn check(config: &Config, db: &Db, clock: &Clock, random: &Random) -> Result<(u64, Vec<Drift>), BootError> {
    let history = engine::open(config, db, clock, random)?;
    Ok(compare(&*history).await?)
}

/// Compares every count of a history.
pub(crate) async fn compare(history: &dyn HistoryStore) -> Result<(u64, Vec<Drift>), db::Error> {
    let (mut checked, mut drifts, mut after) = (0, Vec::new(), AccountId(Uuid::nil()));
    loop {
        let page = history.list_counted(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((checked, drifts)) };
        after = AccountId(last.member);
        checked += page.len() as u64;
        drifts.extend(page.iter().flat_map(drifts_of));
    }
}

fn drifts_of(found: &CountedMember) -> Vec<Drift> {
    let member = AccountId(found.member);
    let counts = [("unseen", found.unseen, found.unseen_rows), ("unread", found.unread, found.unread_rows)];
    let differs = counts.into_iter().filter(|(_, stored, rows)| stored != rows);
    differs.map(|(what, stored, rows)| Drift { member, what, stored, rows }).collect()
}
