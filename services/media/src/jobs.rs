//! Scheduled jobs: the removal of unclaimed items, expired uploads, expired links, replaced originals and what was long
//! in the trash, what is left to do for items of earlier releases, the night shift, and the comparison of pictures with
//! what was listed.
//!
//! Does not sweep objects without a row: that is [`objects::Orphans`]'s. Invariant: a job only finds what is due;
//! the command that removes it checks again, in its transaction, that it still is. A sweep passes each row once, and
//! what it can't remove holds up nothing: the next sweep tries it again.

use base::Transient as _;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{AccountId, MediaId};
use db::schedule::Job;

use crate::error::Error;
use crate::store::due::{self, DueList, DueRow};
use crate::{Media, commands};

/// Items and uploads that one step of a sweep removes.
const SWEEP_BATCH: usize = 100;
/// A run of the night shift takes no longer, so that one process at a time has it.
const NIGHT_SLOT: TimeDelta = TimeDelta::minutes(10);
/// How often pictures are compared with what was listed.
const PICTURES_SLOT: TimeDelta = TimeDelta::minutes(1);
/// Transient errors one after the other that end a sweep: then it is not the rows that are in trouble.
const MAX_TRANSIENT_ERRORS: usize = 10;

/// Returns the scheduled jobs, and starts the placing and the indexing of items of earlier releases.
pub(crate) fn jobs(media: &Media) -> Vec<Job> {
    start_upgrade(media);
    let sweeping = media.clone();
    let sweep = Job::every("media.sweep", TimeDelta::minutes(10), move |_| {
        let media = sweeping.clone();
        async move {
            let placed = commands::place_items(&media.context.db).await;
            let indexed = commands::index_items(&media).await;
            let links = commands::remove_expired_links(&media).await;
            let replaced = commands::remove_replaced(&media).await;
            sweep(&media).await?;
            replaced?;
            links?;
            indexed?;
            placed?;
            Ok(())
        }
    });
    let night = media.night.clone().map(|hours| {
        let media = media.clone();
        Job::every("media.night", NIGHT_SLOT, move |run| {
            let (media, hours) = (media.clone(), hours.clone());
            async move {
                let Some(dawn) = hours.end_after(media.context.clock.now()) else { return Ok(()) };
                // Another process may have the next slot.
                let end = dawn.min(run.slot + NIGHT_SLOT);
                commands::night_shift(&media, &run, end, media.config.night_cpu_percent).await?;
                Ok(())
            }
        })
    });
    let comparing = media.clone();
    let pictures = Job::every("media.pictures", PICTURES_SLOT, move |run| {
        let media = comparing.clone();
        async move { Ok(commands::check_pictures(&media, &run).await?) }
    });
    [sweep, pictures].into_iter().chain(night).collect()
}

/// Places and indexes the items of earlier releases in the background. With a million items the indexing takes minutes,
/// and until then lists read the whole library.
fn start_upgrade(media: &Media) {
    let (media, tasks) = (media.clone(), media.context.tasks.clone());
    media.context.tasks.clone().spawn(async move {
        tokio::select! {
            upgraded = upgrade(&media) => match upgraded {
                Ok(0) => {}
                Ok(items) => tracing::info!(items, "items of an earlier release are placed and indexed now"),
                Err(error) => tracing::warn!(%error, "not all items could be indexed; the next sweep continues"),
            },
            () = tasks.stopping() => {}
        }
    });
}

async fn upgrade(media: &Media) -> Result<usize, Error> {
    Ok(commands::place_items(&media.context.db).await? + commands::index_items(media).await?)
}

/// Removes unclaimed items, expired uploads, and items whose time in the trash is up.
async fn sweep(media: &Media) -> Result<(), Error> {
    let now = media.context.clock.now();
    for list in [DueList::Unclaimed, DueList::Uploads, DueList::Trash] {
        sweep_list(media, list, now).await?;
    }
    Ok(())
}

/// Removes what is due in a list. A row that can't be removed is logged and counted, and the sweep goes on behind it.
async fn sweep_list(media: &Media, list: DueList, now: DateTime<Utc>) -> Result<(), Error> {
    let (mut last, mut transient_errors): (Option<DueRow>, usize) = (None, 0);
    loop {
        let rows = due::list(media.context.db.read(), list, now, last.as_ref(), SWEEP_BATCH).await?;
        for row in &rows {
            match remove(media, list, row).await {
                Ok(removed) => {
                    transient_errors = 0;
                    if removed && list != DueList::Uploads {
                        tracing::info!(media.id = %row.id, list = list.as_str(), "a sweep removed an item");
                    }
                }
                Err(error) => {
                    media.metrics.sweep_failed(list.as_str());
                    tracing::warn!(id = %row.id, list = list.as_str(), %error, "a sweep could not remove this");
                    transient_errors += usize::from(error.is_transient());
                    if transient_errors == MAX_TRANSIENT_ERRORS {
                        return Err(error);
                    }
                }
            }
        }
        if rows.len() < SWEEP_BATCH {
            return Ok(());
        }
        last = rows.into_iter().next_back();
    }
}

/// Removes a row if it is still due. Returns whether it was.
async fn remove(media: &Media, list: DueList, row: &DueRow) -> Result<bool, Error> {
    let owner = AccountId(row.owner.parse().map_err(|_| db::Error::Corrupt("the owner of what is due"))?);
    match list {
        DueList::Unclaimed => commands::remove_unclaimed_item(media, &media_id(row)?, owner).await,
        DueList::Uploads => commands::remove_expired_upload(media, &row.id, owner).await,
        DueList::Trash => commands::purge_item(media, &media_id(row)?, owner).await,
    }
}

fn media_id(row: &DueRow) -> Result<MediaId, db::Error> {
    row.id.parse().map_err(|_| db::Error::Corrupt("the id of what is due"))
}
