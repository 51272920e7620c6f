//! Rows of messages, read for one member.
//!
//! Invariant: a read for a member returns what lies in their window, what they have not deleted, and what is not kept
//! from them; unread messages are counted by the same condition.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::{bound, names_after};
use crate::model::{ConversationMember, Message, MessageState};

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    conversation: Uuid,
    seq: i64,
    author: Uuid,
    client_id: String,
    text: String,
    reply_to: Option<Uuid>,
    state: String,
    outcome: String,
    reason: Option<String>,
    verdict: Option<Uuid>,
    is_blurred: bool,
    edited_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Message {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            conversation: row.conversation,
            seq: row.seq,
            author: AccountId(row.author),
            client_id: row.client_id,
            text: row.text,
            reply_to: row.reply_to,
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a message"))?,
            outcome: row.outcome,
            reason: row.reason,
            verdict: row.verdict,
            is_blurred: row.is_blurred,
            edited_at: row.edited_at,
            created_at: row.created_at,
        })
    }
}

const COLUMNS: &str = "message.id, message.conversation, message.seq, message.author, message.client_id, message.text, \
                       message.reply_to, message.state, message.outcome, message.reason, message.verdict, \
                       message.is_blurred, message.edited_at, message.created_at";

/// The condition that the member `$1` sees a message of the conversation `$2`, whose window is `$3` to `$4`. The same
/// rule is [`Message::is_in_sight_of`], but for what the member has deleted.
const VISIBLE: &str = "
           message.conversation = $2
       and message.seq > $3
       and message.seq <= $4
       and (message.author = $1 or message.state in ('sent', 'removed'))
       and not exists (select 1 from hidden_message hidden where hidden.account = $1 and hidden.message = message.id)";

/// Returns the four values of [`VISIBLE`].
fn reader(member: &ConversationMember) -> Vec<Value> {
    let until = member.until_seq.unwrap_or(i64::MAX);
    vec![member.account.0.into(), member.conversation.into(), member.from_seq.into(), until.into()]
}

const INSERT: &str = "
    insert into chat_message (
        id, conversation, seq, author, client_id, text, reply_to, state, outcome, reason, verdict, is_blurred,
        created_at
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// Inserts a message.
pub(crate) async fn insert(tx: &Tx, message: &Message) -> Result<(), Error> {
    let values = vec![
        message.id.into(),
        message.conversation.into(),
        message.seq.into(),
        message.author.0.into(),
        message.client_id.as_str().into(),
        message.text.as_str().into(),
        message.reply_to.into(),
        message.state.as_str().into(),
        message.outcome.as_str().into(),
        message.reason.clone().into(),
        message.verdict.into(),
        message.is_blurred.into(),
        message.created_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns a message, also one that few members see.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Message>, Error> {
    let text = format!("select {COLUMNS} from chat_message message where message.id = $1");
    let row: Option<Row> = sql.row(&text, vec![id.into()]).await?;
    row.map(Message::try_from).transpose()
}

/// Returns the message that an author's client has sent under this id.
pub(crate) async fn find_by_client(
    sql: &impl Sql,
    conversation: Uuid,
    author: AccountId,
    client_id: &str,
) -> Result<Option<Message>, Error> {
    let text = format!(
        "select {COLUMNS}
           from chat_message message
          where message.conversation = $1
            and message.author = $2
            and message.client_id = $3"
    );
    let row: Option<Row> = sql.row(&text, vec![conversation.into(), author.0.into(), client_id.into()]).await?;
    row.map(Message::try_from).transpose()
}

/// Returns these messages of a conversation, also those that few members see, in any order.
pub(crate) async fn list(sql: &impl Sql, conversation: Uuid, ids: &[Uuid]) -> Result<Vec<Message>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select {COLUMNS}
           from chat_message message
          where message.conversation = $1
            and message.id in {}",
        names_after(1, ids.len())
    );
    let values = std::iter::once(conversation).chain(ids.iter().copied()).map(Value::from);
    let rows: Vec<Row> = sql.rows(&text, values.collect()).await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// Returns who has deleted which of these messages for themselves.
pub(crate) async fn list_hidden(sql: &impl Sql, ids: &[Uuid]) -> Result<HashSet<(AccountId, Uuid)>, Error> {
    #[derive(FromQueryResult)]
    struct HiddenRow {
        account: Uuid,
        message: Uuid,
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let text = format!("select account, message from hidden_message where message in {}", names_after(0, ids.len()));
    let rows: Vec<HiddenRow> = sql.rows(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account), row.message)).collect())
}

/// Returns those of these messages that a member sees, in any order.
pub(crate) async fn list_visible(
    sql: &impl Sql,
    member: &ConversationMember,
    ids: &[Uuid],
) -> Result<Vec<Message>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select {COLUMNS} from chat_message message where {VISIBLE} and message.id in {}",
        names_after(4, ids.len())
    );
    let mut values = reader(member);
    values.extend(ids.iter().map(|id| Value::from(*id)));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// Returns a page of the messages that a member sees below a place, the newest first.
pub(crate) async fn list_before(
    sql: &impl Sql,
    member: &ConversationMember,
    before: i64,
    limit: usize,
) -> Result<Vec<Message>, Error> {
    let text = format!(
        "select {COLUMNS}
           from chat_message message
          where {VISIBLE}
            and message.seq < $5
          order by message.seq desc
          limit $6"
    );
    page(sql, &text, member, before, limit).await
}

/// Returns a page of the messages that a member sees above a place, the oldest first.
pub(crate) async fn list_after(
    sql: &impl Sql,
    member: &ConversationMember,
    after: i64,
    limit: usize,
) -> Result<Vec<Message>, Error> {
    let text = format!(
        "select {COLUMNS}
           from chat_message message
          where {VISIBLE}
            and message.seq > $5
          order by message.seq
          limit $6"
    );
    page(sql, &text, member, after, limit).await
}

async fn page(
    sql: &impl Sql,
    text: &str,
    member: &ConversationMember,
    place: i64,
    limit: usize,
) -> Result<Vec<Message>, Error> {
    let mut values = reader(member);
    values.extend([place.into(), bound(limit)]);
    let rows: Vec<Row> = sql.rows(text, values).await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// Returns how many messages of others a member sees and has not read.
pub(crate) async fn count_unread(sql: &impl Sql, member: &ConversationMember) -> Result<u64, Error> {
    let text = format!(
        "select count(*) as messages
           from chat_message message
          where {VISIBLE}
            and message.seq > $5
            and message.author <> $1
            and message.state = 'sent'"
    );
    let mut values = reader(member);
    values.push(member.read_seq.into());
    count(sql, &text, values).await
}

/// Returns the place of the newest message of others that a member sees, up to a place.
pub(crate) async fn find_newest_of_others(
    sql: &impl Sql,
    member: &ConversationMember,
    until: i64,
) -> Result<Option<i64>, Error> {
    #[derive(FromQueryResult)]
    struct SeqRow {
        seq: i64,
    }
    let text = format!(
        "select message.seq
           from chat_message message
          where {VISIBLE}
            and message.seq <= $5
            and message.author <> $1
            and message.state = 'sent'
          order by message.seq desc
          limit 1"
    );
    let mut values = reader(member);
    values.push(until.into());
    let row: Option<SeqRow> = sql.row(&text, values).await?;
    Ok(row.map(|row| row.seq))
}

const COUNT_OF_AUTHOR: &str = "
    select count(*) as messages
      from chat_message
     where conversation = $1
       and author = $2
       and state not in ('removed', 'retracted')";

/// Returns how many messages of an author a conversation has.
pub(crate) async fn count_of_author(sql: &impl Sql, conversation: Uuid, author: AccountId) -> Result<u64, Error> {
    count(sql, COUNT_OF_AUTHOR, vec![conversation.into(), author.0.into()]).await
}

async fn count(sql: &impl Sql, text: &str, values: Vec<Value>) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        messages: i64,
    }
    let row: Option<CountRow> = sql.row(text, values).await?;
    Ok(row.map_or(0, |row| row.messages.unsigned_abs()))
}

const SET_TEXT: &str = "
    update chat_message
       set text = $2,
           edited_at = $3
     where id = $1";

/// Changes the text of a message, and marks it as edited.
pub(crate) async fn set_text(tx: &Tx, id: Uuid, text: &str, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_TEXT, vec![id.into(), text.into(), now.into()]).await.map(drop)
}

const SET_REMOVED: &str = "
    update chat_message
       set state = $2,
           text = '',
           reply_to = null
     where id = $1";

/// Deletes a message for all, with the state that it has then. Its place stays.
pub(crate) async fn set_removed(tx: &Tx, id: Uuid, state: MessageState) -> Result<(), Error> {
    tx.execute(SET_REMOVED, vec![id.into(), state.as_str().into()]).await.map(drop)
}

const SET_WITHHELD: &str = "
    update chat_message
       set state = 'withheld'
     where id = $1
       and state = 'sent'";

/// Keeps a message that was sent from all but its author.
pub(crate) async fn set_withheld(tx: &Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(SET_WITHHELD, vec![id.into()]).await.map(drop)
}

const SET_RELEASED: &str = "
    update chat_message
       set seq = $2,
           state = $3,
           outcome = $4,
           reason = $5,
           verdict = $6
     where id = $1";

/// Stores the place, the state and the verdict of a message that was held.
pub(crate) async fn set_released(tx: &Tx, message: &Message) -> Result<(), Error> {
    let values = vec![
        message.id.into(),
        message.seq.into(),
        message.state.as_str().into(),
        message.outcome.as_str().into(),
        message.reason.clone().into(),
        message.verdict.into(),
    ];
    tx.execute(SET_RELEASED, values).await.map(drop)
}

const HIDE: &str = "
    insert into hidden_message (account, message)
    values ($1, $2)
    on conflict do nothing";

/// Deletes a message for one member. Returns whether they saw it before.
pub(crate) async fn hide(tx: &Tx, account: AccountId, message: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(HIDE, vec![account.0.into(), message.into()]).await? == 1)
}

/// Returns a page of an author's messages, by descending id.
pub(crate) async fn list_of_author(
    sql: &impl Sql,
    author: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Message>, Error> {
    let text = format!(
        "select {COLUMNS}
           from chat_message message
          where message.author = $1
            and message.id < $2
          order by message.id desc
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![author.0.into(), before.into(), bound(limit)]).await?;
    rows.into_iter().map(Message::try_from).collect()
}
