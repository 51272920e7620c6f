//! `tutti check notify`: compares the counts with the notices that they count.
//!
//! Invariant: it changes nothing. Beside a running server, a write between two reads can't show as drift: a member's
//! counts and notices are read by one statement.

use contract::AccountId;
use db::Db;
use uuid::Uuid;

use crate::store::history::{RecipientDrift, list_drifts};

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

/// Compares every count, and returns how many members were checked and the counts that differ.
pub async fn check(db: &Db) -> Result<(u64, Vec<Drift>), db::Error> {
    let (mut checked, mut drifts, mut after) = (0, Vec::new(), AccountId(Uuid::nil()));
    loop {
        let page = list_drifts(db.read(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((checked, drifts)) };
        after = AccountId(last.member);
        checked += page.len() as u64;
        drifts.extend(page.iter().flat_map(drifts_of));
    }
}

fn drifts_of(found: &RecipientDrift) -> Vec<Drift> {
    let member = AccountId(found.member);
    let counts = [("unseen", found.unseen, found.unseen_rows), ("unread", found.unread, found.unread_rows)];
    let differs = counts.into_iter().filter(|(_, stored, rows)| stored != rows);
    differs.map(|(what, stored, rows)| Drift { member, what, stored, rows }).collect()
}
