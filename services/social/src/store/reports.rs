//! Rows of reports.
//!
//! Invariant: a member has one open report of a thing at most: a unique index holds it.

use chrono::{DateTime, Utc};
use contract::social::talk::{ReportDecision, ReportKind, ReportState};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::{bound, from_micros, from_optional_micros, micros};
use crate::model::{NewReport, PersonNumber, Report};

const COLUMNS: &str = "id, reporter, kind, object, owner, reason, text, state, decision, created_us, closed_us";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    reporter: i64,
    kind: String,
    object: Uuid,
    owner: i64,
    reason: String,
    text: String,
    state: String,
    decision: Option<String>,
    created_us: i64,
    closed_us: Option<i64>,
}

impl TryFrom<Row> for Report {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            reporter: PersonNumber(row.reporter),
            owner: PersonNumber(row.owner),
            new: NewReport {
                kind: row.kind.parse().map_err(|_| Error::Corrupt("the kind of a report"))?,
                object: row.object,
                reason: row.reason.parse().map_err(|_| Error::Corrupt("the reason of a report"))?,
                text: row.text,
            },
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a report"))?,
            decision: row
                .decision
                .map(|word| word.parse().map_err(|_| Error::Corrupt("the decision about a report")))
                .transpose()?,
            created_at: from_micros(row.created_us, "a report's time")?,
            closed_at: from_optional_micros(row.closed_us, "a report's end")?,
        })
    }
}

const INSERT: &str = "
    insert into report (id, reporter, kind, object, owner, reason, text, state, created_us)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict do nothing";

/// Inserts a report, unless its member has an open one of the same thing. Returns whether it did.
pub(crate) async fn insert(tx: &Tx, report: &Report) -> Result<bool, Error> {
    let values = vec![
        report.id.into(),
        report.reporter.0.into(),
        report.new.kind.as_str().into(),
        report.new.object.into(),
        report.owner.0.into(),
        report.new.reason.as_str().into(),
        report.new.text.as_str().into(),
        report.state.as_str().into(),
        micros(report.created_at),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

/// Returns the reports in a state, below an id, the newest first; with a kind, only those of such things.
pub(crate) async fn list(
    sql: &impl Sql,
    (state, kind): (ReportState, Option<ReportKind>),
    before: Uuid,
    limit: usize,
) -> Result<Vec<Report>, Error> {
    let of_kind = if kind.is_some() { "and kind = $4" } else { "" };
    let text = format!(
        "select {COLUMNS}
           from report
          where state = $1
            and id < $2
            {of_kind}
          order by id desc
          limit $3"
    );
    let mut values: Vec<Value> = vec![state.as_str().into(), before.into(), bound(limit)];
    values.extend(kind.map(|kind| Value::from(kind.as_str())));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(Report::try_from).collect()
}

/// Returns a report.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Report>, Error> {
    let row: Option<Row> = sql.row(&format!("select {COLUMNS} from report where id = $1"), vec![id.into()]).await?;
    row.map(Report::try_from).transpose()
}

const COUNT_OPEN: &str = "
    select count(*) as total
      from report
     where kind = $1
       and object = $2
       and state = 'open'";

/// Returns how many open reports of a thing there are.
pub(crate) async fn count_open(sql: &impl Sql, kind: ReportKind, object: Uuid) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT_OPEN, vec![kind.as_str().into(), object.into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

const HAS_REPORTED: &str = "
    select exists (
           select 1
             from report
            where reporter = $1
              and kind = $2
              and object = $3
              and state = 'open') as has_reported";

/// Whether a member has an open report of a thing.
pub(crate) async fn has_reported(
    sql: &impl Sql,
    reporter: PersonNumber,
    kind: ReportKind,
    object: Uuid,
) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        has_reported: bool,
    }
    let values = vec![reporter.0.into(), kind.as_str().into(), object.into()];
    let found: Option<Found> = sql.row(HAS_REPORTED, values).await?;
    Ok(found.is_some_and(|found| found.has_reported))
}

/// A report that was closed, and who had sent it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ClosedReport {
    /// The report.
    pub id: Uuid,
    /// The number of who reported.
    pub reporter: i64,
}

const CLOSE: &str = "
    update report
       set state = 'closed',
           decision = $3,
           closed_us = $4
     where id in (
           select id
             from report
            where kind = $1
              and object = $2
              and state = 'open'
            order by id
            limit $5)
       and state = 'open'
    returning id, reporter";

/// Closes open reports of a thing, at most `limit`, and returns them.
pub(crate) async fn close(
    tx: &Tx,
    (kind, object): (ReportKind, Uuid),
    decision: ReportDecision,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<ClosedReport>, Error> {
    let values = vec![kind.as_str().into(), object.into(), decision.as_str().into(), micros(now), bound(limit)];
    tx.rows(CLOSE, values).await
}

const REMOVE_CLOSED: &str = "
    delete from report
     where id in (
           select id
             from report
            where closed_us < $1
            order by closed_us
            limit $2)";

/// Removes reports that were closed before a time, at most `limit`. Returns how many there were.
pub(crate) async fn remove_closed(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_CLOSED, vec![micros(before), bound(limit)]).await
}
