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

const REFUSAL_TIMES: &str = "
    select created_at
      from chat_verdict
     where account = $1
       and message is null
     order by id desc
     limit $2";

/// Returns the times of the newest verdicts about what an account has sent that was not stored, the newest first.
pub(crate) async fn list_refusal_times(
    sql: &impl Sql,
    account: AccountId,
    limit: usize,
) -> Result<Vec<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct TimeRow {
        created_at: DateTime<Utc>,
    }
    let rows: Vec<TimeRow> = sql.rows(REFUSAL_TIMES, vec![account.0.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
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
