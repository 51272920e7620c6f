//! How much each member stores, and how often they upload.
//!
//! Has the final say on quotas: the check and the write are one transaction, so concurrent requests, in one process or
//! in several, cannot exceed a limit together. Invariant: `bytes` and `items` are the sums over the item rows of the
//! member, because they change in the same transactions.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Error, FromQueryResult, Sql, Tx};

use super::{from_bigint, to_bigint};

/// The usage of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub bytes: u64,
    pub items: u64,
    pub hour_began_at: DateTime<Utc>,
    pub hour_uploads: u64,
    /// The account was erased.
    pub closed: bool,
}

impl Usage {
    /// Returns the usage of a member without uploads.
    pub(crate) fn none(now: DateTime<Utc>) -> Self {
        Self { bytes: 0, items: 0, hour_began_at: now, hour_uploads: 0, closed: false }
    }
}

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

/// The limits of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotaLimits {
    pub bytes: u64,
    pub items: u64,
    pub uploads_per_hour: u64,
}

/// An item to be charged.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub owner: AccountId,
    pub bytes: u64,
    /// The open upload that it was, whose reservation it takes over.
    pub upload: Option<String>,
}

/// Adds one item, and one upload to the current hour. Returns `None` where that would exceed a limit, or the account
/// was erased. Bytes that other open uploads have announced count as used.
pub(crate) async fn add_item(
    tx: &Tx,
    charge: &Charge,
    limits: QuotaLimits,
    now: DateTime<Utc>,
) -> Result<Option<Usage>, Error> {
    if charge.bytes > limits.bytes || limits.items == 0 || limits.uploads_per_hour == 0 {
        return Ok(None);
    }
    let row: Option<Row> = tx
        .row(
            "insert into usage (owner, bytes, items, hour_began_at, hour_uploads) values ($1, $2, 1, $3, 1) \
             on conflict (owner) do update set bytes = usage.bytes + $2, items = usage.items + 1, \
             hour_began_at = case when usage.hour_began_at > $4 then usage.hour_began_at else $3 end, \
             hour_uploads = case when usage.hour_began_at > $4 then usage.hour_uploads + 1 else 1 end \
             where usage.bytes + $2 + (select cast(coalesce(sum(length), 0) as bigint) from upload \
             where upload.owner = $1 and upload.item is null and upload.id <> $8) <= $5 \
             and usage.items < $6 and (usage.hour_began_at <= $4 or usage.hour_uploads < $7) and not usage.closed \
             returning bytes, items, hour_began_at, hour_uploads, closed",
            vec![
                charge.owner.to_string().into(),
                to_bigint(charge.bytes),
                now.into(),
                (now - TimeDelta::hours(1)).into(),
                to_bigint(limits.bytes),
                to_bigint(limits.items),
                to_bigint(limits.uploads_per_hour),
                charge.upload.clone().unwrap_or_default().into(),
            ],
        )
        .await?;
    row.map(Usage::try_from).transpose()
}

/// Returns the usage of a member and locks it until this transaction ends.
pub(crate) async fn lock(tx: &Tx, owner: AccountId, now: DateTime<Utc>) -> Result<Usage, Error> {
    let row: Option<Row> = tx
        .row(
            "insert into usage (owner, bytes, items, hour_began_at, hour_uploads) values ($1, 0, 0, $2, 0) \
             on conflict (owner) do update set bytes = usage.bytes returning bytes, items, hour_began_at, hour_uploads, closed",
            vec![owner.to_string().into(), now.into()],
        )
        .await?;
    row.ok_or(Error::Corrupt("a member's usage"))?.try_into()
}

/// Subtracts one item.
pub(crate) async fn remove_item(tx: &Tx, owner: AccountId, bytes: u64) -> Result<(), Error> {
    tx.execute(
        "update usage set bytes = case when bytes > $2 then bytes - $2 else 0 end, items = case when items > 1 then items - 1 else 0 end where owner = $1",
        vec![owner.to_string().into(), to_bigint(bytes)],
    )
    .await
    .map(drop)
}

/// Returns the usage of a member, and `None` where they have never sent anything.
pub(crate) async fn find(sql: &impl Sql, owner: AccountId) -> Result<Option<Usage>, Error> {
    let text = "select bytes, items, hour_began_at, hour_uploads, closed from usage where owner = $1";
    let row: Option<Row> = sql.row(text, vec![owner.to_string().into()]).await?;
    row.map(Usage::try_from).transpose()
}

/// Closes an erased account. Its tokens may be valid for some minutes more, but no upload is accepted with them.
pub(crate) async fn set_closed(tx: &Tx, owner: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into usage (owner, bytes, items, hour_began_at, hour_uploads, closed) values ($1, 0, 0, $2, 0, true) on conflict (owner) do update set closed = true",
        vec![owner.to_string().into(), now.into()],
    )
    .await
    .map(drop)
}
