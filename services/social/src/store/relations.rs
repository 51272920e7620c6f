//! How a reader stands to other people, in one query for all of them.
//!
//! Invariant: every part of a relation is read by a primary key.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Value};

use crate::model::{PersonNumber, Relation};

#[derive(FromQueryResult)]
struct Row {
    number: i64,
    follows: bool,
    is_followed_by: bool,
    has_requested: bool,
    is_requested_by: bool,
    is_close_friend_of: bool,
    has_close_friend: bool,
    blocks: bool,
    is_blocked_by: bool,
    mutes: bool,
}

/// Returns how a reader stands to a person.
pub(crate) async fn find(
    sql: &impl Sql,
    reader: PersonNumber,
    person: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Relation, Error> {
    let mut found = list(sql, reader, &[person], now).await?;
    Ok(found.remove(&person).unwrap_or_default())
}

/// Returns how a reader stands to each of these people. Those who don't exist are strangers.
pub(crate) async fn list(
    sql: &impl Sql,
    reader: PersonNumber,
    people: &[PersonNumber],
    now: DateTime<Utc>,
) -> Result<HashMap<PersonNumber, Relation>, Error> {
    if people.is_empty() || reader == PersonNumber::NONE {
        return Ok(HashMap::new());
    }
    let names: Vec<String> = (0..people.len()).map(|at| format!("${}", at + 3)).collect();
    let text = format!(
        "select other.number,
                exists (select 1 from follow where follower = $1 and followee = other.number) as follows,
                exists (select 1 from follow where follower = other.number and followee = $1) as is_followed_by,
                exists (select 1 from follow_request where follower = $1 and followee = other.number) as has_requested,
                exists (
                    select 1
                      from follow_request
                     where follower = other.number
                       and followee = $1
                ) as is_requested_by,
                exists (select 1 from close_friend where owner = other.number and friend = $1) as is_close_friend_of,
                exists (select 1 from close_friend where owner = $1 and friend = other.number) as has_close_friend,
                exists (select 1 from block where blocker = $1 and blocked = other.number) as blocks,
                exists (select 1 from block where blocker = other.number and blocked = $1) as is_blocked_by,
                exists (
                    select 1
                      from mute
                     where muter = $1
                       and muted = other.number
                       and (until_s is null or until_s > $2)
                ) as mutes
           from person other
          where other.number in ({})",
        names.join(", ")
    );
    let mut values: Vec<Value> = vec![reader.0.into(), now.timestamp().into()];
    values.extend(people.iter().map(|person| Value::from(person.0)));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| (PersonNumber(row.number), relation(&row, reader))).collect())
}

fn relation(row: &Row, reader: PersonNumber) -> Relation {
    Relation {
        is_self: row.number == reader.0,
        follows: row.follows,
        is_followed_by: row.is_followed_by,
        has_requested: row.has_requested,
        is_requested_by: row.is_requested_by,
        is_close_friend_of: row.is_close_friend_of,
        has_close_friend: row.has_close_friend,
        blocks: row.blocks,
        is_blocked_by: row.is_blocked_by,
        mutes: row.mutes,
    }
}
