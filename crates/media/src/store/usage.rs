//! How much each member keeps and how often they send.
//!
//! Invariant: `bytes` and `items` are the sums over the member's item rows, because they change in the same transactions.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Db, Error, FromQueryResult, Sql, Tx};

use super::{count, number};

/// A member's usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub bytes: u64,
    pub items: u64,
    pub hour_began_at: DateTime<Utc>,
    pub hour_uploads: u64,
}

#[derive(FromQueryResult)]
struct Row {
    bytes: i64,
    items: i64,
    hour_began_at: DateTime<Utc>,
    hour_uploads: i64,
}

impl TryFrom<Row> for Usage {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            bytes: number(row.bytes, "a member's bytes")?,
            items: number(row.items, "a member's items")?,
            hour_began_at: row.hour_began_at,
            hour_uploads: number(row.hour_uploads, "a member's uploads")?,
        })
    }
}

/// What may not be passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub bytes: u64,
    pub items: u64,
}

/// Adds one item, and one upload to the running hour; `None` where that would pass the quota.
pub(crate) async fn add(tx: &Tx, owner: AccountId, bytes: u64, most: Most, now: DateTime<Utc>) -> Result<Option<Usage>, Error> {
    let row: Option<Row> = tx
        .row(
            "insert into usage (owner, bytes, items, hour_began_at, hour_uploads) values ($1, $2, 1, $3, 1) \
             on conflict (owner) do update set bytes = usage.bytes + $2, items = usage.items + 1, \
             hour_began_at = case when usage.hour_began_at > $4 then usage.hour_began_at else $3 end, \
             hour_uploads = case when usage.hour_began_at > $4 then usage.hour_uploads + 1 else 1 end \
             where usage.bytes + $2 <= $5 and usage.items < $6 and not usage.closed returning bytes, items, hour_began_at, hour_uploads",
            vec![owner.to_string().into(), count(bytes), now.into(), (now - TimeDelta::hours(1)).into(), count(most.bytes), count(most.items)],
        )
        .await?;
    row.map(Usage::try_from).transpose()
}

/// Takes one item away.
pub(crate) async fn remove(tx: &Tx, owner: AccountId, bytes: u64) -> Result<(), Error> {
    tx.execute(
        "update usage set bytes = case when bytes > $2 then bytes - $2 else 0 end, items = case when items > 1 then items - 1 else 0 end where owner = $1",
        vec![owner.to_string().into(), count(bytes)],
    )
    .await
    .map(drop)
}

/// A member's usage; nothing where they have never sent anything.
pub(crate) async fn find(db: &Db, owner: AccountId) -> Result<Option<Usage>, Error> {
    let row: Option<Row> = db.read().row("select bytes, items, hour_began_at, hour_uploads from usage where owner = $1", vec![owner.to_string().into()]).await?;
    row.map(Usage::try_from).transpose()
}

/// Closes the account of a member who has left: their tokens may hold for some minutes yet, but nothing is taken under them any more.
pub(crate) async fn close(tx: &Tx, owner: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into usage (owner, bytes, items, hour_began_at, hour_uploads, closed) values ($1, 0, 0, $2, 0, true) on conflict (owner) do update set closed = true",
        vec![owner.to_string().into(), now.into()],
    )
    .await
    .map(drop)
}
