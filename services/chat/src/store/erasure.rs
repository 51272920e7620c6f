//! The rows of an erased account.
//!
//! Invariant: a step deletes a bounded number of rows, and what belongs to a message goes before it.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql as _, Tx, Value};
use uuid::Uuid;

use super::values::{bound, names_after};

/// What belongs to a message.
const PARTS: [&str; 4] = ["message_media", "message_reaction", "message_report", "hidden_message"];

/// Deletes these messages, with all that belongs to them.
pub(super) async fn remove_messages(tx: &Tx, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let values = || -> Vec<Value> { ids.iter().map(|id| Value::from(*id)).collect() };
    let names = names_after(0, ids.len());
    for table in PARTS {
        tx.execute(&format!("delete from {table} where message in {names}"), values()).await?;
    }
    tx.execute(&format!("delete from chat_message where id in {names}"), values()).await.map(drop)
}

const MESSAGES: &str = "
    select id
      from chat_message
     where conversation = $1
       and author = $2
     limit $3";

/// Deletes at most `limit` messages of an author in a conversation. Returns how many.
pub(crate) async fn remove_of_author(
    tx: &Tx,
    conversation: Uuid,
    author: AccountId,
    limit: usize,
) -> Result<usize, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows: Vec<Row> = tx.rows(MESSAGES, vec![conversation.into(), author.0.into(), bound(limit)]).await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).collect();
    remove_messages(tx, &ids).await?;
    Ok(ids.len())
}

/// Each takes the account `$1` out of the conversation `$2`.
const OUT_OF_CONVERSATION: [&str; 4] = [
    "
    delete from chat_change
     where actor = $1
       and conversation = $2",
    "
    delete from conversation_member
     where account = $1
       and conversation = $2",
    "
    update conversation_member
       set inviter = null
     where inviter = $1
       and conversation = $2",
    "
    delete from chat_verdict
     where account = $1
       and conversation = $2",
];

const FORGET_PAIR: &str = "
    update conversation
       set pair = null
     where id = $1";

/// Takes an account out of a conversation: its marks, its membership, and its name in the key of a pair.
pub(crate) async fn remove_member(tx: &Tx, conversation: Uuid, account: AccountId) -> Result<(), Error> {
    for statement in OUT_OF_CONVERSATION {
        tx.execute(statement, vec![account.0.into(), conversation.into()]).await?;
    }
    tx.execute(FORGET_PAIR, vec![conversation.into()]).await.map(drop)
}

/// Each deletes what belongs to the account `$1`: few rows.
const REST: [&str; 12] = [
    "delete from message_reaction where account = $1",
    "delete from hidden_message where account = $1",
    "delete from chat_person where account = $1",
    "delete from chat_standing where account = $1",
    "delete from chat_settings where account = $1",
    "delete from chat_last_seen where account = $1",
    "delete from chat_block where blocker = $1",
    "delete from chat_block where blocked = $1",
    "delete from chat_sender where account = $1",
    "delete from first_text where sender = $1",
    "delete from chat_verdict where account = $1",
    "delete from message_report where reporter = $1",
];

/// Deletes what an account has outside of its conversations.
pub(crate) async fn remove_rest(tx: &Tx, account: AccountId) -> Result<(), Error> {
    for statement in REST {
        tx.execute(statement, vec![account.0.into()]).await?;
    }
    Ok(())
}

/// Each deletes what a conversation without members has.
const EMPTY: [&str; 2] = ["delete from chat_change where conversation = $1", "delete from conversation where id = $1"];

/// Deletes a conversation that has neither members nor messages.
pub(crate) async fn remove_conversation(tx: &Tx, conversation: Uuid) -> Result<(), Error> {
    for statement in EMPTY {
        tx.execute(statement, vec![conversation.into()]).await?;
    }
    Ok(())
}
