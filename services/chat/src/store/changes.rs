//! Rows of changes.
//!
//! Invariant: a place is given by the conversation's row in the same transaction, so no two changes have the same.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::Change;

#[derive(FromQueryResult)]
struct Row {
    seq: i64,
    kind: String,
    actor: Option<Uuid>,
    message: Option<Uuid>,
    value: Option<i64>,
    only_for: Option<Uuid>,
    at: DateTime<Utc>,
}

impl TryFrom<Row> for Change {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            seq: row.seq,
            kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a change"))?,
            actor: row.actor.map(AccountId),
            message: row.message,
            value: row.value,
            only_for: row.only_for.map(AccountId),
            at: row.at,
        })
    }
}

const INSERT: &str = "
    insert into chat_change (conversation, seq, kind, actor, message, value, only_for, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Inserts a change.
pub(crate) async fn insert(tx: &Tx, conversation: Uuid, change: &Change) -> Result<(), Error> {
    let values = vec![
        conversation.into(),
        change.seq.into(),
        change.kind.as_str().into(),
        change.actor.map(|actor| actor.0).into(),
        change.message.into(),
        change.value.into(),
        change.only_for.map(|account| account.0).into(),
        change.at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const LIST: &str = "
    select seq, kind, actor, message, value, only_for, at
      from chat_change
     where conversation = $1
       and seq > $2
       and seq <= $3
     order by seq";

/// Returns the changes after one place, up to another, that there are.
pub(crate) async fn list(sql: &impl Sql, conversation: Uuid, after: i64, until: i64) -> Result<Vec<Change>, Error> {
    let rows: Vec<Row> = sql.rows(LIST, vec![conversation.into(), after.into(), until.into()]).await?;
    rows.into_iter().map(Change::try_from).collect()
}
