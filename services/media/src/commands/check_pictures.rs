//! Comparing the pictures of items that were there before with what was listed since, and showing items again whose
//! entry was removed.
//!
//! One walk over all pictures at a time, in the order of the items' ids, for all entries that are new when it begins.
//! Invariant: a walk begins a run after its end was set, so it sees the items that were being stored meanwhile with an
//! older list; it is written down after each batch, so a run may end anywhere.

use base::tasks::in_background;
use contract::MediaId;
use db::Lane;
use db::schedule::Run;
use screening::pdq::Variants;
use uuid::Uuid;

use super::withhold_item::{change_entry, withhold_like};
use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::queries::picture_list::{self, Listed};
use crate::store::listed_pictures::{self, LANE, ListState};
use crate::store::pictures::{self, ItemPicture};
use crate::store::withheld;

/// Pictures that are read and compared at once.
const BATCH: usize = 500;
/// Batches of one run.
const MAX_BATCHES: usize = 100;
/// Withheld items that are read at once.
const RELEASE_BATCH: usize = 100;

/// Goes on with both, for a bounded number of batches.
pub(crate) async fn check_pictures(media: &Media, run: &Run) -> Result<(), Error> {
    let state = listed_pictures::find_state(media.context.db.read()).await?;
    if state.removals != state.released {
        release_unlisted(media, run, state.removals).await?;
    }
    if state.checking > state.checked {
        walk(media, run, state).await
    } else if state.changes > state.checked {
        set_walked(media, run, state.checked, state.changes, "").await
    } else {
        Ok(())
    }
}

async fn walk(media: &Media, run: &Run, state: ListState) -> Result<(), Error> {
    let ListState { checked, checking, mut walked, .. } = state;
    let sql = media.context.db.read();
    let mut list = picture_list::list_between(sql, checked, checking).await?;
    for _ in 0..MAX_BATCHES {
        let (batch, is_last) = next_batch(media, &walked).await?;
        if let Some(last) = batch.last() {
            last.item.as_str().clone_into(&mut walked);
        }
        let (found, used) = in_background(move || (compare(&list, &batch), list)).await.ok_or(Error::TaskFailed)?;
        list = used;
        for (id, entry) in found {
            withhold_like(media, &id, entry).await?;
        }
        if is_last {
            return set_walked(media, run, checking, checking, "").await;
        }
        set_walked(media, run, checked, checking, &walked).await?;
    }
    Ok(())
}

/// Returns the pictures of some items behind an id, all of each, and whether they are the last ones.
async fn next_batch(media: &Media, after: &str) -> Result<(Vec<ItemPicture>, bool), Error> {
    let mut batch = pictures::list_behind(media.context.db.read(), after, BATCH).await?;
    let is_last = batch.len() < BATCH;
    if !is_last && let Some(last) = batch.last().map(|picture| picture.item.clone()) {
        // It may have more.
        batch.retain(|picture| picture.item != last);
    }
    Ok((batch, is_last))
}

/// Returns the items that have a picture that is on the list, each with one entry.
fn compare(list: &Listed, batch: &[ItemPicture]) -> Vec<(MediaId, Uuid)> {
    let items = batch.chunk_by(|one, other| one.item == other.item);
    let like = items.filter_map(|pictures| {
        let hashes: Vec<Variants> = pictures.iter().map(|picture| picture.hashes).collect();
        Some((pictures.first()?.item.clone(), picture_list::find(list, &hashes)?))
    });
    like.collect()
}

async fn set_walked(media: &Media, run: &Run, checked: u64, checking: u64, walked: &str) -> Result<(), Error> {
    let (run, walked) = (run.clone(), walked.to_owned());
    let db = &media.context.db;
    db.write(Lane::of(LANE), async move |tx| {
        run.fence(tx).await?;
        Ok(listed_pictures::set_walked(tx, checked, checking, &walked).await?)
    })
    .await
}

/// Shows the items again whose entry was removed, unless they are like another one. After `removals`, none is left.
async fn release_unlisted(media: &Media, run: &Run, removals: u64) -> Result<(), Error> {
    for _ in 0..MAX_BATCHES {
        let items = withheld::list_unlisted(media.context.db.read(), RELEASE_BATCH).await?;
        for item in &items {
            release_unless_listed(media, item).await?;
        }
        if items.len() < RELEASE_BATCH {
            let run = run.clone();
            let db = &media.context.db;
            return db
                .write(Lane::of(LANE), async move |tx| {
                    run.fence(tx).await?;
                    Ok(listed_pictures::set_released(tx, removals).await?)
                })
                .await;
        }
    }
    Ok(())
}

async fn release_unless_listed(media: &Media, item: &Item) -> Result<(), Error> {
    let sql = media.context.db.read();
    let (list, shown) = (media.picture_list.current(sql).await?, pictures::list(sql, &item.id).await?);
    let hashes: Vec<Variants> = shown.into_iter().map(|picture| picture.hashes).collect();
    let found = in_background(move || picture_list::find(&list, &hashes)).await.ok_or(Error::TaskFailed)?;
    change_entry(media, item, found).await
}

#[cfg(test)]
mod tests;
