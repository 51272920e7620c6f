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

const FIND: &str = "
    select last_member, is_done
      from fan_out
     where post = $1";

/// Returns how far a post was told.
pub(crate) async fn find(sql: &impl Sql, post: Uuid) -> Result<Option<FanOut>, Error> {
    sql.row(FIND, vec![post.into()]).await
}

const ADVANCE: &str = "
    insert into fan_out (post, author, last_member, is_done, started_us)
    values ($1, $2, $3, $4, $5)
    on conflict (post) do update
       set last_member = excluded.last_member,
           is_done = excluded.is_done
     where fan_out.last_member <= $6
       and fan_out.is_done = false";

/// Moves the cursor of a fan-out forward; the first turn leaves its row. One that is done names no member any more.
pub(crate) async fn advance(
    tx: &Tx,
    (post, author): (Uuid, AccountId),
    last: AccountId,
    is_done: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let cursor = if is_done { Uuid::nil() } else { last.0 };
    let values = vec![post.into(), author.0.into(), cursor.into(), is_done.into(), micros(now), last.0.into()];
    tx.execute(ADVANCE, values).await.map(drop)
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
