//! Rows of the texts of all members, by which one that many accounts send is found, and of the sites that they link to.
//!
//! Invariant: a row of a text has its fingerprint, and no words.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use screening::fingerprint::Fingerprint;
use uuid::Uuid;

use crate::Home;

/// A text of one member to others who don't know them.
#[derive(Debug, Clone, Copy)]
pub struct FirstText {
    /// The fingerprint of its text.
    pub fingerprint: Fingerprint,
    /// Who wrote it.
    pub sender: Uuid,
    /// When.
    pub at: DateTime<Utc>,
}

/// Returns a limit as the databases take it.
pub(crate) fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// Records a text, under an id that sorts by time.
pub async fn insert_first(tx: &Tx, home: &Home, id: Uuid, first: FirstText) -> Result<(), Error> {
    let text = format!("insert into {} (id, fingerprint, sender, at) values ($1, $2, $3, $4)", home.text);
    let fingerprint = first.fingerprint.to_bits().cast_signed();
    tx.execute(&text, vec![id.into(), fingerprint.into(), first.sender.into(), first.at.into()]).await.map(drop)
}

/// Returns the newest texts of all members.
pub async fn list_first(sql: &impl Sql, home: &Home, limit: usize) -> Result<Vec<FirstText>, Error> {
    #[derive(FromQueryResult)]
    struct FirstRow {
        fingerprint: i64,
        sender: Uuid,
        at: DateTime<Utc>,
    }
    let text = format!("select fingerprint, sender, at from {} order by id desc limit $1", home.text);
    let rows: Vec<FirstRow> = sql.rows(&text, vec![bound(limit)]).await?;
    let read = |row: FirstRow| FirstText {
        fingerprint: Fingerprint::from_bits(row.fingerprint.cast_unsigned()),
        sender: row.sender,
        at: row.at,
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Removes at most `limit` texts that are older than `before`. Returns how many. Ids sort by time, so the oldest rows
/// are the first.
pub async fn remove_old_first(tx: &Tx, home: &Home, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let text = format!(
        "delete from {table}
          where id in (
                select id
                  from {table}
                 order by id
                 limit $2)
            and at < $1",
        table = home.text
    );
    tx.execute(&text, vec![before.into(), bound(limit)]).await
}

/// Removes at most `limit` texts of a member. Returns how many.
pub async fn remove_of_sender(tx: &Tx, home: &Home, sender: Uuid, limit: usize) -> Result<u64, Error> {
    let text = format!(
        "delete from {table}
          where id in (
                select id
                  from {table}
                 where sender = $1
                 limit $2)",
        table = home.text
    );
    tx.execute(&text, vec![sender.into(), bound(limit)]).await
}

/// Returns how many of these domains were first linked to before a time.
pub async fn count_known_domains(
    sql: &impl Sql,
    home: &Home,
    domains: &[String],
    before: DateTime<Utc>,
) -> Result<usize, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        domains: i64,
    }
    if domains.is_empty() {
        return Ok(0);
    }
    let text = format!(
        "select count(*) as domains from {} where domain in {} and first_at < ${}",
        home.domain,
        placeholders(1, domains.len()),
        domains.len() + 1
    );
    let mut values: Vec<Value> = domains.iter().map(|domain| Value::from(domain.as_str())).collect();
    values.push(before.into());
    let row: Option<CountRow> = sql.row(&text, values).await?;
    Ok(row.and_then(|row| usize::try_from(row.domains).ok()).unwrap_or(0))
}

/// How exactly the last link to a domain is known: all members write the row of one that is everywhere.
const DOMAIN_STEP: TimeDelta = TimeDelta::hours(12);

/// Records that domains were linked to. One that was within `DOMAIN_STEP` is not written again.
pub async fn insert_domains(tx: &Tx, home: &Home, domains: &[String], now: DateTime<Utc>) -> Result<(), Error> {
    let text = format!(
        "insert into {table} (domain, first_at, last_at)
         values ($1, $2, $2)
         on conflict (domain) do update
            set last_at = excluded.last_at
          where {table}.last_at < $3",
        table = home.domain
    );
    for domain in domains {
        tx.execute(&text, vec![domain.as_str().into(), now.into(), (now - DOMAIN_STEP).into()]).await?;
    }
    Ok(())
}

/// Forgets at most `limit` domains that were last linked to before a time. Returns how many.
pub async fn remove_old_domains(tx: &Tx, home: &Home, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let text = format!(
        "delete from {table}
          where domain in (
                select domain
                  from {table}
                 where last_at < $1
                 order by last_at
                 limit $2)",
        table = home.domain
    );
    tx.execute(&text, vec![before.into(), bound(limit)]).await
}
