//! The time by which the schedule decides: the database's.
//!
//! Invariant: a process whose own clock is wrong decides as all others do.

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, FromQueryResult};

use base::clock::Clock;

use crate::{Error, Sql};

#[derive(FromQueryResult)]
struct TimeRow {
    at: DateTime<Utc>,
}

/// Returns the database's time. SQLite has none but that of the machine, which all processes on its files share: there,
/// and where a test has fixed it, the time is the clock's.
pub async fn now(sql: &impl Sql, clock: &Clock) -> Result<DateTime<Utc>, Error> {
    if clock.is_fixed() || sql.backend() != DbBackend::Postgres {
        return Ok(clock.now());
    }
    // Not that of the transaction's beginning: a write may have waited for its lane.
    let row: Option<TimeRow> = sql.row("select clock_timestamp() as at", vec![]).await?;
    row.map(|row| row.at).ok_or(Error::Corrupt("the database's time"))
}
