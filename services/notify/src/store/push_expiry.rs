//! The end of pushes: those that have waited for too long, and those that can't be withdrawn any more.
//!
//! Invariant: what a device shows is forgotten only when it can't be withdrawn any more.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql as _, Tx};

use super::values::{bound, micros};

#[derive(FromQueryResult)]
struct StateRow {
    state: String,
}

const KEEP_SHOWN: &str = "
    update push
       set state = 'shown',
           expires_us = $2,
           lease = null
     where id in (
           select id
             from push
            where expires_us < $1
              and state = 'waiting'
              and action = 'show'
              and is_shown = true
            order by expires_us
            limit $3)";

/// Gives up pushes that have expired of devices that show an earlier one of the group, which can be withdrawn until
/// `until`. Returns how many.
pub(crate) async fn keep_shown(
    tx: &Tx,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<u64, Error> {
    tx.execute(KEEP_SHOWN, vec![micros(now), micros(until), bound(limit)]).await
}

const REMOVE_EXPIRED: &str = "
    delete from push
     where id in (
           select id
             from push
            where expires_us < $1
            order by expires_us
            limit $2)
 returning state";

/// Removes pushes that have expired. Returns how many, and how many of them had waited.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: usize) -> Result<(u64, u64), Error> {
    let rows: Vec<StateRow> = tx.rows(REMOVE_EXPIRED, vec![micros(now), bound(limit)]).await?;
    let waited = rows.iter().filter(|row| row.state == "waiting").count();
    Ok((rows.len() as u64, waited as u64))
}
