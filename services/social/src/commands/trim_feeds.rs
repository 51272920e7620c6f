//! Removing entries of old posts, and the feeds of members who have not read theirs for a while.
//!
//! Invariant: it can run at any time and any number of times, and a member who comes back misses nothing: what has no
//! entry is merged. The floor of a feed rises in the transaction that removes entries.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::model::{PersonNumber, Position};
use crate::state::Social;
use crate::store::{feed_entries, feed_owners};

/// Entries of one transaction.
const BATCH: usize = 200;

/// Removes what is too old.
pub(crate) async fn trim_feeds(social: &Social, run: &Run) -> Result<(), Error> {
    let cutoff = social.context.clock.now() - social.config.feed_age();
    while trim_entries(social, run, Position::at(cutoff, 0)).await? {}
    while trim_feed(social, run, cutoff).await? {}
    Ok(())
}

/// Removes a batch of entries of old posts. Returns whether there may be more.
async fn trim_entries(social: &Social, run: &Run, cutoff: Position) -> Result<bool, Error> {
    let run = run.clone();
    social
        .context
        .db
        .write(Lane::ALL, async move |tx| {
            run.fence(tx).await?;
            let owners = feed_entries::remove_below(tx, cutoff, BATCH).await?;
            let is_full = owners.len() == BATCH;
            for owner in owners.into_iter().collect::<BTreeSet<PersonNumber>>() {
                feed_owners::raise_floor(tx, owner, cutoff).await?;
            }
            Ok::<_, Error>(is_full)
        })
        .await
}

/// Removes a batch of a feed that is not read, and at last the feed. Returns whether there may be more.
async fn trim_feed(social: &Social, run: &Run, cutoff: DateTime<Utc>) -> Result<bool, Error> {
    let run = run.clone();
    social
        .context
        .db
        .write(Lane::ALL, async move |tx| {
            run.fence(tx).await?;
            let Some(owner) = feed_owners::find_unseen(tx, cutoff).await? else { return Ok(false) };
            feed_owners::raise_floor(tx, owner, Position::END).await?;
            if feed_entries::remove_of_owner(tx, owner, BATCH).await? < BATCH as u64 {
                feed_owners::remove(tx, owner).await?;
            }
            Ok::<_, Error>(true)
        })
        .await
}
