//! Rows of what has a date, and of who may set reminders relative to it.
//!
//! A date that was cancelled stays for a while, so that an older event that arrives late does not bring it back.
//! Invariant: a row has the newest version that has arrived.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::values::{bound, from_micros, micros};
use crate::model::DatedSubject;

#[derive(FromQueryResult)]
struct DateRow {
    subject: Uuid,
    date_us: Option<i64>,
    zone: String,
    version: i64,
}

impl TryFrom<DateRow> for DatedSubject {
    type Error = Error;
    fn try_from(row: DateRow) -> Result<Self, Error> {
        let date = from_micros(row.date_us, "a date")?;
        Ok(Self { subject: row.subject, date, zone: row.zone, version: row.version })
    }
}

const FIND: &str = "
    select subject, date_us, zone, version
      from dated_subject
     where subject = $1";

/// Returns what has a date.
pub(crate) async fn find(sql: &impl Sql, subject: Uuid) -> Result<Option<DatedSubject>, Error> {
    let row: Option<DateRow> = sql.row(FIND, vec![subject.into()]).await?;
    row.map(DatedSubject::try_from).transpose()
}

const FIND_FOR: &str = "
    select dated_subject.subject, date_us, zone, version
      from dated_subject
      join dated_member
        on dated_member.subject = dated_subject.subject
     where dated_subject.subject = $1
       and dated_member.member = $2";

/// Returns what has a date, if a member may set reminders relative to it.
pub(crate) async fn find_for(sql: &impl Sql, subject: Uuid, member: AccountId) -> Result<Option<DatedSubject>, Error> {
    let row: Option<DateRow> = sql.row(FIND_FOR, vec![subject.into(), member.0.into()]).await?;
    row.map(DatedSubject::try_from).transpose()
}

const SET: &str = "
    insert into dated_subject (subject, date_us, zone, version, ends_us)
    values ($1, $2, $3, $4, $5)
    on conflict (subject) do update
       set date_us = excluded.date_us,
           zone = excluded.zone,
           version = excluded.version,
           ends_us = excluded.ends_us";

const REMOVE_MEMBERS: &str = "
    delete from dated_member
     where subject = $1";

/// Stores a date and its members, in place of those before.
pub(crate) async fn set(tx: &Tx, dated: &DatedSubject, members: &[AccountId], now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![
        dated.subject.into(),
        dated.date.map(|date| date.timestamp_micros()).into(),
        dated.zone.as_str().into(),
        dated.version.into(),
        micros(dated.date.unwrap_or(now).max(now)),
    ];
    tx.execute(SET, values).await?;
    tx.execute(REMOVE_MEMBERS, vec![dated.subject.into()]).await?;
    let mut left = members;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let values: Vec<Value> = chunk.iter().flat_map(|member| [dated.subject.into(), member.0.into()]).collect();
        let text = format!(
            "insert into dated_member (subject, member)
             values {}
             on conflict do nothing",
            placeholders(chunk.len(), 2)
        );
        tx.execute(&text, values).await?;
    }
    Ok(())
}

const REMOVE_OLD: &str = "
    delete from dated_subject
     where subject in (
           select subject
             from dated_subject
            where ends_us < $1
            order by ends_us
            limit $2)";

const REMOVE_LEFT_MEMBERS: &str = "
    delete from dated_member
     where subject in (
           select subject
             from dated_subject
            where ends_us < $1
            order by ends_us
            limit $2)";

/// Forgets dates that were over before a time. Returns how many.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_LEFT_MEMBERS, vec![micros(before), bound(limit)]).await?;
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
