//! The table `orphan_object`.
//!
//! `due_at` is null while a key is held; `condemned_at` is when it was first claimed for removal. Invariant: a row is
//! deleted when its key is named, while it is held, or after its removal has settled; from `condemned_at` on, naming
//! the key fails.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::{MAX_GROWING_CHECKS, ObjectColumn};
use crate::log_key;
use base::ObjectKey;
use db::{Db, Error, Lane, Sql, Tx, Value, chunk_size, placeholders};

/// The lane in which rows are claimed and settled, so that two sweeps never claim the same.
pub(crate) const SWEEP: &str = "orphan_object";

/// A row that a sweep has claimed.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub key: ObjectKey,
    pub condemned_at: DateTime<Utc>,
    /// How often it was claimed, including this time.
    pub looks: i64,
}

#[derive(FromQueryResult)]
struct KeyRow {
    object: String,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    object: String,
    condemned_at: DateTime<Utc>,
    looks: i64,
}

fn key(text: String) -> Result<ObjectKey, Error> {
    text.try_into().map_err(|_| Error::Corrupt("an object's key"))
}

fn values(keys: &[ObjectKey]) -> Vec<Value> {
    keys.iter().map(|key| key.as_str().into()).collect()
}

/// Splits keys into chunks of few sizes, each with its placeholders `($1, $2 …)`.
fn chunks(mut keys: &[ObjectKey]) -> impl Iterator<Item = (&[ObjectKey], String)> {
    std::iter::from_fn(move || {
        let size = (!keys.is_empty()).then(|| chunk_size(keys.len()))?;
        let (now, left) = keys.split_at(size);
        keys = left;
        Some((now, placeholders(1, size)))
    })
}

/// Records keys as held.
pub(super) async fn hold(
    db: &Db,
    keys: Vec<ObjectKey>,
    instance: &str,
    boot: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (instance, boot) = (instance.to_owned(), boot.to_owned());
    db.write(Lane::NONE, async move |tx| insert_held(tx, &keys, &instance, &boot, now).await).await
}

/// Records that this start of an instance may be storing objects under these keys.
pub async fn insert_held(
    tx: &Tx,
    keys: &[ObjectKey],
    instance: &str,
    boot: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for (keys, _) in chunks(keys) {
        let values =
            keys.iter().flat_map(|key| [key.as_str().into(), instance.into(), boot.into(), now.into()]).collect();
        tx.execute(
            &format!(
                "insert into orphan_object (object, instance, boot, since) values {}",
                placeholders(keys.len(), 4)
            ),
            values,
        )
        .await?;
    }
    log_key("registered", keys);
    Ok(())
}

/// Deletes the rows of these keys, in the transaction that names them. Returns how many were held; a condemned key is
/// not.
pub async fn mark_referenced(tx: &Tx, keys: &[ObjectKey]) -> Result<u64, Error> {
    let mut count = 0;
    for (keys, marks) in chunks(keys) {
        count += tx
            .execute(&format!("delete from orphan_object where object in {marks} and due_at is null"), values(keys))
            .await?;
    }
    log_key("named", keys);
    Ok(count)
}

/// The same for keys that must all be held: [`Error::Conflict`] if one is not, as its object may be gone.
pub async fn mark_all_referenced(tx: &Tx, keys: &[ObjectKey]) -> Result<(), Error> {
    if mark_referenced(tx, keys).await? == keys.len() as u64 { Ok(()) } else { Err(Error::Conflict) }
}

/// Marks keys as orphaned, in the transaction that stops naming them: their objects are removed, now or by the next
/// sweep.
pub async fn mark_orphaned(tx: &Tx, keys: &[ObjectKey], now: DateTime<Utc>) -> Result<(), Error> {
    for (keys, _) in chunks(keys) {
        let values = keys
            .iter()
            .flat_map(|key| {
                [key.as_str().into(), "".into(), "".into(), now.into(), now.into(), MAX_GROWING_CHECKS.into()]
            })
            .collect();
        let text = format!(
            "insert into orphan_object (object, instance, boot, since, due_at, looks) values {} \
             on conflict (object) do update set due_at = excluded.due_at where orphan_object.due_at is null",
            placeholders(keys.len(), 6)
        );
        tx.execute(&text, values).await?;
    }
    log_key("orphaned", keys);
    Ok(())
}

/// Returns held keys of earlier starts of this instance, those that any instance has held since before `before`, and
/// with `own` those of this start.
pub(super) async fn list_lost(
    db: &Db,
    (instance, boot): (&str, &str),
    own: bool,
    before: DateTime<Utc>,
    after: &str,
    limit: usize,
) -> Result<Vec<ObjectKey>, Error> {
    let text = "select object from orphan_object where due_at is null and object > $5 \
         and ((instance = $1 and (boot <> $2 or $3)) or since < $4) order by object limit $6";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<KeyRow> = db
        .read()
        .rows(text, vec![instance.into(), boot.into(), own.into(), before.into(), after.into(), limit.into()])
        .await?;
    rows.into_iter().map(|row| key(row.object)).collect()
}

/// Makes held keys due, once every started write is decided. It checks the columns that name objects first: whatever
/// went wrong before, the sweep removes nothing that a row names.
pub(super) async fn orphan_lost(
    db: &Db,
    keys: Vec<ObjectKey>,
    columns: &'static [ObjectColumn],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    db.write(Lane::ALL, async move |tx| {
        let mut found = HashSet::new();
        for ObjectColumn { table, column, .. } in columns.iter().filter(|column| column.is_whole) {
            for (keys, marks) in chunks(&keys) {
                let text = format!("select {column} as object from {table} where {column} in {marks}");
                let rows: Vec<KeyRow> = tx.rows(&text, values(keys)).await?;
                found.extend(rows.into_iter().map(|row| row.object));
            }
        }
        let (kept, lost): (Vec<ObjectKey>, Vec<ObjectKey>) =
            keys.into_iter().partition(|key| found.contains(key.as_str()));
        if let Some(object) = kept.first() {
            tracing::warn!(%object, keys = kept.len(), "rows name objects whose keys were held by a process that \
                    is gone; the objects are kept");
        }
        mark_referenced(tx, &kept).await?;
        for (keys, marks) in chunks(&lost) {
            let mut values = values(keys);
            values.push(now.into());
            let text = format!(
                "update orphan_object set due_at = ${} where due_at is null and object in {marks}",
                values.len()
            );
            tx.execute(&text, values).await?;
        }
        log_key("orphaned (its holder is gone)", &lost);
        Ok(())
    })
    .await
}

/// Claims the rows of these keys until `until`.
pub(super) async fn claim(
    db: &Db,
    keys: Vec<ObjectKey>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Claimed>, Error> {
    db.write(Lane::of(SWEEP), async move |tx| {
        let mut claimed = Vec::new();
        for (keys, marks) in chunks(&keys) {
            claimed.extend(claim_where(tx, &format!("object in {marks}"), values(keys), now, until).await?);
        }
        Ok(claimed)
    })
    .await
}

/// Claims rows that are due.
pub(super) async fn claim_due(
    db: &Db,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Claimed>, Error> {
    // Mostly there is none, and then no writer has to wait for that.
    let due: Option<KeyRow> =
        db.read().row(&format!("{ANY_DUE} and {NOT_HELD_AT}$1) limit 1"), vec![now.into()]).await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let which = "object in (select object from orphan_object where due_at <= $1 order by due_at limit $2)";
    db.write(Lane::of(SWEEP), async move |tx| claim_where(tx, which, vec![now.into(), limit.into()], now, until).await)
        .await
}

const ANY_DUE: &str = "select object from orphan_object where due_at <= $1";
/// The condition that no backup holds removals: the number of the parameter with the present time follows, and a
/// bracket.
const NOT_HELD_AT: &str = "not exists (select 1 from removal_hold where until > ";

/// Claims rows, unless a backup holds removals: then it claims none.
async fn claim_where(
    tx: &Tx,
    which: &str,
    mut values: Vec<Value>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Claimed>, Error> {
    let (now_at, until_at) = (values.len() + 1, values.len() + 2);
    values.extend([now.into(), until.into()]);
    let text = format!(
        "update orphan_object set condemned_at = coalesce(condemned_at, ${now_at}), due_at = ${until_at}, looks = \
         looks + 1 where {which} and {NOT_HELD_AT}${now_at}) \
         returning object, condemned_at, looks"
    );
    let rows: Vec<ClaimedRow> = tx.rows(&text, values).await?;
    rows.into_iter()
        .map(|row| Ok(Claimed { key: key(row.object)?, condemned_at: row.condemned_at, looks: row.looks }))
        .collect()
}

/// Deletes the rows under whose keys nothing can appear any more, and records when the others are checked again.
pub(super) async fn settle(
    db: &Db,
    forgotten: Vec<ObjectKey>,
    rechecks: Vec<(ObjectKey, DateTime<Utc>)>,
) -> Result<(), Error> {
    db.write(Lane::of(SWEEP), async move |tx| {
        for (keys, marks) in chunks(&forgotten) {
            tx.execute(&format!("delete from orphan_object where object in {marks}"), values(keys)).await?;
        }
        let mut by_time: BTreeMap<DateTime<Utc>, Vec<ObjectKey>> = BTreeMap::new();
        rechecks.into_iter().for_each(|(key, due_at)| by_time.entry(due_at).or_default().push(key));
        for (due_at, keys) in &by_time {
            for (keys, marks) in chunks(keys) {
                let mut values = values(keys);
                values.push((*due_at).into());
                let text = format!("update orphan_object set due_at = ${} where object in {marks}", values.len());
                tx.execute(&text, values).await?;
            }
            log_key("is checked again later", keys);
        }
        log_key("forgotten", &forgotten);
        Ok(())
    })
    .await
}
