//! Rows of verdicts that were worse than delivery.
//!
//! Invariant: a row has the facts of the verdict, which are numbers, and no words of members.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::bound;

/// A verdict, as its sender may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredVerdict {
    /// Its id.
    pub id: Uuid,
    /// Who has sent what it is about.
    pub account: AccountId,
    /// The conversation.
    pub conversation: Uuid,
    /// The message, if it was stored.
    pub message: Option<Uuid>,
    /// The outcome, as `screening` writes it.
    pub outcome: String,
    /// The code of the reason.
    pub reason: Option<String>,
    /// The version of the rules.
    pub rules_version: u32,
    /// The facts, as JSON.
    pub facts: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    account: Uuid,
    conversation: Uuid,
    message: Option<Uuid>,
    outcome: String,
    reason: Option<String>,
    rules_version: i64,
    facts: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for StoredVerdict {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            account: AccountId(row.account),
            conversation: row.conversation,
            message: row.message,
            outcome: row.outcome,
            reason: row.reason,
            rules_version: u32::try_from(row.rules_version).unwrap_or(0),
            facts: row.facts,
            created_at: row.created_at,
        }
    }
}

const INSERT: &str = "
    insert into chat_verdict (
        id, account, conversation, message, outcome, reason, rules_version, facts, created_at
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Inserts a verdict.
pub(crate) async fn insert(tx: &Tx, verdict: &StoredVerdict) -> Result<(), Error> {
    let values = vec![
        verdict.id.into(),
        verdict.account.0.into(),
        verdict.conversation.into(),
        verdict.message.into(),
        verdict.outcome.as_str().into(),
        verdict.reason.clone().into(),
        i64::from(verdict.rules_version).into(),
        verdict.facts.as_str().into(),
        verdict.created_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const FIND: &str = "
    select id, account, conversation, message, outcome, reason, rules_version, facts, created_at
      from chat_verdict
     where id = $1
       and account = $2";

/// Returns a verdict about what this account has sent.
pub(crate) async fn find(sql: &impl Sql, id: Uuid, account: AccountId) -> Result<Option<StoredVerdict>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![id.into(), account.0.into()]).await?;
    Ok(row.map(StoredVerdict::from))
}

const LIST: &str = "
    select id, account, conversation, message, outcome, reason, rules_version, facts, created_at
      from chat_verdict
     where account = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns a page of the verdicts about what an account has sent, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    account: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<StoredVerdict>, Error> {
    let rows: Vec<Row> = sql.rows(LIST, vec![account.0.into(), before.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(StoredVerdict::from).collect())
}
