//! Rows of appeals.
//!
//! Invariant: a verdict has one appeal at most.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::bound;

/// An appeal against a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Appeal {
    /// Its id.
    pub id: Uuid,
    /// The verdict.
    pub verdict: Uuid,
    /// Who appeals.
    pub account: AccountId,
    /// What they say.
    pub text: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into appeal (id, verdict, account, text, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (verdict) do nothing";

/// Inserts an appeal. Returns `false` if the verdict has one.
pub(crate) async fn insert(tx: &Tx, appeal: &Appeal) -> Result<bool, Error> {
    let values = vec![
        appeal.id.into(),
        appeal.verdict.into(),
        appeal.account.0.into(),
        appeal.text.as_str().into(),
        appeal.created_at.into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const LIST: &str = "
    select id, verdict, account, text, created_at
      from appeal
     where account = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns a page of an account's appeals, the newest first.
pub(crate) async fn list(sql: &impl Sql, account: AccountId, before: Uuid, limit: usize) -> Result<Vec<Appeal>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        verdict: Uuid,
        account: Uuid,
        text: String,
        created_at: DateTime<Utc>,
    }
    let rows: Vec<Row> = sql.rows(LIST, vec![account.0.into(), before.into(), bound(limit)]).await?;
    let read = |row: Row| Appeal {
        id: row.id,
        verdict: row.verdict,
        account: AccountId(row.account),
        text: row.text,
        created_at: row.created_at,
    };
    Ok(rows.into_iter().map(read).collect())
}
