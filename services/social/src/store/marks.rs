//! Rows of what a member decides about another without asking: blocks, mutes, close friends.
//!
//! Invariant: each is written by its member only, under the lane of the pair, and listed for its member only.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

use super::people::{COLUMNS, PersonRow};
use super::visible::{not_hidden, visible_person};
use super::{bound, micros};
use crate::model::{Mark, Person, PersonNumber};

const INSERT_BLOCK: &str = "
    insert into block (blocker, blocked, since_s)
    values ($1, $2, $3)
    on conflict do nothing";

/// Inserts a block. Returns whether it is new.
pub(crate) async fn insert_block(
    tx: &Tx,
    blocker: PersonNumber,
    blocked: PersonNumber,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![blocker.0.into(), blocked.0.into(), now.timestamp().into()];
    Ok(tx.execute(INSERT_BLOCK, values).await? == 1)
}

const REMOVE_BLOCK: &str = "
    delete from block
     where blocker = $1
       and blocked = $2";

/// Removes a block. Returns whether there was one.
pub(crate) async fn remove_block(tx: &Tx, blocker: PersonNumber, blocked: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE_BLOCK, vec![blocker.0.into(), blocked.0.into()]).await? == 1)
}

const SET_MUTE: &str = "
    insert into mute (muter, muted, until_s)
    values ($1, $2, $3)
    on conflict (muter, muted) do update
       set until_s = excluded.until_s";

/// Mutes a person until a time, or for good.
pub(crate) async fn set_mute(
    tx: &Tx,
    muter: PersonNumber,
    muted: PersonNumber,
    until: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let values = vec![muter.0.into(), muted.0.into(), until.map(|until| until.timestamp()).into()];
    tx.execute(SET_MUTE, values).await.map(drop)
}

const REMOVE_MUTE: &str = "
    delete from mute
     where muter = $1
       and muted = $2";

/// Ends a mute.
pub(crate) async fn remove_mute(tx: &Tx, muter: PersonNumber, muted: PersonNumber) -> Result<(), Error> {
    tx.execute(REMOVE_MUTE, vec![muter.0.into(), muted.0.into()]).await.map(drop)
}

const INSERT_CLOSE: &str = "
    insert into close_friend (owner, friend)
    values ($1, $2)
    on conflict do nothing";

/// Makes a person a close friend.
pub(crate) async fn insert_close(tx: &Tx, owner: PersonNumber, friend: PersonNumber) -> Result<(), Error> {
    tx.execute(INSERT_CLOSE, vec![owner.0.into(), friend.0.into()]).await.map(drop)
}

const REMOVE_CLOSE: &str = "
    delete from close_friend
     where owner = $1
       and friend = $2";

/// Takes a person out of the close friends.
pub(crate) async fn remove_close(tx: &Tx, owner: PersonNumber, friend: PersonNumber) -> Result<(), Error> {
    tx.execute(REMOVE_CLOSE, vec![owner.0.into(), friend.0.into()]).await.map(drop)
}

const REMOVE_ENDED_MUTES: &str = "
    delete from mute
     where muter = $1
       and muted in (
           select muted
             from mute
            where muter = $1
              and until_s <= $2
            limit $3)";

/// Removes mutes of a member that have ended, at most `limit`.
pub(crate) async fn remove_ended_mutes(
    tx: &Tx,
    muter: PersonNumber,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<(), Error> {
    tx.execute(REMOVE_ENDED_MUTES, vec![muter.0.into(), now.timestamp().into(), bound(limit)]).await.map(drop)
}

/// Returns how many people a member has marked so, listed or not.
pub(crate) async fn count(sql: &impl Sql, mark: Mark, member: PersonNumber) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let (table, owner, ..) = parts_of(mark);
    let text = format!("select count(*) as total from {table} where {owner} = $1");
    let row: Option<Count> = sql.row(&text, vec![member.0.into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    person: PersonRow,
    time_s: Option<i64>,
}

/// A person whom a member has marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marked {
    /// The person.
    pub person: Person,
    /// Since when they are blocked, or when the mute ends.
    pub time: Option<DateTime<Utc>>,
}

fn marked(row: Row) -> Result<Marked, Error> {
    let moment = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(Error::Corrupt("the time of a mark"));
    Ok(Marked { person: row.person.try_into()?, time: row.time_s.map(moment).transpose()? })
}

/// Returns the table of a mark, its columns of the member and of the other, its time in seconds, and the condition that
/// an entry is listed. `$1` is the member, `$3` the time in microseconds.
fn parts_of(mark: Mark) -> (&'static str, &'static str, &'static str, &'static str, String) {
    let shown = visible_person("person", "$1", "$3");
    match mark {
        // Also those who have blocked the member: what is left out of this list would tell that they have.
        Mark::Block => ("block", "blocker", "blocked", "block.since_s", not_hidden("person", "$3")),
        Mark::Mute => {
            let lasts = "(mute.until_s is null or mute.until_s > $3 / 1000000)";
            ("mute", "muter", "muted", "mute.until_s", format!("{lasts}\n            and {shown}"))
        }
        Mark::Close => ("close_friend", "owner", "friend", "cast(null as bigint)", shown),
    }
}

/// Returns those whom a member has marked so, by descending number, below one.
pub(crate) async fn list(
    sql: &impl Sql,
    mark: Mark,
    member: PersonNumber,
    now: DateTime<Utc>,
    before: PersonNumber,
    limit: usize,
) -> Result<Vec<Marked>, Error> {
    let (table, owner, other, time, condition) = parts_of(mark);
    let text = format!(
        "select {COLUMNS}, {time} as time_s
           from {table}
           join person on person.number = {table}.{other}
          where {table}.{owner} = $1
            and {table}.{other} < $2
            and {condition}
          order by {table}.{other} desc
          limit $4"
    );
    let values = vec![member.0.into(), before.0.into(), micros(now), bound(limit)];
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(marked).collect()
}
