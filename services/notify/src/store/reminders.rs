//! Rows of reminders.
//!
//! Invariant: `at_us` is when a reminder that waits fires, as far as the date is known whose version the row has.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, from_micros, micros, names_after};
use crate::model::{LocalTime, Reminder, ReminderState, Rule, TimeOfDay};

#[derive(FromQueryResult)]
struct ReminderRow {
    id: Uuid,
    member: Uuid,
    text: String,
    zone: Option<String>,
    local_time: Option<String>,
    subject: Option<Uuid>,
    days_before: Option<i64>,
    time_of_day: Option<String>,
    subject_version: i64,
    at_us: i64,
    state: String,
    is_snoozed: bool,
    version: i64,
    ended_us: Option<i64>,
}

impl ReminderRow {
    fn rule(&self) -> Option<Rule> {
        match (&self.local_time, self.subject) {
            (Some(local), None) => Some(Rule::At { local: LocalTime::parse(local)?, zone: self.zone.clone()? }),
            (None, Some(subject)) => Some(Rule::Before {
                subject,
                days: u16::try_from(self.days_before?).ok()?,
                time: TimeOfDay::parse(self.time_of_day.as_deref()?)?,
                zone: self.zone.clone(),
            }),
            _ => None,
        }
    }
}

impl TryFrom<ReminderRow> for Reminder {
    type Error = Error;
    fn try_from(row: ReminderRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            member: AccountId(row.member),
            rule: row.rule().ok_or(Error::Corrupt("the rule of a reminder"))?,
            text: row.text,
            subject_version: row.subject_version,
            at: from_micros(Some(row.at_us), "the time of a reminder")?.unwrap_or_default(),
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a reminder"))?,
            is_snoozed: row.is_snoozed,
            version: row.version,
            ended_at: from_micros(row.ended_us, "the end of a reminder")?,
        })
    }
}

fn reminders(rows: Vec<ReminderRow>) -> Result<Vec<Reminder>, Error> {
    rows.into_iter().map(Reminder::try_from).collect()
}

const INSERT: &str = "
    insert into reminder (
        id, member, text, zone, local_time, subject, days_before, time_of_day, subject_version, at_us, state,
        is_snoozed, version, ended_us
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// Inserts a reminder.
pub(crate) async fn insert(tx: &Tx, reminder: &Reminder) -> Result<(), Error> {
    let (local, days, time, zone) = match &reminder.rule {
        Rule::At { local, zone } => (Some(local.to_string()), None, None, Some(zone.clone())),
        Rule::Before { days, time, zone, .. } => (None, Some(i64::from(*days)), Some(time.to_string()), zone.clone()),
    };
    let values = vec![
        reminder.id.into(),
        reminder.member.0.into(),
        reminder.text.as_str().into(),
        zone.into(),
        local.into(),
        reminder.rule.subject().into(),
        days.into(),
        time.into(),
        reminder.subject_version.into(),
        micros(reminder.at),
        reminder.state.as_str().into(),
        reminder.is_snoozed.into(),
        reminder.version.into(),
        reminder.ended_at.map(|at| at.timestamp_micros()).into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const UPDATE: &str = "
    update reminder
       set subject_version = $2,
           at_us = $3,
           state = $4,
           is_snoozed = $5,
           version = $6,
           ended_us = $7
     where id = $1";

/// Stores what has become of a reminder.
pub(crate) async fn update(tx: &Tx, reminder: &Reminder) -> Result<(), Error> {
    let values = vec![
        reminder.id.into(),
        reminder.subject_version.into(),
        micros(reminder.at),
        reminder.state.as_str().into(),
        reminder.is_snoozed.into(),
        reminder.version.into(),
        reminder.ended_at.map(|at| at.timestamp_micros()).into(),
    ];
    tx.execute(UPDATE, values).await.map(drop)
}

/// The columns of a [`ReminderRow`].
const COLUMNS: &str = "
    id, member, text, zone, local_time, subject, days_before, time_of_day, subject_version, at_us, state, is_snoozed,
    version, ended_us";

/// Returns a reminder of a member.
pub(crate) async fn find(sql: &impl Sql, member: AccountId, id: Uuid) -> Result<Option<Reminder>, Error> {
    let text = format!(
        "select {COLUMNS}
           from reminder
          where id = $1
            and member = $2"
    );
    let row: Option<ReminderRow> = sql.row(&text, vec![id.into(), member.0.into()]).await?;
    row.map(Reminder::try_from).transpose()
}

/// Returns reminders of a member below `before`, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    member: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Reminder>, Error> {
    let text = format!(
        "select {COLUMNS}
           from reminder
          where member = $1
            and id < $2
          order by id desc
          limit $3"
    );
    reminders(sql.rows(&text, vec![member.0.into(), before.into(), bound(limit)]).await?)
}

/// Returns reminders that are due, the earliest first.
pub(crate) async fn list_due(sql: &impl Sql, now: DateTime<Utc>, limit: usize) -> Result<Vec<Reminder>, Error> {
    let text = format!(
        "select {COLUMNS}
           from reminder
          where state = $1
            and at_us <= $2
          order by at_us
          limit $3"
    );
    let state = ReminderState::Waiting.as_str();
    reminders(sql.rows(&text, vec![state.into(), micros(now), bound(limit)]).await?)
}

/// Returns reminders about a subject above an id, in the order of their ids.
pub(crate) async fn list_about(
    sql: &impl Sql,
    subject: Uuid,
    after: Uuid,
    limit: usize,
) -> Result<Vec<Reminder>, Error> {
    let text = format!(
        "select {COLUMNS}
           from reminder
          where subject = $1
            and id > $2
          order by id
          limit $3"
    );
    reminders(sql.rows(&text, vec![subject.into(), after.into(), bound(limit)]).await?)
}

const COUNT: &str = "
    select count(*) as reminders
      from reminder
     where member = $1";

/// Returns how many reminders a member has.
pub(crate) async fn count(sql: &impl Sql, member: AccountId) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        reminders: i64,
    }
    let row: Option<Row> = sql.row(COUNT, vec![member.0.into()]).await?;
    Ok(row.map_or(0, |row| row.reminders.unsigned_abs()))
}

/// Returns the texts of reminders.
pub(crate) async fn list_texts(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        text: String,
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select id, text from reminder where id in {}", names_after(0, ids.len()));
    let rows: Vec<Row> = sql.rows(&text, ids.iter().map(|id| (*id).into()).collect()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.text)).collect())
}

const REMOVE: &str = "
    delete from reminder
     where id = $1
       and member = $2";

/// Removes a reminder of a member. Returns `false` if there is none.
pub(crate) async fn remove(tx: &Tx, member: AccountId, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![id.into(), member.0.into()]).await? == 1)
}

const REMOVE_OLD: &str = "
    delete from reminder
     where id in (
           select id
             from reminder
            where ended_us < $1
            order by ended_us
            limit $2)";

/// Forgets reminders that have fired, or were cancelled, before a time. Returns how many.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
