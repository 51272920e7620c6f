//! Rows of when members were online last.
//!
//! Invariant: a row is written at most once in five minutes, and only moves forward.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::values::names_after;

/// Records when members were online last, unless that was recorded after `before`. A member is named once.
pub(crate) async fn put(tx: &Tx, seen: &[(AccountId, DateTime<Utc>)], before: DateTime<Utc>) -> Result<(), Error> {
    if seen.is_empty() {
        return Ok(());
    }
    let text = format!(
        "insert into chat_last_seen (account, seen_at)
         values {}
         on conflict (account) do update
            set seen_at = excluded.seen_at
          where chat_last_seen.seen_at <= ${}",
        placeholders(seen.len(), 2),
        seen.len() * 2 + 1
    );
    let mut values: Vec<Value> = seen.iter().flat_map(|(account, at)| [account.0.into(), (*at).into()]).collect();
    values.push(before.into());
    tx.execute(&text, values).await.map(drop)
}

/// Returns when these members were online last, as far as it is known.
pub(crate) async fn list(sql: &impl Sql, accounts: &[AccountId]) -> Result<HashMap<AccountId, DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
        seen_at: DateTime<Utc>,
    }
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let text =
        format!("select account, seen_at from chat_last_seen where account in {}", names_after(0, accounts.len()));
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| Value::from(account.0)).collect()).await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account), row.seen_at)).collect())
}

const REMOVE: &str = "
    delete from chat_last_seen
     where account = $1";

/// Forgets when a member was online last.
pub(crate) async fn remove(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute(REMOVE, vec![account.0.into()]).await.map(drop)
}
