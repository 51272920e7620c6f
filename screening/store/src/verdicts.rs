//! Rows of verdicts that were worse than delivery.
//!
//! Invariant: a row has the facts of the verdict, which are numbers, and no words of members.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::Home;
use crate::texts::bound;

/// A verdict, as its sender may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVerdict {
    /// Its id, which sorts by time.
    pub id: Uuid,
    /// Who has sent what it is about.
    pub account: Uuid,
    /// What that stands in, such as a conversation or a post.
    pub place: Uuid,
    /// The thing, if it was stored.
    pub object: Option<Uuid>,
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
    place: Uuid,
    object: Option<Uuid>,
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
            account: row.account,
            place: row.place,
            object: row.object,
            outcome: row.outcome,
            reason: row.reason,
            rules_version: u32::try_from(row.rules_version).unwrap_or(0),
            facts: row.facts,
            created_at: row.created_at,
        }
    }
}

/// Inserts a verdict.
pub async fn insert(tx: &Tx, home: &Home, verdict: &StoredVerdict) -> Result<(), Error> {
    let text = format!(
        "insert into {} (id, account, {}, {}, outcome, reason, rules_version, facts, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        home.verdict, home.place, home.object
    );
    let values = vec![
        verdict.id.into(),
        verdict.account.into(),
        verdict.place.into(),
        verdict.object.into(),
        verdict.outcome.as_str().into(),
        verdict.reason.clone().into(),
        i64::from(verdict.rules_version).into(),
        verdict.facts.as_str().into(),
        verdict.created_at.into(),
    ];
    tx.execute(&text, values).await.map(drop)
}

fn columns(home: &Home) -> String {
    format!(
        "id, account, {} as place, {} as object, outcome, reason, rules_version, facts, created_at",
        home.place, home.object
    )
}

/// Returns a verdict of an account.
pub async fn find(sql: &impl Sql, home: &Home, account: Uuid, id: Uuid) -> Result<Option<StoredVerdict>, Error> {
    let text = format!("select {} from {} where id = $1 and account = $2", columns(home), home.verdict);
    let row: Option<Row> = sql.row(&text, vec![id.into(), account.into()]).await?;
    Ok(row.map(StoredVerdict::from))
}

/// Returns the times of the newest verdicts about what an account has sent that was not stored, the newest first.
pub async fn list_refusal_times(
    sql: &impl Sql,
    home: &Home,
    account: Uuid,
    limit: usize,
) -> Result<Vec<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct TimeRow {
        created_at: DateTime<Utc>,
    }
    let text = format!(
        "select created_at
           from {}
          where account = $1
            and {} is null
          order by id desc
          limit $2",
        home.verdict, home.object
    );
    let rows: Vec<TimeRow> = sql.rows(&text, vec![account.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
}

/// Returns a page of the verdicts about what an account has sent, the newest first.
pub async fn list(
    sql: &impl Sql,
    home: &Home,
    account: Uuid,
    before: Uuid,
    limit: usize,
) -> Result<Vec<StoredVerdict>, Error> {
    let text = format!(
        "select {}
           from {}
          where account = $1
            and id < $2
          order by id desc
          limit $3",
        columns(home),
        home.verdict
    );
    let rows: Vec<Row> = sql.rows(&text, vec![account.into(), before.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(StoredVerdict::from).collect())
}

/// Removes at most `limit` verdicts that are older than `before`. Returns how many.
pub async fn remove_old(tx: &Tx, home: &Home, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let text = format!(
        "delete from {table}
          where id in (
                select id
                  from {table}
                 order by id
                 limit $2)
            and created_at < $1",
        table = home.verdict
    );
    tx.execute(&text, vec![before.into(), bound(limit)]).await
}

/// Removes at most `limit` verdicts about what an account has sent. Returns how many.
pub async fn remove_of_account(tx: &Tx, home: &Home, account: Uuid, limit: usize) -> Result<u64, Error> {
    let text = format!(
        "delete from {table}
          where account = $1
            and id in (
                select id
                  from {table}
                 where account = $1
                 order by id
                 limit $2)",
        table = home.verdict
    );
    tx.execute(&text, vec![account.into(), bound(limit)]).await
}
