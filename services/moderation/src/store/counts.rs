//! Counts by day of what came in and what was decided, which name no member.
//!
//! Invariant: a count only grows, by one commutative statement.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

const ADD: &str = "
    insert into moderation_count (day, name, total)
    values ($1, $2, 1)
    on conflict (day, name) do update
       set total = moderation_count.total + 1";

/// Counts one more of something on the day of a time.
pub(crate) async fn add(tx: &Tx, name: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let day = now.format("%Y-%m-%d").to_string();
    tx.execute(ADD, vec![day.into(), name.into()]).await.map(drop)
}

/// How often something happened.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct CountRow {
    /// What: `reported.spam`, `decided.remove`, `appealed`, `screened.screening.spam`.
    pub name: String,
    /// How often.
    pub total: i64,
}

/// `sum` is a decimal in PostgreSQL, so it is cast.
const LIST: &str = "
    select name, cast(sum(total) as bigint) as total
      from moderation_count
     where day >= $1
       and day <= $2
     group by name
     order by name";

/// Returns the counts of the days from one to another, both included.
pub(crate) async fn list(sql: &impl Sql, from: &str, to: &str) -> Result<Vec<CountRow>, Error> {
    sql.rows(LIST, vec![from.into(), to.into()]).await
}
