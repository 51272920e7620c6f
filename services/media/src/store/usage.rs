//! How much each member stores, and how often they upload.
//!
//! Has the final say on quotas: the check and the write are one transaction in the lane of the owner, so concurrent
//! requests, in one process or in several, cannot exceed a limit together. Invariant: `bytes` and `items` are the sums
//! over the item rows of the member (the bytes of their captions included), because they change in the same
//! transactions.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};

use super::{from_bigint, to_bigint};
use crate::model::quota::{QuotaLimits, Usage};

#[derive(FromQueryResult)]
struct Row {
    bytes: i64,
    items: i64,
    hour_began_at: DateTime<Utc>,
    hour_uploads: i64,
    closed: bool,
}

impl TryFrom<Row> for Usage {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            bytes: from_bigint(row.bytes, "a member's bytes")?,
            items: from_bigint(row.items, "a member's items")?,
            hour_began_at: row.hour_began_at,
            hour_uploads: from_bigint(row.hour_uploads, "a member's uploads")?,
            closed: row.closed,
        })
    }
}

/// An item to be charged.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub owner: AccountId,
    pub bytes: u64,
    /// The open upload that it was, whose reservation it takes over.
    pub upload: Option<String>,
}

const ADD_ITEM: &str = "
    insert into usage (owner, bytes, items, hour_began_at, hour_uploads)
    values ($1, $2, 1, $3, 1)
    on conflict (owner) do update
       set bytes = usage.bytes + $2,
           items = usage.items + 1,
           hour_began_at = case when usage.hour_began_at > $4 then usage.hour_began_at else $3 end,
           hour_uploads = case when usage.hour_began_at > $4 then usage.hour_uploads + 1 else 1 end
     where usage.bytes + $2 + (
               select cast(coalesce(sum(length), 0) as bigint)
                 from upload
                where upload.owner = $1
                  and upload.item is null
                  and upload.id <> $8
           ) <= $5
       and usage.items < $6
       and (usage.hour_began_at <= $4 or usage.hour_uploads < $7)
       and not usage.closed
    returning bytes, items, hour_began_at, hour_uploads, closed";

/// Adds one item, and one upload to the current hour. Returns `None` where that would exceed a limit, or the account
/// was erased. Bytes that other open uploads have announced count as used.
///
/// The caller holds the lane of the owner: the sum over the open uploads is no part of the row that the statement
/// locks.
pub(crate) async fn add_item(
    tx: &Tx,
    charge: &Charge,
    limits: QuotaLimits,
    now: DateTime<Utc>,
) -> Result<Option<Usage>, Error> {
    if charge.bytes > limits.bytes || limits.items == 0 || limits.uploads_per_hour == 0 {
        return Ok(None);
    }
    let values = vec![
        charge.owner.to_string().into(),
        to_bigint(charge.bytes),
        now.into(),
        (now - TimeDelta::hours(1)).into(),
        to_bigint(limits.bytes),
        to_bigint(limits.items),
        to_bigint(limits.uploads_per_hour),
        charge.upload.clone().unwrap_or_default().into(),
    ];
    let row: Option<Row> = tx.row(ADD_ITEM, values).await?;
    row.map(Usage::try_from).transpose()
}

const LOCK: &str = "
    insert into usage (owner, bytes, items, hour_began_at, hour_uploads)
    values ($1, 0, 0, $2, 0)
    on conflict (owner) do update
       set bytes = usage.bytes
    returning bytes, items, hour_began_at, hour_uploads, closed";

/// Returns the usage of a member and locks it until this transaction ends.
pub(crate) async fn lock(tx: &Tx, owner: AccountId, now: DateTime<Utc>) -> Result<Usage, Error> {
    let row: Option<Row> = tx.row(LOCK, vec![owner.to_string().into(), now.into()]).await?;
    row.ok_or(Error::Corrupt("a member's usage"))?.try_into()
}

const REMOVE_ITEM: &str = "
    update usage
       set bytes = case when bytes > $2 then bytes - $2 else 0 end,
           items = case when items > 1 then items - 1 else 0 end
     where owner = $1";

/// Subtracts one item.
pub(crate) async fn remove_item(tx: &Tx, owner: AccountId, bytes: u64) -> Result<(), Error> {
    tx.execute(REMOVE_ITEM, vec![owner.to_string().into(), to_bigint(bytes)]).await.map(drop)
}

const CHANGE_BYTES: &str = "
    update usage
       set bytes = case when bytes + $2 > $3 then bytes + $2 - $3 else 0 end
     where owner = $1";

/// Charges `after` bytes for a part of an item, in place of `before`.
///
/// The caller holds the lane of the owner, and has checked the quota.
pub(crate) async fn change_bytes(tx: &Tx, owner: AccountId, before: u64, after: u64) -> Result<(), Error> {
    let values = vec![owner.to_string().into(), to_bigint(after), to_bigint(before)];
    tx.execute(CHANGE_BYTES, values).await.map(drop)
}

const FIND: &str = "
    select bytes, items, hour_began_at, hour_uploads, closed
      from usage
     where owner = $1";

/// Returns the usage of a member, and `None` where they have never sent anything.
pub(crate) async fn find(sql: &impl Sql, owner: AccountId) -> Result<Option<Usage>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![owner.to_string().into()]).await?;
    row.map(Usage::try_from).transpose()
}

const SET_CLOSED: &str = "
    insert into usage (owner, bytes, items, hour_began_at, hour_uploads, closed)
    values ($1, 0, 0, $2, 0, true)
    on conflict (owner) do update
       set closed = true";

/// Closes an erased account. Its tokens may be valid for some minutes more, but no upload is accepted with them.
pub(crate) async fn set_closed(tx: &Tx, owner: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_CLOSED, vec![owner.to_string().into(), now.into()]).await.map(drop)
}
