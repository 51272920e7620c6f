//! Rows of what members want of messages.
//!
//! Invariant: a member without a row has the defaults.

use std::collections::HashMap;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;
use crate::model::Settings;

const PUT: &str = "
    insert into chat_settings (account, allows_strangers, sends_receipts, presence)
    values ($1, $2, $3, $4)
    on conflict (account) do update
       set allows_strangers = excluded.allows_strangers,
           sends_receipts = excluded.sends_receipts,
           presence = excluded.presence";

/// Stores what a member wants.
pub(crate) async fn put(tx: &Tx, account: AccountId, settings: Settings) -> Result<(), Error> {
    let Settings { allows_strangers, sends_receipts, presence } = settings;
    let values = vec![account.0.into(), allows_strangers.into(), sends_receipts.into(), presence.as_str().into()];
    tx.execute(PUT, values).await.map(drop)
}

/// Returns what these members want, as far as they have said so.
pub(crate) async fn list(sql: &impl Sql, accounts: &[AccountId]) -> Result<HashMap<AccountId, Settings>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
        allows_strangers: bool,
        sends_receipts: bool,
        presence: String,
    }
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "select account, allows_strangers, sends_receipts, presence from chat_settings where account in {}",
        names_after(0, accounts.len())
    );
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| Value::from(account.0)).collect()).await?;
    let read = |row: Row| {
        let presence = row.presence.parse().map_err(|_| Error::Corrupt("who sees a member's presence"))?;
        let Row { allows_strangers, sends_receipts, .. } = row;
        Ok((AccountId(row.account), Settings { allows_strangers, sends_receipts, presence }))
    };
    rows.into_iter().map(read).collect()
}

/// Returns what a member wants.
pub(crate) async fn find(sql: &impl Sql, account: AccountId) -> Result<Settings, Error> {
    Ok(list(sql, &[account]).await?.remove(&account).unwrap_or_default())
}
