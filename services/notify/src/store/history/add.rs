//! Adding notices, and letting them grow.
//!
//! Invariant: an entry whose row is there changes nothing; a notice that its member has read does not grow.

use std::collections::{BTreeMap, HashMap, HashSet};

use base::Random;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::{NoticeKind, Notified, NotifiedMember};
use db::{Error, FromQueryResult, Sql as _, Tx, Value, chunk_size};
use uuid::Uuid;

use super::rows::{COLUMNS, Delta, NoticeRow, change_counts, join_actors, parse_actors};
use crate::history::{MAX_NAMED_ACTORS, NewEntry, SharedNotice, Told, next_id};
use crate::store::values::{micros, names_after};

/// Adds entries one after the other, and publishes what has changed.
pub(super) async fn add(
    tx: &Tx,
    entries: &[NewEntry],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Error> {
    let mut notified: BTreeMap<NoticeKind, Vec<NotifiedMember>> = BTreeMap::new();
    let mut told = Vec::new();
    for entry in entries {
        let Some(changed) = add_one(tx, entry, random, now).await? else { continue };
        told.push(Told { member: entry.member, id: changed.notice });
        if !entry.is_filtered {
            notified.entry(entry.kind).or_default().push(changed);
        }
    }
    for (kind, notices) in notified {
        tx.publish(&Notified { kind, notices, at: now }, now)?;
    }
    Ok(told)
}

async fn add_one(
    tx: &Tx,
    entry: &NewEntry,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Option<NotifiedMember>, Error> {
    let key = open_key(&entry.group_key, entry.is_filtered);
    let drawn = random.uuid_v7(now);
    let last = last_ids_from(tx, drawn, &[entry.member]).await?.remove(&entry.member.0).unwrap_or_default();
    let id = next_id(drawn, last);
    let open = find_open(tx, entry.member, &key).await?;
    let group = open.as_ref().filter(|open| !open.is_read()).map_or(id, |open| open.group_id);
    if !insert_entry(tx, entry, group, now).await? {
        return Ok(None);
    }
    let delta = match open {
        Some(open) if !open.is_read() => grow(tx, &open, entry, id).await?,
        closed => {
            if let Some(closed) = closed {
                close(tx, &closed).await?;
            }
            insert(tx, entry, &key, id).await?;
            Delta::of_new(entry.is_filtered)
        }
    };
    change_counts(tx, &[(entry.member, delta, id)]).await?;
    Ok(Some(NotifiedMember { member: entry.member, notice: id, group }))
}

/// Returns the key under which a notice grows: filtered ones grow by themselves.
fn open_key(group_key: &str, is_filtered: bool) -> String {
    if is_filtered { format!("filtered:{group_key}") } else { group_key.to_owned() }
}

/// Returns the greatest ids of those of these members who have one from `first` on: none, unless a clock is behind.
async fn last_ids_from(tx: &Tx, first: Uuid, members: &[AccountId]) -> Result<HashMap<Uuid, Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
        last_id: Uuid,
    }
    let text = format!(
        "select member, last_id
           from recipient
          where member in {}
            and last_id >= $1",
        names_after(1, members.len())
    );
    let values = std::iter::once(first.into()).chain(members.iter().map(|member| member.0.into()));
    let rows: Vec<Row> = tx.rows(&text, values.collect()).await?;
    Ok(rows.into_iter().map(|row| (row.member, row.last_id)).collect())
}

async fn find_open(tx: &Tx, member: AccountId, key: &str) -> Result<Option<NoticeRow>, Error> {
    let text = format!(
        "select {COLUMNS}
           from notice
           join recipient
             on recipient.member = notice.member
          where notice.member = $1
            and notice.open_key = $2"
    );
    tx.row(&text, vec![member.0.into(), key.into()]).await
}

const INSERT_ENTRY: &str = "
    insert into notice_entry (member, group_key, entry, group_id, actor, at_us)
    values ($1, $2, $3, $4, $5, $6)
    on conflict do nothing";

async fn insert_entry(tx: &Tx, entry: &NewEntry, group: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![
        entry.member.0.into(),
        entry.group_key.as_str().into(),
        entry.entry.as_str().into(),
        group.into(),
        entry.actor.map(|actor| actor.0).into(),
        micros(now),
    ];
    Ok(tx.execute(INSERT_ENTRY, values).await? == 1)
}

const CLOSE: &str = "
    update notice
       set open_key = null
     where member = $1
       and open_key = $2";

/// Ends the growth of a notice that was read.
async fn close(tx: &Tx, closed: &NoticeRow) -> Result<(), Error> {
    tx.execute(CLOSE, vec![closed.member.into(), closed.open_key.clone().into()]).await.map(drop)
}

const GROW: &str = "
    update notice
       set id = $4,
           actors = $5,
           actor_count = $6,
           is_seen = false
     where member = $1
       and is_filtered = $2
       and id = $3";

const COUNT_OTHER_ENTRIES: &str = "
    select count(*) as entries
      from notice_entry
     where group_id = $1
       and actor = $2";

/// Lets an unread notice grow and move to the top. Returns how the counts change.
async fn grow(tx: &Tx, open: &NoticeRow, entry: &NewEntry, id: Uuid) -> Result<Delta, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        entries: i64,
    }
    let mut actors = parse_actors(&open.actors)?;
    let mut count = open.actor_count;
    if let Some(actor) = entry.actor {
        // Its own entry is there already.
        let row: Option<Row> = tx.row(COUNT_OTHER_ENTRIES, vec![open.group_id.into(), actor.0.into()]).await?;
        count += i64::from(row.is_some_and(|row| row.entries == 1));
        actors.retain(|named| *named != actor);
        actors.insert(0, actor);
        actors.truncate(MAX_NAMED_ACTORS);
    }
    let values = vec![
        open.member.into(),
        open.is_filtered.into(),
        open.id.into(),
        id.into(),
        join_actors(&actors).into(),
        count.into(),
    ];
    tx.execute(GROW, values).await?;
    Ok(Delta { unseen: i64::from(open.is_seen() && !open.is_filtered), unread: 0 })
}

const INSERT: &str = "
    insert into notice (
        member, is_filtered, id, group_id, kind, open_key, subject, actor, actors, actor_count, is_seen, is_read
    )
    values ($1, $2, $3, $4, $5, $6, $7, null, $8, $9, false, false)";

async fn insert(tx: &Tx, entry: &NewEntry, key: &str, id: Uuid) -> Result<(), Error> {
    let values = vec![
        entry.member.0.into(),
        entry.is_filtered.into(),
        id.into(),
        id.into(),
        entry.kind.as_str().into(),
        key.into(),
        entry.subject.clone().into(),
        join_actors(entry.actor.as_slice()).into(),
        i64::from(entry.actor.is_some()).into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Adds a notice to many histories with one insert, and publishes it once.
pub(super) async fn add_shared(
    tx: &Tx,
    notice: &SharedNotice,
    members: &[(AccountId, bool)],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let accounts: Vec<AccountId> = members.iter().map(|(member, _)| *member).collect();
    let mut rows: Vec<(AccountId, bool, Uuid)> =
        members.iter().map(|(member, is_filtered)| (*member, *is_filtered, random.uuid_v7(now))).collect();
    let least = rows.iter().map(|(_, _, id)| *id).min().unwrap_or_default();
    let last = last_ids_from(tx, least, &accounts).await?;
    for (member, _, id) in &mut rows {
        *id = next_id(*id, last.get(&member.0).copied().unwrap_or_default());
    }
    let inserted = insert_shared(tx, notice, &rows).await?;
    let new: Vec<_> = rows.into_iter().filter(|(member, _, _)| inserted.contains(&member.0)).collect();
    let changes: Vec<_> = new.iter().map(|(member, filtered, id)| (*member, Delta::of_new(*filtered), *id)).collect();
    change_counts(tx, &changes).await?;
    let counted = new.iter().filter(|(_, is_filtered, _)| !is_filtered);
    let notices: Vec<NotifiedMember> =
        counted.map(|(member, _, id)| NotifiedMember { member: *member, notice: *id, group: *id }).collect();
    if !notices.is_empty() {
        tx.publish(&Notified { kind: notice.kind, notices, at: now }, now)?;
    }
    Ok(new.into_iter().map(|(member, _, id)| Told { member, id }).collect())
}

/// Inserts rows, but for those of members who have the notice. Returns the members that had none.
async fn insert_shared(
    tx: &Tx,
    notice: &SharedNotice,
    rows: &[(AccountId, bool, Uuid)],
) -> Result<HashSet<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let (mut inserted, mut left) = (HashSet::with_capacity(rows.len()), rows);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        // What all rows share is bound once, on SQLite too, which gets a value again for each place that names it: a
        // quarter of the values of whole rows. `where true` keeps SQLite from reading the conflict as a join's `on`.
        let values: Vec<Value> = [
            notice.kind.as_str().into(),
            // Under one key whether or not it is filtered: it does not grow, and is there once.
            notice.group_key.as_str().into(),
            notice.subject.as_str().into(),
            notice.actor.0.into(),
        ]
        .into_iter()
        .chain(
            chunk.iter().flat_map(|(member, is_filtered, id)| [member.0.into(), (*is_filtered).into(), (*id).into()]),
        )
        .collect();
        let text = format!(
            "with told (member, is_filtered, id) as (
                  values {}
             )
             insert into notice (
                 member, is_filtered, id, group_id, kind, open_key, subject, actor, actors, actor_count, is_seen,
                 is_read
             )
             select member, is_filtered, id, id, $1, $2, $3, $4, '', 1, false, false
               from told
              where true
             on conflict do nothing
             returning member",
            told_rows(chunk.len())
        );
        let new: Vec<Row> = tx.rows(&text, values).await?;
        inserted.extend(new.into_iter().map(|row| row.member));
    }
    Ok(inserted)
}

/// Returns the rows of what each member is told, with three values behind the four that all share.
fn told_rows(rows: usize) -> String {
    let row = |at: usize| format!("(${}, ${}, ${})", 5 + 3 * at, 6 + 3 * at, 7 + 3 * at);
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
