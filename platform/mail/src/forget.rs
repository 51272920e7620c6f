//! Forgetting mails: their rows go in the caller's transaction, and what an engine keeps of them soon after its commit.
//!
//! The caller does not know whether an engine keeps anything. The ids of the mails stand in `mail_forgotten` until the
//! engine has forgotten them, so a process that dies in between forgets nothing less. Invariant: a mail that was being
//! sent when it was forgotten is forgotten once more when its lease has ended, as its sender may have been later.

use chrono::{DateTime, Utc};
use db::{Db, Error, Lane, Sql, Tx, Value, chunk_size, placeholders};
use sea_orm::FromQueryResult;

use super::Engine;
use super::address::Address;

/// Mails that an engine forgets at once.
const BATCH_ROWS: i64 = 200;
/// The lane in which what was forgotten is recorded as such.
const FORGETTING: &str = "mail_forgotten";

#[derive(FromQueryResult)]
struct RemovedRow {
    id: String,
    leased_until: Option<DateTime<Utc>>,
}

#[derive(Clone, FromQueryResult)]
struct ForgottenRow {
    id: String,
    again_at: Option<DateTime<Utc>>,
}

pub(crate) const REMOVE_RECIPIENT: &str = "
    delete from mail_outbox
     where recipient = $1
 returning id, leased_until";

pub(crate) const REMOVE_ACCOUNT: &str = "
    delete from mail_outbox
     where account = $1
 returning id, leased_until";

/// Forgets every mail to an address, whatever its state. Returns how many there were.
pub async fn forget_recipient(tx: &Tx, address: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    let Some(address) = Address::parse(address) else { return Ok(0) };
    forget(tx, REMOVE_RECIPIENT, address.as_str(), now).await
}

/// Forgets every mail about an account, whatever its state and address. Returns how many there were.
pub async fn forget_account(tx: &Tx, account: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    forget(tx, REMOVE_ACCOUNT, account, now).await
}

async fn forget(tx: &Tx, statement: &str, value: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    let removed: Vec<RemovedRow> = tx.rows(statement, vec![value.into()]).await?;
    let mut left = removed.as_slice();
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let again_at = |row: &RemovedRow| row.leased_until.filter(|until| *until > now);
        let values: Vec<Value> =
            chunk.iter().flat_map(|row| [row.id.as_str().into(), now.into(), again_at(row).into()]).collect();
        let text = format!(
            "insert into mail_forgotten (id, due_at, again_at) values {} on conflict do nothing",
            placeholders(chunk.len(), 3)
        );
        tx.execute(&text, values).await?;
    }
    Ok(removed.len() as u64)
}

pub(crate) const DUE: &str = "
    select id, again_at
      from mail_forgotten
     where due_at <= $1
     order by due_at
     limit $2";

pub(crate) const POSTPONE: &str = "
    update mail_forgotten
       set due_at = again_at,
           again_at = null
     where id = $1
       and again_at > $2";

pub(crate) const REMOVE: &str = "
    delete from mail_forgotten
     where id = $1
       and due_at <= $2";

/// Makes the engine forget what is due, a batch at a time. What the engine can't forget now stays due.
pub(crate) async fn forget_due(db: &Db, engine: &dyn Engine, now: DateTime<Utc>) -> Result<(), Error> {
    loop {
        let due: Vec<ForgottenRow> = db.read().rows(DUE, vec![now.into(), BATCH_ROWS.into()]).await?;
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = due.iter().map(|row| row.id.clone()).collect();
        if let Err(error) = engine.forget(&ids).await {
            tracing::warn!(%error, mails = ids.len(), "forgotten mails are still kept by their engine");
            return Ok(());
        }
        db.write(Lane::of(FORGETTING), async move |tx| {
            for row in &due {
                if row.again_at.is_some() {
                    tx.execute(POSTPONE, vec![row.id.as_str().into(), now.into()]).await?;
                }
                // Nothing is due any more if it was postponed.
                tx.execute(REMOVE, vec![row.id.as_str().into(), now.into()]).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    }
}
