//! Rows of reports: what members have said about messages of others.
//!
//! Invariant: a member has one report of a message at most.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::talk::ReportReason;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::bound;

/// A report of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Its id.
    pub id: Uuid,
    /// The message.
    pub message: Uuid,
    /// Who reports it.
    pub reporter: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What they say about it.
    pub text: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into message_report (id, message, reporter, reason, text, created_at)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (message, reporter) do nothing";

/// Inserts a report. Returns `false` if the member has reported the message before.
pub(crate) async fn insert(tx: &Tx, report: &Report) -> Result<bool, Error> {
    let values = vec![
        report.id.into(),
        report.message.into(),
        report.reporter.0.into(),
        report.reason.as_str().into(),
        report.text.as_str().into(),
        report.created_at.into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const TIMES: &str = "
    select created_at
      from message_report
     where reporter = $1
     order by id desc
     limit $2";

/// Returns the times of the newest reports of a member, the newest first.
pub(crate) async fn list_times(sql: &impl Sql, reporter: AccountId, limit: u32) -> Result<Vec<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct TimeRow {
        created_at: DateTime<Utc>,
    }
    let rows: Vec<TimeRow> = sql.rows(TIMES, vec![reporter.0.into(), i64::from(limit).into()]).await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
}

const LIST: &str = "
    select id, message, reporter, reason, text, created_at
      from message_report
     where reporter = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns a page of the reports of a member, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    reporter: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Report>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        message: Uuid,
        reporter: Uuid,
        reason: String,
        text: String,
        created_at: DateTime<Utc>,
    }
    let rows: Vec<Row> = sql.rows(LIST, vec![reporter.0.into(), before.into(), bound(limit)]).await?;
    let read = |row: Row| -> Result<Report, Error> {
        Ok(Report {
            id: row.id,
            message: row.message,
            reporter: AccountId(row.reporter),
            reason: row.reason.parse().map_err(|_| Error::Corrupt("the reason of a report"))?,
            text: row.text,
            created_at: row.created_at,
        })
    };
    rows.into_iter().map(read).collect()
}
