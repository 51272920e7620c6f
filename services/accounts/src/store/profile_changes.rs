//! When a profile was last changed. The column has its name from the first change that was recorded: the privacy.
//!
//! Invariant: the times of an account's changes grow from commit to commit, whatever the clocks of the processes say:
//! subscribers keep the change with the latest one.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};

const FIND: &str = "
    select privacy_changed_at
      from account
     where id = $1";

const SET: &str = "
    update account
       set privacy_changed_at = $2
     where id = $1";

/// Records a change that is made now, and returns its time: now, or a microsecond after the change before it. Needs the
/// lane of the account.
pub(crate) async fn record_change(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let at = find_last(tx, account).await?.map_or(now, |last| now.max(last + TimeDelta::microseconds(1)));
    tx.execute(SET, vec![account.0.into(), at.into()]).await?;
    Ok(at)
}

/// Returns the time of the last change; `None` if there was none.
pub(crate) async fn find_last(sql: &impl Sql, account: AccountId) -> Result<Option<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        privacy_changed_at: Option<DateTime<Utc>>,
    }
    let row: Option<Row> = sql.row(FIND, vec![account.0.into()]).await?;
    Ok(row.and_then(|row| row.privacy_changed_at))
}
