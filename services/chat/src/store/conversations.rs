//! Rows of conversations.
//!
//! Invariant: the next place in a conversation is given by one statement, in the transaction of what takes it, so that
//! the sequence has no gap and no place twice.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;
use crate::model::Conversation;

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    kind: String,
    pair: Option<String>,
    name: Option<String>,
    picture: Option<String>,
    invite_hash: Option<String>,
    epoch: i64,
    last_seq: i64,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Conversation {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let picture = row.picture.map(MediaId::try_from).transpose();
        Ok(Self {
            id: row.id,
            kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a conversation"))?,
            pair: row.pair,
            name: row.name,
            picture: picture.map_err(|_| Error::Corrupt("the picture of a conversation"))?,
            has_invite: row.invite_hash.is_some(),
            epoch: row.epoch,
            last_seq: row.last_seq,
            created_at: row.created_at,
        })
    }
}

const COLUMNS: &str = "id, kind, pair, name, picture, invite_hash, epoch, last_seq, created_at";

const INSERT: &str = "
    insert into conversation (id, kind, pair, name, epoch, last_seq, created_at)
    values ($1, $2, $3, $4, $5, $6, $7)";

/// Inserts a conversation.
pub(crate) async fn insert(tx: &Tx, conversation: &Conversation) -> Result<(), Error> {
    let values = vec![
        conversation.id.into(),
        conversation.kind.as_str().into(),
        conversation.pair.clone().into(),
        conversation.name.clone().into(),
        conversation.epoch.into(),
        conversation.last_seq.into(),
        conversation.created_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns a conversation.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Conversation>, Error> {
    Ok(list(sql, &[id]).await?.pop())
}

/// Returns these conversations, in any order.
pub(crate) async fn list(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Conversation>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select {COLUMNS} from conversation where id in {}", names_after(0, ids.len()));
    let rows: Vec<Row> = sql.rows(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?;
    rows.into_iter().map(Conversation::try_from).collect()
}

/// Returns the conversation of two members.
pub(crate) async fn find_pair(sql: &impl Sql, pair: &str) -> Result<Option<Conversation>, Error> {
    let text = format!("select {COLUMNS} from conversation where pair = $1");
    let row: Option<Row> = sql.row(&text, vec![pair.into()]).await?;
    row.map(Conversation::try_from).transpose()
}

/// Returns the group whose link has a token with this hash.
pub(crate) async fn find_invite(sql: &impl Sql, hash: &str) -> Result<Option<Conversation>, Error> {
    let text = format!("select {COLUMNS} from conversation where invite_hash = $1");
    let row: Option<Row> = sql.row(&text, vec![hash.into()]).await?;
    row.map(Conversation::try_from).transpose()
}

const NEXT_SEQ: &str = "
    update conversation
       set last_seq = last_seq + 1
     where id = $1
    returning last_seq";

/// Takes the next place. The caller holds the lane of the conversation.
pub(crate) async fn next_seq(tx: &Tx, id: Uuid) -> Result<i64, Error> {
    #[derive(FromQueryResult)]
    struct SeqRow {
        last_seq: i64,
    }
    let row: Option<SeqRow> = tx.row(NEXT_SEQ, vec![id.into()]).await?;
    row.map(|row| row.last_seq).ok_or(Error::Conflict)
}

const SET_GROUP: &str = "
    update conversation
       set name = $2,
           picture = $3
     where id = $1";

/// Sets the name and the picture of a group.
pub(crate) async fn set_group(tx: &Tx, id: Uuid, name: Option<String>, picture: Option<&MediaId>) -> Result<(), Error> {
    let picture = picture.map(|picture| picture.as_str().to_owned());
    tx.execute(SET_GROUP, vec![id.into(), name.into(), picture.into()]).await.map(drop)
}

const SET_INVITE: &str = "
    update conversation
       set invite_hash = $2
     where id = $1";

/// Sets the hash of the token of a group's link, or removes it.
pub(crate) async fn set_invite(tx: &Tx, id: Uuid, hash: Option<String>) -> Result<(), Error> {
    tx.execute(SET_INVITE, vec![id.into(), hash.into()]).await.map(drop)
}
