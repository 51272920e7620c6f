//! Rows of reactions to messages.
//!
//! Invariant: a member has one reaction to a message at most.

use std::collections::HashMap;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;

const SET: &str = "
    insert into message_reaction (message, account, reaction)
    values ($1, $2, $3)
    on conflict (message, account) do update
       set reaction = excluded.reaction
     where message_reaction.reaction <> excluded.reaction";

/// Sets a member's reaction. Returns whether it was another.
pub(crate) async fn set(tx: &Tx, message: Uuid, account: AccountId, reaction: &str) -> Result<bool, Error> {
    Ok(tx.execute(SET, vec![message.into(), account.0.into(), reaction.into()]).await? == 1)
}

const REMOVE: &str = "
    delete from message_reaction
     where message = $1
       and account = $2";

/// Removes a member's reaction. Returns whether there was one.
pub(crate) async fn remove(tx: &Tx, message: Uuid, account: AccountId) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![message.into(), account.0.into()]).await? == 1)
}

const REMOVE_OF: &str = "
    delete from message_reaction
     where message = $1";

/// Removes all reactions to a message.
pub(crate) async fn remove_of(tx: &Tx, message: Uuid) -> Result<(), Error> {
    tx.execute(REMOVE_OF, vec![message.into()]).await.map(drop)
}

/// Returns the reactions to these messages: who, and what.
pub(crate) async fn list(sql: &impl Sql, messages: &[Uuid]) -> Result<HashMap<Uuid, Vec<(AccountId, String)>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        message: Uuid,
        account: Uuid,
        reaction: String,
    }
    let mut found: HashMap<Uuid, Vec<(AccountId, String)>> = HashMap::new();
    if messages.is_empty() {
        return Ok(found);
    }
    let text = format!(
        "select message, account, reaction
           from message_reaction
          where message in {}
          order by message, account",
        names_after(0, messages.len())
    );
    let rows: Vec<Row> = sql.rows(&text, messages.iter().map(|message| Value::from(*message)).collect()).await?;
    for row in rows {
        found.entry(row.message).or_default().push((AccountId(row.account), row.reaction));
    }
    Ok(found)
}
