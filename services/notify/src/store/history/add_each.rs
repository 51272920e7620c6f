//! Adding entries to the notices of members, and letting notices grow.
//!
//! Entries of different members are added together, with a fixed number of statements; those of one member one after
//! the other. Invariant: an entry whose row is there changes nothing; a notice that its member has read does not grow.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use base::Random;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::{NoticeKind, Notified, NotifiedMember};
use db::{Error, FromQueryResult, Sql as _, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::add::last_ids_from;
use super::rows::{COLUMNS, Delta, NoticeRow, change_counts, join_actors, parse_actors};
use crate::history::{MAX_NAMED_ACTORS, NewEntry, Told, next_id};
use crate::store::values::{micros, names_after};

/// Adds entries, and publishes what has changed.
pub(super) async fn add(
    tx: &Tx,
    entries: &[NewEntry],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Error> {
    let mut notified: BTreeMap<NoticeKind, Vec<NotifiedMember>> = BTreeMap::new();
    let mut told = Vec::new();
    let mut left: Vec<&NewEntry> = entries.iter().collect();
    while !left.is_empty() {
        let mut members = HashSet::with_capacity(left.len());
        let (round, later): (Vec<&NewEntry>, Vec<&NewEntry>) =
            left.into_iter().partition(|entry| members.insert(entry.member));
        for added in add_round(tx, &round, random, now).await? {
            told.push(Told { member: added.entry.member, id: added.id });
            if !added.entry.is_filtered {
                let changed = NotifiedMember { member: added.entry.member, notice: added.id, group: added.group() };
                notified.entry(added.entry.kind).or_default().push(changed);
            }
        }
        left = later;
    }
    for (kind, notices) in notified {
        tx.publish(&Notified { kind, notices, at: now }, now)?;
    }
    Ok(told)
}

/// An entry on its way into a notice.
struct Adding<'e> {
    entry: &'e NewEntry,
    /// The key under which its notice grows.
    key: String,
    /// The id that its notice gets.
    id: Uuid,
    /// The notice that has this key.
    open: Option<NoticeRow>,
}

impl Adding<'_> {
    /// Returns the notice that grows; a read one does not.
    fn growing(&self) -> Option<&NoticeRow> {
        self.open.as_ref().filter(|open| !open.is_read())
    }

    /// Returns the id of the group of its notice: the first id that the notice had.
    fn group(&self) -> Uuid {
        self.growing().map_or(self.id, |open| open.group_id)
    }
}

/// Returns the key under which a notice grows: filtered ones grow by themselves.
fn open_key(group_key: &str, is_filtered: bool) -> String {
    if is_filtered { format!("filtered:{group_key}") } else { group_key.to_owned() }
}

/// Adds entries of members, one of each. Returns those that were new.
async fn add_round<'e>(
    tx: &Tx,
    entries: &[&'e NewEntry],
    random: &Random,
    now: DateTime<Utc>,
) -> Result<Vec<Adding<'e>>, Error> {
    let members: Vec<AccountId> = entries.iter().map(|entry| entry.member).collect();
    let drawn: Vec<Uuid> = entries.iter().map(|_| random.uuid_v7(now)).collect();
    let least = drawn.iter().copied().min().unwrap_or_default();
    let last = last_ids_from(tx, least, &members).await?;
    let adding = entries.iter().zip(drawn).map(|(&entry, drawn)| Adding {
        entry,
        key: open_key(&entry.group_key, entry.is_filtered),
        id: next_id(drawn, last.get(&entry.member.0).copied().unwrap_or_default()),
        open: None,
    });
    let mut adding: Vec<Adding<'e>> = adding.collect();
    find_open(tx, &mut adding).await?;
    let new = insert_entries(tx, &adding, now).await?;
    adding.retain(|adding| new.contains(&adding.entry.member.0));
    if adding.is_empty() {
        return Ok(adding);
    }
    close(tx, &adding).await?;
    let again = list_actors_again(tx, &adding).await?;
    let mut rows = Vec::with_capacity(adding.len());
    let mut changes = Vec::with_capacity(adding.len());
    for adding in &adding {
        let (row, delta) = grow(adding, &again)?;
        rows.push(row);
        changes.push((adding.entry.member, delta, adding.id));
    }
    put(tx, rows).await?;
    change_counts(tx, &changes).await?;
    Ok(adding)
}

/// Returns the values, with the last one repeated up to a power of two, so that there are few different statements.
fn padded(values: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut values: Vec<Value> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// Finds the notices that have the keys of entries.
async fn find_open(tx: &Tx, adding: &mut [Adding<'_>]) -> Result<(), Error> {
    let keys: BTreeSet<&str> = adding.iter().map(|adding| adding.key.as_str()).collect();
    let members = padded(adding.iter().map(|adding| Value::from(adding.entry.member.0)));
    let keys = padded(keys.into_iter().map(Value::from));
    let text = format!(
        "select {COLUMNS}
           from notice
           join recipient
             on recipient.member = notice.member
          where notice.member in {}
            and notice.open_key in {}",
        names_after(0, members.len()),
        names_after(members.len(), keys.len())
    );
    let rows: Vec<NoticeRow> = tx.rows(&text, members.into_iter().chain(keys).collect()).await?;
    for row in rows {
        let is_of = |adding: &&mut Adding<'_>| {
            adding.entry.member.0 == row.member && row.open_key.as_deref() == Some(adding.key.as_str())
        };
        if let Some(of) = adding.iter_mut().find(is_of) {
            of.open = Some(row);
        }
    }
    Ok(())
}

/// Inserts the rows of entries. Returns the members whose entry was not there.
async fn insert_entries(tx: &Tx, adding: &[Adding<'_>], now: DateTime<Utc>) -> Result<HashSet<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let (mut new, mut left) = (HashSet::with_capacity(adding.len()), adding);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let values = chunk.iter().flat_map(|adding| -> [Value; 6] {
            let entry = adding.entry;
            [
                entry.member.0.into(),
                entry.group_key.as_str().into(),
                entry.entry.as_str().into(),
                adding.group().into(),
                entry.actor.map(|actor| actor.0).into(),
                micros(now),
            ]
        });
        let text = format!(
            "insert into notice_entry (member, group_key, entry, group_id, actor, at_us)
             values {}
             on conflict do nothing
             returning member",
            placeholders(chunk.len(), 6)
        );
        let rows: Vec<Row> = tx.rows(&text, values.collect()).await?;
        new.extend(rows.into_iter().map(|row| row.member));
    }
    Ok(new)
}

/// Ends the growth of notices that were read.
async fn close(tx: &Tx, adding: &[Adding<'_>]) -> Result<(), Error> {
    let closed = adding.iter().filter_map(|adding| adding.open.as_ref().filter(|open| open.is_read()));
    let (members, ids): (Vec<Value>, Vec<Value>) =
        closed.map(|closed| (Value::from(closed.member), Value::from(closed.id))).unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let (members, ids) = (padded(members), padded(ids));
    let text = format!(
        "update notice
            set open_key = null
          where member in {}
            and is_filtered in (false, true)
            and id in {}",
        names_after(0, members.len()),
        names_after(members.len(), ids.len())
    );
    tx.execute(&text, members.into_iter().chain(ids).collect()).await.map(drop)
}

/// Returns the actors that have other entries than these in the groups of notices that grow: the group and the actor.
async fn list_actors_again(tx: &Tx, adding: &[Adding<'_>]) -> Result<HashSet<(Uuid, Uuid)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        group_id: Uuid,
        actor: Uuid,
        entries: i64,
    }
    let pair = |adding: &Adding<'_>| Some((adding.growing()?.group_id, adding.entry.actor?.0));
    let (groups, actors): (BTreeSet<Uuid>, BTreeSet<Uuid>) = adding.iter().filter_map(pair).unzip();
    if groups.is_empty() {
        return Ok(HashSet::new());
    }
    let (groups, actors) = (padded(groups.into_iter().map(Value::from)), padded(actors.into_iter().map(Value::from)));
    let text = format!(
        "select group_id, actor, count(*) as entries
           from notice_entry
          where group_id in {}
            and actor in {}
          group by group_id, actor",
        names_after(0, groups.len()),
        names_after(groups.len(), actors.len())
    );
    let rows: Vec<Row> = tx.rows(&text, groups.into_iter().chain(actors).collect()).await?;
    // Their own entry is there already.
    Ok(rows.into_iter().filter(|row| row.entries > 1).map(|row| (row.group_id, row.actor)).collect())
}

/// Returns the values of the notice of an entry, which grows and moves to the top if it is there and unread, and how
/// the counts change.
fn grow(adding: &Adding<'_>, again: &HashSet<(Uuid, Uuid)>) -> Result<([Value; 9], Delta), Error> {
    let entry = adding.entry;
    let (mut actors, mut count, mut delta) = (Vec::new(), 0, Delta::of_new(entry.is_filtered));
    if let Some(open) = adding.growing() {
        (actors, count) = (parse_actors(&open.actors)?, open.actor_count);
        delta = Delta { unseen: i64::from(open.is_seen() && !open.is_filtered), unread: 0 };
    }
    if let Some(actor) = entry.actor {
        count += i64::from(!again.contains(&(adding.group(), actor.0)));
        actors.retain(|named| *named != actor);
        actors.insert(0, actor);
        actors.truncate(MAX_NAMED_ACTORS);
    }
    let row = [
        entry.member.0.into(),
        entry.is_filtered.into(),
        adding.id.into(),
        adding.group().into(),
        entry.kind.as_str().into(),
        adding.key.as_str().into(),
        entry.subject.clone().into(),
        join_actors(&actors).into(),
        count.into(),
    ];
    Ok((row, delta))
}

/// Inserts notices, or replaces what has grown of those that have their key.
async fn put(tx: &Tx, rows: Vec<[Value; 9]>) -> Result<(), Error> {
    let mut left = rows.as_slice();
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let text = format!(
            "insert into notice (
                 member, is_filtered, id, group_id, kind, open_key, subject, actors, actor_count, actor, is_seen,
                 is_read
             )
             values {}
             on conflict (member, open_key) do update
                set id = excluded.id,
                    actors = excluded.actors,
                    actor_count = excluded.actor_count,
                    is_seen = false",
            notice_rows(chunk.len())
        );
        tx.execute(&text, chunk.iter().flatten().cloned().collect()).await?;
    }
    Ok(())
}

/// Returns the rows of notices, each with nine values of its own.
fn notice_rows(rows: usize) -> String {
    let row = |at: usize| {
        let names: Vec<String> = (1..=9).map(|column| format!("${}", 9 * at + column)).collect();
        format!("({}, null, false, false)", names.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
