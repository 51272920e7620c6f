//! Rows of settings: the preferences of members, and the posts and threads that they have muted.
//!
//! Invariant: a stored document was checked before.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::{bound, micros, names_after};
use crate::model::Preferences;

#[derive(FromQueryResult)]
struct SettingsRow {
    member: Uuid,
    document: String,
}

/// Returns the preferences of those of these members who have set some.
pub(crate) async fn list(sql: &impl Sql, members: &[AccountId]) -> Result<Vec<(AccountId, Preferences)>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select member, document from settings where member in {}", names_after(0, members.len()));
    let rows: Vec<SettingsRow> = sql.rows(&text, members.iter().map(|member| member.0.into()).collect()).await?;
    let read = |row: SettingsRow| {
        let preferences = Preferences::of_stored(&row.document).ok_or(Error::Corrupt("preferences"))?;
        Ok((AccountId(row.member), preferences))
    };
    rows.into_iter().map(read).collect()
}

/// Returns the preferences of a member.
pub(crate) async fn find(sql: &impl Sql, member: AccountId) -> Result<Preferences, Error> {
    let found = list(sql, &[member]).await?.pop();
    Ok(found.map(|(_, preferences)| preferences).unwrap_or_default())
}

const SET: &str = "
    insert into settings (member, document)
    values ($1, $2)
    on conflict (member) do update
       set document = excluded.document";

/// Stores the preferences of a member.
pub(crate) async fn set(tx: &Tx, member: AccountId, preferences: &Preferences) -> Result<(), Error> {
    let document = serde_json::to_string(preferences).map_err(|_| Error::Corrupt("preferences"))?;
    tx.execute(SET, vec![member.0.into(), document.into()]).await.map(drop)
}

#[derive(FromQueryResult)]
struct MuteRow {
    member: Uuid,
    subject: String,
}

/// Returns which of these subjects are muted by which of these members.
pub(crate) async fn list_mutes(
    sql: &impl Sql,
    members: &[AccountId],
    subjects: &[String],
) -> Result<Vec<(AccountId, String)>, Error> {
    if members.is_empty() || subjects.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select member, subject
           from subject_mute
          where member in {}
            and subject in {}",
        names_after(0, members.len()),
        names_after(members.len(), subjects.len())
    );
    let members = members.iter().map(|member| member.0.into());
    let values: Vec<Value> = members.chain(subjects.iter().map(|subject| subject.as_str().into())).collect();
    let rows: Vec<MuteRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.member), row.subject)).collect())
}

const LIST_MUTES_OF: &str = "
    select member, subject
      from subject_mute
     where member = $1
       and subject > $2
     order by subject
     limit $3";

/// Returns what a member has muted, above `after`.
pub(crate) async fn list_mutes_of(
    sql: &impl Sql,
    member: AccountId,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let rows: Vec<MuteRow> = sql.rows(LIST_MUTES_OF, vec![member.0.into(), after.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.subject).collect())
}

const MUTE: &str = "
    insert into subject_mute (member, subject, muted_us)
    values ($1, $2, $3)
    on conflict do nothing";

/// Mutes a subject for a member.
pub(crate) async fn mute(tx: &Tx, member: AccountId, subject: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let values: Vec<Value> = vec![member.0.into(), subject.into(), micros(now)];
    tx.execute(MUTE, values).await.map(drop)
}

const UNMUTE: &str = "
    delete from subject_mute
     where member = $1
       and subject = $2";

/// Ends a mute.
pub(crate) async fn unmute(tx: &Tx, member: AccountId, subject: &str) -> Result<(), Error> {
    tx.execute(UNMUTE, vec![member.0.into(), subject.into()]).await.map(drop)
}

const COUNT_MUTES: &str = "
    select count(*) as mutes
      from subject_mute
     where member = $1";

/// Returns how many subjects a member has muted.
pub(crate) async fn count_mutes(sql: &impl Sql, member: AccountId) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        mutes: i64,
    }
    let row: Option<Row> = sql.row(COUNT_MUTES, vec![member.0.into()]).await?;
    Ok(row.map_or(0, |row| row.mutes.unsigned_abs()))
}
