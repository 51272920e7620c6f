//! Compares the store with the rows, in both directions.
//!
//! Owns reading every key that the roles' databases name or track, and every object in the store; each service declares
//! which of its columns name objects. Needs memory for one entry per object. Works beside running servers: every
//! difference is checked once more, so that concurrent changes are not reported. Invariant: an object is removed here
//! only if no row of any role knows its key, and it is old.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::FromQueryResult;
use serde::Serialize;

use super::orphans::{ObjectColumn, keys_within};
use super::{Listed, ObjectKey, Objects, shards};
use db::{Db, Sql};

/// Rows of one query.
const PAGE_ROWS: usize = 5_000;
/// Concurrent requests to the store.
const MAX_CONCURRENT_REQUESTS: usize = 8;

/// A role's database, and its columns that name objects.
#[derive(Debug)]
pub struct RoleDatabase {
    /// The role.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// The columns that name objects.
    pub columns: &'static [ObjectColumn],
}

/// An error of the comparison.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A database can't be read.
    #[error("the database of {0} can't be read: {1}")]
    Db(&'static str, #[source] db::Error),
    /// The store failed.
    #[error(transparent)]
    Objects(#[from] super::Error),
}

/// An object that no row knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untracked {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to, if the store reports it.
    pub modified: Option<DateTime<Utc>>,
}

/// A row whose object does not exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// The object's key.
    pub key: ObjectKey,
    /// The column that names it, such as `media.item.object`.
    pub named_in: String,
}

/// The differences between the store and the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Objects in the store.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Keys that rows name.
    pub named: u64,
    /// Keys that are tracked only: being written, or to be removed.
    pub tracked: u64,
    /// Objects without a row.
    pub untracked: Vec<Untracked>,
    /// Rows without an object.
    pub missing: Vec<Missing>,
}

impl Report {
    /// Whether the two agree.
    pub fn is_clean(&self) -> bool {
        self.untracked.is_empty() && self.missing.is_empty()
    }

    /// Returns the objects without a row that were last written to before `before`. A process may still be writing the
    /// others.
    pub fn removable(&self, before: DateTime<Utc>) -> impl Iterator<Item = &Untracked> {
        self.untracked.iter().filter(move |object| object.modified.is_some_and(|modified| modified < before))
    }
}

/// Every key that the rows know, with the column that names it, or `None` if it is only tracked.
type Known = HashMap<ObjectKey, Option<(usize, usize)>>;

/// Compares the store with the rows of all roles.
pub async fn check(objects: &Objects, databases: &[RoleDatabase]) -> Result<Report, Error> {
    let mut known = read_known_keys(databases).await?;
    let mut report = Report { named: 0, tracked: 0, ..Report::default() };
    for location in known.values() {
        *(if location.is_some() { &mut report.named } else { &mut report.tracked }) += 1;
    }
    let mut listings =
        stream::iter(shards()).map(async |shard| objects.list(&shard).await).buffer_unordered(MAX_CONCURRENT_REQUESTS);
    while let Some(shard) = listings.try_next().await? {
        for Listed { key, bytes, modified } in shard {
            report.objects += 1;
            report.bytes += bytes;
            if known.remove(&key).is_none() {
                report.untracked.push(Untracked { key, bytes, modified: modified.map(Into::into) });
            }
        }
    }
    drop(listings);
    // The remaining keys were not listed. Of columns that have keys within other text, a missing object proves nothing.
    known.retain(|_, location| {
        location.is_some_and(|(database, column)| {
            databases
                .get(database)
                .and_then(|database| database.columns.get(column))
                .is_some_and(|object_column| object_column.is_whole)
        })
    });
    if report.untracked.is_empty() && known.is_empty() {
        return Ok(report);
    }
    let again = read_known_keys(databases).await?;
    report.untracked.retain(|object| !again.contains_key(&object.key));
    let lost = known.into_iter().filter_map(|(key, location)| {
        location.filter(|location| again.get(&key) == Some(&Some(*location))).map(|location| (key, location))
    });
    let mut asked = stream::iter(lost)
        .map(async |(key, location)| Ok::<_, Error>((objects.exists(&key).await?, key, location)))
        .buffer_unordered(MAX_CONCURRENT_REQUESTS);
    while let Some((is_there, key, (database, column))) = asked.try_next().await? {
        if let (false, Some(database)) = (is_there, databases.get(database))
            && let Some(ObjectColumn { table, column, .. }) = database.columns.get(column)
        {
            report.missing.push(Missing { key, named_in: format!("{}.{table}.{column}", database.service) });
        }
    }
    report.untracked.sort_by(|one, other| one.key.cmp(&other.key));
    report.missing.sort();
    Ok(report)
}

/// Removes the objects without a row of a report that were last written to more than `older_than` before `now`. Returns
/// how many.
pub async fn remove_untracked(
    objects: &Objects,
    report: &Report,
    now: DateTime<Utc>,
    older_than: TimeDelta,
) -> Result<u64, Error> {
    let removals = stream::iter(report.removable(now - older_than))
        .map(async |object| objects.remove(&object.key).await)
        .buffer_unordered(MAX_CONCURRENT_REQUESTS);
    Ok(removals.try_fold(0, async |count, ()| Ok(count + 1)).await?)
}

/// Returns every key that the roles know. The tracked keys are read first: a key that is named meanwhile is then seen
/// in one of the two.
async fn read_known_keys(databases: &[RoleDatabase]) -> Result<Known, Error> {
    let mut known = Known::new();
    for database in databases {
        for_each_value(database, "orphan_object", "object", |text| {
            known.extend(keys_within(text).map(|key| (key, None)));
        })
        .await?;
    }
    for (database_index, database) in databases.iter().enumerate() {
        for (column, object_column) in database.columns.iter().enumerate() {
            // A key that is also tracked may be removed at any moment, so it stays listed as tracked.
            let visit = |text: &str| {
                keys_within(text).for_each(|key| {
                    known.entry(key).or_insert(Some((database_index, column)));
                });
            };
            for_each_value(database, object_column.table, object_column.column, visit).await?;
        }
    }
    Ok(known)
}

#[derive(FromQueryResult)]
struct Text {
    text: String,
}

/// Visits every value of a column, page by page.
async fn for_each_value(
    database: &RoleDatabase,
    table: &str,
    column: &str,
    mut visit: impl FnMut(&str),
) -> Result<(), Error> {
    let query = format!(
        "select {column} as text from {table} where {column} > $1 group by {column} order by {column} limit $2"
    );
    let mut after = String::new();
    loop {
        let rows: Vec<Text> = database
            .db
            .read()
            .rows(&query, vec![after.as_str().into(), (PAGE_ROWS as i64).into()])
            .await
            .map_err(|error| Error::Db(database.service, error))?;
        rows.iter().for_each(|row| visit(&row.text));
        match rows.into_iter().last() {
            Some(last) => after = last.text,
            None => return Ok(()),
        }
    }
}
