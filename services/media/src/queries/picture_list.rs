//! The list of pictures that may not be shown here, as this process has it in memory.
//!
//! A comparison reads the whole list: `make bench ARGS=verdicts` has 100,000 entries.
//! Invariant: before a comparison, the list is what the database has: new entries are added, and after a removal
//! everything is read again.

use std::sync::Arc;

use db::Sql;
use screening::media_list::MediaList;
use screening::pdq::Variants;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::error::Error;
use crate::store::listed_pictures as rows;

/// Entries that are read at once.
const PAGE: usize = 5_000;

/// The list, in which each entry has its id.
pub(crate) type Listed = MediaList<Uuid>;

/// The list in memory.
#[derive(Debug, Default)]
pub(crate) struct PictureList(Mutex<Loaded>);

#[derive(Debug, Default)]
struct Loaded {
    /// The number of the newest entry.
    changes: u64,
    removals: u64,
    list: Arc<Listed>,
}

impl PictureList {
    /// Returns the list as it is now.
    pub(crate) async fn current(&self, sql: &impl Sql) -> Result<Arc<Listed>, Error> {
        let mut loaded = self.0.lock().await;
        let state = rows::find_state(sql).await?;
        if state.removals != loaded.removals {
            *loaded = Loaded { removals: state.removals, ..Loaded::default() };
        }
        if state.changes != loaded.changes {
            let read = read_between(sql, loaded.changes, state.changes).await?;
            Arc::make_mut(&mut loaded.list).extend(read);
            loaded.changes = state.changes;
        }
        Ok(loaded.list.clone())
    }
}

/// Returns the entries behind a number and up to another one.
pub(crate) async fn list_between(sql: &impl Sql, after: u64, last: u64) -> Result<Listed, Error> {
    let mut list = Listed::default();
    list.extend(read_between(sql, after, last).await?);
    Ok(list)
}

async fn read_between(sql: &impl Sql, mut after: u64, last: u64) -> Result<Vec<(screening::pdq::Pdq, Uuid)>, Error> {
    let mut read = Vec::new();
    loop {
        let page = rows::list_between(sql, after, last, PAGE).await?;
        let is_last = page.len() < PAGE;
        after = page.last().map_or(after, |entry| entry.change);
        read.extend(page.into_iter().map(|entry| (entry.hash, entry.id)));
        if is_last {
            return Ok(read);
        }
    }
}

/// Returns the entry that one of these pictures is most like, if there is one that it is the same as to a viewer.
pub(crate) fn find(list: &Listed, pictures: &[Variants]) -> Option<Uuid> {
    let found = pictures.iter().filter_map(|picture| list.find_any(picture));
    found.min_by_key(|listed| listed.distance).map(|listed| *listed.entry)
}
