//! Rows of follows and of requests to follow.
//!
//! Invariant: between two people there is a follow or a request in a direction, never both, and none beside a block.
//! Whoever writes here holds the lane of the pair.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

use super::people::{COLUMNS, PersonRow};
use super::visible::visible_person;
use super::{bound, micros};
use crate::model::{Person, PersonNumber};

/// A person in a list, with the place of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The person.
    pub person: Person,
    /// Since when, in seconds since 1970.
    pub since_s: i64,
}

/// Where a page of people begins: behind this entry. The order is the newest first, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct After {
    /// The time of the last entry of the page before, in seconds.
    pub since_s: i64,
    /// The number of its person.
    pub number: i64,
}

impl After {
    /// Before every entry.
    pub(crate) const START: Self = Self { since_s: i64::MAX, number: i64::MAX };
}

#[derive(FromQueryResult)]
struct ListedRow {
    #[sea_orm(nested)]
    person: PersonRow,
    since_s: i64,
}

const INSERT: &str = "
    insert into follow (follower, followee, since_s)
    values ($1, $2, $3)
    on conflict do nothing";

/// Inserts a follow. Returns whether it is new.
pub(crate) async fn insert(
    tx: &Tx,
    follower: PersonNumber,
    followee: PersonNumber,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![follower.0.into(), followee.0.into(), now.timestamp().into()];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const REMOVE: &str = "
    delete from follow
     where follower = $1
       and followee = $2";

/// Removes a follow. Returns whether there was one.
pub(crate) async fn remove(tx: &Tx, follower: PersonNumber, followee: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![follower.0.into(), followee.0.into()]).await? == 1)
}

const INSERT_REQUEST: &str = "
    insert into follow_request (followee, follower, since_s)
    values ($1, $2, $3)
    on conflict do nothing";

/// Inserts a request. Returns whether it is new.
pub(crate) async fn insert_request(
    tx: &Tx,
    follower: PersonNumber,
    followee: PersonNumber,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![followee.0.into(), follower.0.into(), now.timestamp().into()];
    Ok(tx.execute(INSERT_REQUEST, values).await? == 1)
}

const REMOVE_REQUEST: &str = "
    delete from follow_request
     where followee = $2
       and follower = $1";

/// Removes a request. Returns whether there was one.
pub(crate) async fn remove_request(tx: &Tx, follower: PersonNumber, followee: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE_REQUEST, vec![follower.0.into(), followee.0.into()]).await? == 1)
}

const COUNT: &str = "
    select following_count
           + (select count(*)
                from follow_request
               where follow_request.follower = person_counts.person) as total
      from person_counts
     where person = $1";

/// Returns how many people a member follows or asks to follow. One statement: an answer to a request, which turns it
/// into a follow, may be written at the same time.
pub(crate) async fn count(sql: &impl Sql, follower: PersonNumber) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT, vec![follower.0.into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

/// Returns those who follow a person and are shown to the reader, the newest first.
pub(crate) async fn list_followers(
    sql: &impl Sql,
    followee: PersonNumber,
    reader: PersonNumber,
    now: DateTime<Utc>,
    after: After,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let text = format!(
        "select {COLUMNS}, follow.since_s
           from follow
           join person on person.number = follow.follower
          where follow.followee = $1
            and (follow.since_s, follow.follower) < ($2, $3)
            and {}
          order by follow.since_s desc, follow.follower desc
          limit $6",
        visible_person("person", "$4", "$5")
    );
    list(sql, &text, [followee, reader], now, after, limit).await
}

/// Returns those whom a person follows and who are shown to the reader, the newest first.
pub(crate) async fn list_following(
    sql: &impl Sql,
    follower: PersonNumber,
    reader: PersonNumber,
    now: DateTime<Utc>,
    after: After,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let text = format!(
        "select {COLUMNS}, follow.since_s
           from follow
           join person on person.number = follow.followee
          where follow.follower = $1
            and (follow.since_s, follow.followee) < ($2, $3)
            and {}
          order by follow.since_s desc, follow.followee desc
          limit $6",
        visible_person("person", "$4", "$5")
    );
    list(sql, &text, [follower, reader], now, after, limit).await
}

/// Returns those who ask to follow a person and are shown to them, by descending number.
pub(crate) async fn list_requests(
    sql: &impl Sql,
    followee: PersonNumber,
    now: DateTime<Utc>,
    before: PersonNumber,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let text = format!(
        "select {COLUMNS}, follow_request.since_s
           from follow_request
           join person on person.number = follow_request.follower
          where follow_request.followee = $1
            and follow_request.follower < $2
            and {}
          order by follow_request.follower desc
          limit $4",
        visible_person("person", "$1", "$3")
    );
    let values = vec![followee.0.into(), before.0.into(), micros(now), bound(limit)];
    let rows: Vec<ListedRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(listed).collect()
}

async fn list(
    sql: &impl Sql,
    text: &str,
    [person, reader]: [PersonNumber; 2],
    now: DateTime<Utc>,
    after: After,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let values =
        vec![person.0.into(), after.since_s.into(), after.number.into(), reader.0.into(), micros(now), bound(limit)];
    let rows: Vec<ListedRow> = sql.rows(text, values).await?;
    rows.into_iter().map(listed).collect()
}

fn listed(row: ListedRow) -> Result<Listed, Error> {
    Ok(Listed { person: row.person.try_into()?, since_s: row.since_s })
}

const COUNT_COMMON_FRIENDS: &str = "
    select count(*) as friends
      from (
            select mine.followee
              from follow mine
              join follow theirs on theirs.follower = $2 and theirs.followee = mine.followee
             where mine.follower = $1
               and exists (select 1 from follow where follower = mine.followee and followee = $1)
               and exists (select 1 from follow where follower = mine.followee and followee = $2)
             limit $3
           ) as common";

/// Returns how many friends two people have in common, at most `limit`: who follows both, and is followed by both.
pub(crate) async fn count_common_friends(
    sql: &impl Sql,
    one: PersonNumber,
    other: PersonNumber,
    limit: usize,
) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        friends: i64,
    }
    let row: Option<CountRow> = sql.row(COUNT_COMMON_FRIENDS, vec![one.0.into(), other.0.into(), bound(limit)]).await?;
    Ok(row.map_or(0, |row| row.friends.unsigned_abs()))
}
