//! Which process sends to a webhook: the lease of its row.
//!
//! A webhook is leased as a whole, so its deliveries are sent one after the other, in the whole fleet. Invariant: what
//! changes a row under a lease names the lease's fencing token, and changes nothing if another process has the lease.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// A webhook that this process sends to.
#[derive(Clone, FromQueryResult)]
pub(crate) struct Lease {
    /// The webhook's id.
    pub id: Uuid,
    /// Where its deliveries go.
    pub url: String,
    /// The encrypted secret.
    pub secret: Vec<u8>,
    /// The encrypted former secret.
    pub previous_secret: Option<Vec<u8>>,
    /// Until when the former secret signs too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// The fencing token.
    pub fence: i64,
}

const LIST_DUE: &str = "
    select w.id
      from webhook w
     where w.state = 'active'
       and (w.leased_until is null or w.leased_until < $1)
       and (w.paused_until is null or w.paused_until <= $1)
       and exists (
           select 1
             from webhook_delivery d
            where d.webhook = w.id
              and d.due_at <= $1)
     order by w.id";

/// Returns the active webhooks with a delivery that is due, and that no process has leased.
pub(crate) async fn list_due(sql: &impl Sql, now: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<IdRow> = sql.rows(LIST_DUE, vec![now.into()]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

const CLAIM: &str = "
    update webhook
       set fence = fence + 1,
           leased_until = $3
     where id = $1
       and state = 'active'
       and (leased_until is null or leased_until < $2)
       and (paused_until is null or paused_until <= $2)
 returning id, url, secret, previous_secret, previous_secret_until, fence";

/// Leases an active webhook until `until`; `None` if another process has it.
pub(crate) async fn claim(tx: &Tx, id: Uuid, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Option<Lease>, Error> {
    tx.row(CLAIM, vec![id.into(), now.into(), until.into()]).await
}

const FIND: &str = "
    select id, url, secret, previous_secret, previous_secret_until, fence
      from webhook
     where id = $1
       and fence = $2
       and state = 'active'";

/// Returns a lease with what the webhook is now; `None` if it is lost, or the webhook is not active any more.
pub(crate) async fn find(sql: &impl Sql, (id, fence): (Uuid, i64)) -> Result<Option<Lease>, Error> {
    sql.row(FIND, vec![id.into(), fence.into()]).await
}

const KEEP_AFTER_SUCCESS: &str = "
    update webhook
       set leased_until = $3,
           failing_since = null
     where id = $1
       and fence = $2";

/// Extends a lease after a delivery has arrived. Returns `false` if it is lost.
pub(crate) async fn keep_after_success(tx: &Tx, (id, fence): (Uuid, i64), until: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(KEEP_AFTER_SUCCESS, vec![id.into(), fence.into(), until.into()]).await? == 1)
}

const KEEP_AFTER_FAILURE: &str = "
    update webhook
       set leased_until = $3,
           failing_since = coalesce(failing_since, $4),
           paused_until = coalesce($5, paused_until)
     where id = $1
       and fence = $2
 returning failing_since";

#[derive(FromQueryResult)]
struct FailingRow {
    failing_since: DateTime<Utc>,
}

/// Extends a lease after an attempt that failed at `now`, and pauses the webhook. Returns since when every attempt has
/// failed; `None` if the lease is lost.
pub(crate) async fn keep_after_failure(
    tx: &Tx,
    (id, fence): (Uuid, i64),
    until: DateTime<Utc>,
    now: DateTime<Utc>,
    paused_until: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let values = vec![id.into(), fence.into(), until.into(), now.into(), paused_until.into()];
    let row: Option<FailingRow> = tx.row(KEEP_AFTER_FAILURE, values).await?;
    Ok(row.map(|row| row.failing_since))
}

const RELEASE: &str = "
    update webhook
       set leased_until = null
     where id = $1
       and fence = $2";

/// Ends a lease.
pub(crate) async fn release(tx: &Tx, (id, fence): (Uuid, i64)) -> Result<(), Error> {
    tx.execute(RELEASE, vec![id.into(), fence.into()]).await.map(drop)
}

const END_ALL: &str = "
    update webhook
       set leased_until = null
     where leased_until is not null";

/// Ends every lease: for the only process that uses the database, as the holders are dead.
pub(crate) async fn end_all(tx: &Tx) -> Result<(), Error> {
    tx.execute(END_ALL, vec![]).await.map(drop)
}
