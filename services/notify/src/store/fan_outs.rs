//! Rows of fan-outs: how far the followers of an author were told of a post.
//!
//! A row stays for a while after its end, so that the same event that arrives again does nothing. Invariant: the cursor
//! moves forward only.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, micros};

/// How far a post was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub(crate) struct FanOut {
    /// The last member who was told.
    pub last_member: Uuid,
    /// Whether all were.
    pub is_done: bool,
}

impl FanOut {
    /// Returns the member behind whom it goes on; `None` at its end.
    pub(crate) fn cursor(self) -> Option<AccountId> {
        (!self.is_done).then_some(AccountId(self.last_member))
    }
}

const INSERT: &str = "
    insert into fan_out (post, author, last_member, is_done, started_us)
    values ($1, $2, $3, false, $4)
    on conflict do nothing";

/// Begins a fan-out, unless it has begun.
pub(crate) async fn insert(tx: &Tx, post: Uuid, author: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![post.into(), author.0.into(), Uuid::nil().into(), micros(now)]).await.map(drop)
}

const FIND: &str = "
    select last_member, is_done
      from fan_out
     where post = $1";

/// Returns how far a post was told.
pub(crate) async fn find(sql: &impl Sql, post: Uuid) -> Result<Option<FanOut>, Error> {
    sql.row(FIND, vec![post.into()]).await
}

const ADVANCE: &str = "
    update fan_out
       set last_member = $3,
           is_done = $4
     where post = $1
       and last_member <= $2
       and is_done = false";

/// Moves the cursor of a fan-out forward. One that is done names no member any more.
pub(crate) async fn advance(tx: &Tx, post: Uuid, last: Uuid, is_done: bool) -> Result<(), Error> {
    let cursor = if is_done { Uuid::nil() } else { last };
    tx.execute(ADVANCE, vec![post.into(), last.into(), cursor.into(), is_done.into()]).await.map(drop)
}

const REMOVE_OLD: &str = "
    delete from fan_out
     where post in (
           select post
             from fan_out
            where started_us < $1
            order by started_us
            limit $2)";

/// Forgets fan-outs that began before a time. Returns how many.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
