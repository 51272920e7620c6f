//! Rows of reports.
//!
//! Invariant: a report is in one case, or in none if it was closed before it arrived; its reporter is told of the
//! outcome once.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::Reported;
use contract::social::talk::ReportReason;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::{bound, from_micros, micros};

const INSERT: &str = "
    insert into case_report (id, case_id, reporter, reason, text, created_us)
    values ($1, $2, $3, $4, $5, $6)";

/// Inserts a report into a case.
pub(crate) async fn insert(tx: &Tx, case: Uuid, report: &Reported) -> Result<(), Error> {
    let values = vec![
        report.id.into(),
        case.into(),
        report.reporter.0.into(),
        report.reason.as_str().into(),
        report.text.as_str().into(),
        micros(report.at),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns the case of a report.
pub(crate) async fn find_case(sql: &impl Sql, report: Uuid) -> Result<Option<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        case_id: Uuid,
    }
    let row: Option<Row> = sql.row("select case_id from case_report where id = $1", vec![report.into()]).await?;
    Ok(row.map(|row| row.case_id))
}

const INSERT_CLOSED: &str = "
    insert into closed_report (id, closed_us)
    values ($1, $2)
    on conflict do nothing";

/// Records that a report was closed elsewhere before it arrived. Returns whether that is new.
pub(crate) async fn insert_closed(tx: &Tx, report: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(INSERT_CLOSED, vec![report.into(), micros(now)]).await? == 1)
}

/// Whether a report was closed elsewhere before it arrived.
pub(crate) async fn is_closed(sql: &impl Sql, report: Uuid) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let row: Option<Row> = sql.row("select id from closed_report where id = $1", vec![report.into()]).await?;
    Ok(row.is_some_and(|row| row.id == report))
}

const HAS_REPORTED: &str = "
    select reporter
      from case_report
     where reporter = $1
       and case_id in ($2, $3)
     limit 1";

/// Whether an account has reported what one of two cases is about.
pub(crate) async fn has_reported(
    sql: &impl Sql,
    reporter: AccountId,
    (one, other): (Uuid, Uuid),
) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        reporter: Uuid,
    }
    let row: Option<Row> = sql.row(HAS_REPORTED, vec![reporter.0.into(), one.into(), other.into()]).await?;
    Ok(row.is_some_and(|row| row.reporter == reporter.0))
}

/// A report of a case.
#[derive(Debug, Clone)]
pub(crate) struct CaseReport {
    /// Its id.
    pub id: Uuid,
    /// Who has reported.
    pub reporter: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What they say about it.
    pub text: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

const LIST: &str = "
    select id, reporter, reason, text, created_us
      from case_report
     where case_id = $1
     order by id desc
     limit $2";

/// Returns the newest reports of a case.
pub(crate) async fn list(sql: &impl Sql, case: Uuid, limit: usize) -> Result<Vec<CaseReport>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        reporter: Uuid,
        reason: String,
        text: String,
        created_us: i64,
    }
    let rows: Vec<Row> = sql.rows(LIST, vec![case.into(), bound(limit)]).await?;
    let report = |row: Row| {
        Ok::<_, Error>(CaseReport {
            id: row.id,
            reporter: AccountId(row.reporter),
            reason: row.reason.parse().map_err(|_| Error::Corrupt("the reason of a report"))?,
            text: row.text,
            created_at: from_micros(row.created_us, "a report's time")?,
        })
    };
    rows.into_iter().map(report).collect()
}

/// A report whose reporter is to be told.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Unanswered {
    /// The report.
    pub id: Uuid,
    /// Who has reported.
    pub reporter: Uuid,
}

const SET_ANSWERED: &str = "
    update case_report
       set answered_us = $2
     where id in (
           select id
             from case_report
            where case_id = $1
              and answered_us is null
            order by id
            limit $3)
       and answered_us is null
    returning id, reporter";

/// Marks reports of a case as answered, at most `limit`, and returns them.
pub(crate) async fn set_answered(
    tx: &Tx,
    case: Uuid,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Unanswered>, Error> {
    tx.rows(SET_ANSWERED, vec![case.into(), micros(now), bound(limit)]).await
}

const SET_ONE_ANSWERED: &str = "
    update case_report
       set answered_us = $2
     where id = $1
       and answered_us is null";

/// Marks a report as answered. Returns whether it was not before.
pub(crate) async fn set_one_answered(tx: &Tx, report: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(SET_ONE_ANSWERED, vec![report.into(), micros(now)]).await? == 1)
}

const REMOVE_OLD: &str = "
    delete from case_report
     where id in (
           select case_report.id
             from case_report
             join moderation_case on moderation_case.id = case_report.case_id
            where moderation_case.decided_us < $1
            limit $2)";

/// Removes reports of cases that were decided before a time. Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}

const REMOVE_OLD_CLOSED: &str = "
    delete from closed_report
     where id in (
           select id
             from closed_report
            where closed_us < $1
            order by closed_us
            limit $2)";

/// Forgets reports that were closed elsewhere before a time. Returns how many there were.
pub(crate) async fn remove_old_closed(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD_CLOSED, vec![micros(before), bound(limit)]).await
}
