//! Rows of accounts that were erased.
//!
//! Invariant: of an account there is its id alone, for as long as the log is kept.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

const INSERT: &str = "
    insert into erased_account (account, erased_at)
    values ($1, $2)
    on conflict do nothing";

/// Records that an account was erased, so that no event that names it is recorded any more.
pub(crate) async fn insert(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![account.0.into(), now.into()]).await.map(drop)
}

/// Returns those of these accounts that were erased.
pub(crate) async fn list(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select account from erased_account where account in {}", placeholders(1, accounts.len()));
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| Value::from(account.0)).collect()).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

const DELETE_OLD: &str = "
    delete from erased_account
     where account in (
           select account
             from erased_account
            where erased_at < $1
            order by erased_at
            limit $2)";

/// Forgets accounts that were erased before a time, at most `limit`. Returns how many there were.
pub(crate) async fn delete_old(tx: &Tx, before: DateTime<Utc>, limit: i64) -> Result<u64, Error> {
    tx.execute(DELETE_OLD, vec![before.into(), limit.into()]).await
}
