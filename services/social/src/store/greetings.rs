//! Rows of greetings. The clip of one is a row of `post_media`, like those of posts, so the same statements move it
//! forward.
//!
//! Invariant: of a token, only its hash is here; a write about a greeting holds the lane of its sender.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::{bound, from_bigint, from_micros, from_optional_micros, micros};
use crate::model::budget::hour_of;
use crate::model::{Greeting, PersonNumber};

const COLUMNS: &str = "
    greeting.id, greeting.sender, greeting.to_name, greeting.text, greeting.created_us, greeting.expires_us,
    greeting.opened_us, greeting.open_count";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    sender: i64,
    to_name: String,
    text: String,
    created_us: i64,
    expires_us: i64,
    opened_us: Option<i64>,
    open_count: i64,
}

impl TryFrom<Row> for Greeting {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            sender: PersonNumber(row.sender),
            to_name: row.to_name,
            text: row.text,
            created_at: from_micros(row.created_us, "a greeting's time")?,
            expires_at: from_micros(row.expires_us, "a greeting's end")?,
            opened_at: from_optional_micros(row.opened_us, "a greeting's opening")?,
            open_count: from_bigint(row.open_count, "a greeting's openings")?,
        })
    }
}

const INSERT: &str = "
    insert into greeting (id, sender, token_hash, to_name, text, created_us, expires_us, opened_us, open_count)
    values ($1, $2, $3, $4, $5, $6, $7, null, 0)";

/// Inserts a greeting.
pub(crate) async fn insert(tx: &Tx, greeting: &Greeting, token_hash: &str) -> Result<(), Error> {
    let values = vec![
        greeting.id.into(),
        greeting.sender.0.into(),
        token_hash.into(),
        greeting.to_name.as_str().into(),
        greeting.text.as_str().into(),
        micros(greeting.created_at),
        micros(greeting.expires_at),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns a greeting of a sender.
pub(crate) async fn find(sql: &impl Sql, id: Uuid, sender: PersonNumber) -> Result<Option<Greeting>, Error> {
    let text = format!("select {COLUMNS} from greeting where greeting.id = $1 and greeting.sender = $2");
    let row: Option<Row> = sql.row(&text, vec![id.into(), sender.0.into()]).await?;
    row.map(Greeting::try_from).transpose()
}

/// Returns the greeting whose link has this token and has not ended.
pub(crate) async fn find_by_token(
    sql: &impl Sql,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Greeting>, Error> {
    let text = format!("select {COLUMNS} from greeting where greeting.token_hash = $1 and greeting.expires_us > $2");
    let row: Option<Row> = sql.row(&text, vec![token_hash.into(), micros(now)]).await?;
    row.map(Greeting::try_from).transpose()
}

/// Returns the greetings of a sender, below an id, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    sender: PersonNumber,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Greeting>, Error> {
    let text = format!(
        "select {COLUMNS}
           from greeting
          where greeting.sender = $1
            and greeting.id < $2
          order by greeting.id desc
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![sender.0.into(), before.into(), bound(limit)]).await?;
    rows.into_iter().map(Greeting::try_from).collect()
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Returns greetings whose link ended before a time, at most `limit`.
pub(crate) async fn list_ended(sql: &impl Sql, before: DateTime<Utc>, limit: usize) -> Result<Vec<Uuid>, Error> {
    let text = "
        select id
          from greeting
         where expires_us < $1
         order by expires_us
         limit $2";
    let rows: Vec<IdRow> = sql.rows(text, vec![micros(before), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

const WITH_MEDIA: &str = "
    select greeting.id
      from post_media
      join greeting on greeting.id = post_media.post
     where post_media.media = $1
     order by greeting.id
     limit $2";

/// Returns greetings with a clip, at most `limit`.
pub(crate) async fn list_with_media(sql: &impl Sql, media: &MediaId, limit: usize) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<IdRow> = sql.rows(WITH_MEDIA, vec![media.as_str().into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

const SENDER: &str = "
    select greeting.sender
      from post_media
      join greeting on greeting.id = post_media.post
     where post_media.media = $1
     limit 1";

/// Returns the sender of the greetings with a clip. All have the same: members send what they own.
pub(crate) async fn find_sender(sql: &impl Sql, media: &MediaId) -> Result<Option<PersonNumber>, Error> {
    #[derive(FromQueryResult)]
    struct SenderRow {
        sender: i64,
    }
    let row: Option<SenderRow> = sql.row(SENDER, vec![media.as_str().into()]).await?;
    Ok(row.map(|row| PersonNumber(row.sender)))
}

/// Removes greetings with everything that belongs to them. Returns how many there were.
pub(crate) async fn remove(tx: &Tx, ids: &[Uuid]) -> Result<u64, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    let values = || ids.iter().map(|id| Value::from(*id)).collect::<Vec<_>>();
    for (table, column) in [("post_media", "post"), ("greeting_visit", "greeting")] {
        let text = format!("delete from {table} where {column} in {}", placeholders(1, ids.len()));
        tx.execute(&text, values()).await?;
    }
    tx.execute(&format!("delete from greeting where id in {}", placeholders(1, ids.len())), values()).await
}

const VISITS: &str = "
    select count(*) as visits
      from greeting_visit
     where greeting = $1";

const VISIT: &str = "
    insert into greeting_visit (greeting, visitor, hour)
    values ($1, $2, $3)
    on conflict (greeting, visitor) do update
       set hour = excluded.hour
     where greeting_visit.hour <> excluded.hour";

const COUNT: &str = "
    update greeting
       set open_count = open_count + 1,
           opened_us = coalesce(opened_us, $2)
     where id = $1";

/// Counts an opening, unless the visitor has opened it within the hour, or `max` visitors are known. Returns whether it
/// counted.
pub(crate) async fn count_opening(
    tx: &Tx,
    id: Uuid,
    visitor: &str,
    max: i64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Visits {
        visits: i64,
    }
    let known: Option<Visits> = tx.row(VISITS, vec![id.into()]).await?;
    if known.is_some_and(|known| known.visits >= max) {
        return Ok(false);
    }
    let is_new = tx.execute(VISIT, vec![id.into(), visitor.into(), hour_of(now).into()]).await? == 1;
    if is_new {
        tx.execute(COUNT, vec![id.into(), micros(now)]).await?;
    }
    Ok(is_new)
}

const REMOVE_OLD_VISITS: &str = "
    delete from greeting_visit
     where (greeting, visitor) in (
           select greeting, visitor
             from greeting_visit
            where hour < $1
            order by hour
            limit $2)
       and hour < $1";

/// Removes the visitors of earlier hours, at most `limit`. Returns how many there were.
pub(crate) async fn remove_old_visits(tx: &Tx, now: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD_VISITS, vec![hour_of(now).into(), bound(limit)]).await
}
