//! Rows of reactions to messages.
//!
//! Invariant: a member has one reaction to a message at most; one that is withheld is read for that member alone.

use std::collections::HashMap;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;

const SET: &str = "
    insert into message_reaction (message, account, reaction, is_withheld)
    values ($1, $2, $3, $4)
    on conflict (message, account) do update
       set reaction = excluded.reaction,
           is_withheld = excluded.is_withheld
     where message_reaction.reaction <> excluded.reaction";

/// Sets a member's reaction, which others don't see if it is withheld. Returns whether it was another.
pub(crate) async fn set(
    tx: &Tx,
    message: Uuid,
    account: AccountId,
    reaction: &str,
    is_withheld: bool,
) -> Result<bool, Error> {
    let values = vec![message.into(), account.0.into(), reaction.into(), is_withheld.into()];
    Ok(tx.execute(SET, values).await? == 1)
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

/// Returns all reactions to these messages: who, what, and whether others don't see it.
pub(crate) async fn list_all(
    sql: &impl Sql,
    messages: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(AccountId, String, bool)>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        message: Uuid,
        account: Uuid,
        reaction: String,
        is_withheld: bool,
    }
    let mut found: HashMap<Uuid, Vec<(AccountId, String, bool)>> = HashMap::new();
    if messages.is_empty() {
        return Ok(found);
    }
    let text = format!(
        "select message, account, reaction, is_withheld
           from message_reaction
          where message in {}
          order by message, account",
        names_after(0, messages.len())
    );
    let rows: Vec<Row> = sql.rows(&text, messages.iter().map(|message| Value::from(*message)).collect()).await?;
    for row in rows {
        found.entry(row.message).or_default().push((AccountId(row.account), row.reaction, row.is_withheld));
    }
    Ok(found)
}

/// Returns the reactions to these messages that a member sees: who, and what.
pub(crate) async fn list(
    sql: &impl Sql,
    reader: AccountId,
    messages: &[Uuid],
) -> Result<HashMap<Uuid, Vec<(AccountId, String)>>, Error> {
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
            and (account = $1 or not is_withheld)
          order by message, account",
        names_after(1, messages.len())
    );
    let mut values = vec![Value::from(reader.0)];
    values.extend(messages.iter().map(|message| Value::from(*message)));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    for row in rows {
        found.entry(row.message).or_default().push((AccountId(row.account), row.reaction));
    }
    Ok(found)
}
