//! Followers and notices in notify's database, as its own statements would have written them.
//!
//! Does not own the schema: the server has made it. Invariant: counts equal rows, so that `tutti check notify` finds no
//! drift.

use base::Random;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, Lane, Sql as _, Value};
use uuid::Uuid;

use crate::Error;
use crate::community::rows::insert;

/// Notices of each member of [`insert_histories`].
pub const NOTICES_PER_MEMBER: usize = 100;
/// Rows of one statement of [`insert_shared`], which is a transaction.
pub const SHARED_ROWS: usize = 512;
/// Members whose rows are made at once.
const MEMBERS_AT_ONCE: usize = 200;
/// The time between two notices of a member: they are spread over the 90 days for which notices are kept.
const NOTICE_INTERVAL: TimeDelta = TimeDelta::hours(21);

/// The tables that are written, for PostgreSQL's statistics.
pub const TABLES: [&str; 4] = ["relation", "person", "recipient", "notice"];

const RELATION: &str = "relation (member, other, kind, is_on, at_us)";
const PERSON: &str = "person (account, handle, display_name, is_private, profile_us, state, standing_version)";
const RECIPIENT: &str = "recipient (member, last_id, seen_until, read_until, unseen, unread)";
const NOTICE: &str = "notice (
    member, is_filtered, id, group_id, kind, open_key, subject, actor, actors, actor_count, is_seen, is_read
)";

/// Makes members followers of an author.
pub async fn insert_followers(db: &Db, author: Uuid, members: &[Uuid], now: DateTime<Utc>) -> Result<(), Error> {
    let at_us = now.timestamp_micros();
    let follows =
        members.iter().map(|member| [(*member).into(), author.into(), "follow".into(), true.into(), at_us.into()]);
    insert(db, RELATION, follows).await
}

/// Inserts one notice for each of these members, [`SHARED_ROWS`] in a statement and a transaction, one after the other.
/// They are in the filtered lists, which are not counted.
pub async fn insert_shared(
    db: &Db,
    author: Uuid,
    key: &str,
    members: &[Uuid],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for chunk in members.chunks(SHARED_ROWS) {
        let shared: [Value; 2] = [key.into(), author.into()];
        let own = chunk.iter().flat_map(|member| [(*member).into(), random.uuid_v7(now).into()]);
        let values: Vec<Value> = shared.into_iter().chain(own).collect();
        let text = format!("insert into {NOTICE} values {}", shared_rows(chunk.len()));
        db.write(Lane::NONE, async move |tx| tx.execute(&text, values).await).await?;
    }
    Ok(())
}

/// Returns the rows of [`insert_shared`], each with two values of its own behind the two that all share.
fn shared_rows(rows: usize) -> String {
    let row = |at: usize| {
        let (member, id) = (3 + 2 * at, 4 + 2 * at);
        format!("(${member}, true, ${id}, ${id}, 'posted', $1, $1, $2, '', 1, false, false)")
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// People whose posts notices are about.
#[derive(Debug)]
pub struct Authors(Vec<Uuid>);

impl Authors {
    /// Makes some who are known by name.
    pub async fn insert(db: &Db, count: usize, random: &Random) -> Result<Self, Error> {
        let accounts: Vec<Uuid> = (0..count).map(|_| random.uuid_v4()).collect();
        let people = accounts.iter().enumerate().map(|(number, account)| {
            let (handle, name) = (format!("author{number}"), format!("Author {number}"));
            [(*account).into(), handle.into(), name.into(), false.into(), 0_i64.into(), "active".into(), 0_i64.into()]
        });
        insert(db, PERSON, people).await?;
        Ok(Self(accounts))
    }
}

/// Gives each member, who has none yet, [`NOTICES_PER_MEMBER`] unread notices of the last 90 days, one for each of as
/// many posts.
pub async fn insert_histories(
    db: &Db,
    members: &[Uuid],
    authors: &Authors,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let posts: Vec<String> = (0..NOTICES_PER_MEMBER).map(|_| random.uuid_v4().to_string()).collect();
    for chunk in members.chunks(MEMBERS_AT_ONCE) {
        let histories: Vec<(Uuid, Vec<Uuid>)> = chunk.iter().map(|member| (*member, draw_ids(random, now))).collect();
        let notices = histories.iter().flat_map(|(member, ids)| {
            let of_post =
                |(at, post): (usize, &String)| notice(*member, ids[at], post, authors.0[at % authors.0.len()]);
            posts.iter().enumerate().map(of_post).collect::<Vec<[Value; 12]>>()
        });
        insert(db, NOTICE, notices).await?;
        let recipients = histories.iter().map(|(member, ids)| {
            let (last, nil, count) = (ids.last().copied().unwrap_or_default(), Uuid::nil(), ids.len() as i64);
            [(*member).into(), last.into(), nil.into(), nil.into(), count.into(), count.into()]
        });
        insert(db, RECIPIENT, recipients).await?;
    }
    Ok(())
}

/// Gives each member, who has none yet, one unread notice of a post. Returns their ids.
pub async fn insert_one_each(
    db: &Db,
    members: &[Uuid],
    authors: &Authors,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let (post, author) = (random.uuid_v4().to_string(), authors.0.first().copied().unwrap_or_default());
    let ids: Vec<Uuid> = members.iter().map(|_| random.uuid_v7(now)).collect();
    let notices = members.iter().zip(&ids).map(|(member, id)| notice(*member, *id, &post, author));
    insert(db, NOTICE, notices).await?;
    let recipients = members.iter().zip(&ids).map(|(member, id)| {
        let nil = Uuid::nil();
        [(*member).into(), (*id).into(), nil.into(), nil.into(), 1_i64.into(), 1_i64.into()]
    });
    insert(db, RECIPIENT, recipients).await?;
    Ok(ids)
}

/// Returns the ids of a member's notices, ascending.
fn draw_ids(random: &Random, now: DateTime<Utc>) -> Vec<Uuid> {
    let moment = |at: usize| now - NOTICE_INTERVAL * (NOTICES_PER_MEMBER - at) as i32;
    (0..NOTICES_PER_MEMBER).map(|at| random.uuid_v7(moment(at))).collect()
}

fn notice(member: Uuid, id: Uuid, post: &str, author: Uuid) -> [Value; 12] {
    [
        member.into(),
        false.into(),
        id.into(),
        id.into(),
        "posted".into(),
        format!("posted:{post}").into(),
        post.into(),
        author.into(),
        "".into(),
        1_i64.into(),
        false.into(),
        false.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_history_ascend_and_are_of_the_last_90_days() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let ids = draw_ids(&Random::seeded(13), now);
        let first = random_free_id(now - TimeDelta::days(90));
        assert!(ids.len() == NOTICES_PER_MEMBER && ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[0] > first);
    }

    fn random_free_id(at: DateTime<Utc>) -> Uuid {
        Uuid::from_u128(u128::from(at.timestamp_millis().unsigned_abs()) << 80)
    }
}
