//! Asking media about what posts wait for.
//!
//! Events say it first; this is for those that came before the post's rows were there. Invariant: it can run at any
//! time and any number of times; states only move forward, an item that is gone holds no post up, and neither does a
//! post that can't be settled hold up another one.

use base::Transient as _;
use chrono::{DateTime, TimeDelta, Utc};
use contract::MediaId;
use contract::media::{FindOwnedItems, OwnedItem};
use db::{Lane, Tx};
use uuid::Uuid;

use super::publish_post::settle;
use crate::error::Error;
use crate::model::{MediaUpdate, Post};
use crate::state::Social;
use crate::store::{counts, people, post_media, posts};

/// Posts that are asked about in one step.
const BATCH: usize = 50;
/// A post that is older is asked about right after it was written, or told by an event.
const MIN_AGE: TimeDelta = TimeDelta::seconds(30);
/// Conversions take hours at most; after this time only events tell.
const MAX_AGE: TimeDelta = TimeDelta::days(2);
/// After so many transient errors in a row, the media role or the database is unavailable, and the next run goes on.
const MAX_TRANSIENT_ERRORS: usize = 10;

/// Asks about all posts that have waited for a while. One that can't be settled is logged and counted, and the next run
/// tries it again.
pub(crate) async fn settle_waiting(social: &Social) -> Result<(), Error> {
    let now = social.context.clock.now();
    let (mut after, mut transient_errors): (DateTime<Utc>, usize) = (now - MAX_AGE, 0);
    loop {
        let sql = social.context.db.read();
        let waiting = posts::list_waiting(sql, after, now - MIN_AGE, BATCH).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        after = last.created_at;
        for post in waiting {
            let id = post.id;
            let Err(error) = settle_one(social, post).await else {
                transient_errors = 0;
                continue;
            };
            social.metrics.unsettled_posts.inc();
            tracing::warn!(%error, post.id = %id, "the media of a waiting post could not be read");
            transient_errors += usize::from(error.is_transient());
            if transient_errors == MAX_TRANSIENT_ERRORS {
                return Err(error);
            }
        }
    }
}

/// Asks about one post.
pub(crate) async fn settle_post(social: &Social, id: Uuid) -> Result<(), Error> {
    match posts::find(social.context.db.read(), id).await? {
        Some(post) => settle_one(social, post).await,
        None => Ok(()),
    }
}

async fn settle_one(social: &Social, post: Post) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let Some(author) = people::find(sql, post.author).await? else { return Ok(()) };
    let media = post_media::list(sql, &[post.id]).await?.remove(&post.id).unwrap_or_default();
    let ids: Vec<MediaId> = media.into_iter().map(|item| item.id).collect();
    let mut found: Vec<OwnedItem> = Vec::new();
    let mut missing: Vec<MediaId> = Vec::new();
    if !ids.is_empty() {
        let query = FindOwnedItems { owner: author.account, ids: ids.clone() };
        // No answer at all is that of a release which does not know the question.
        if let Some(items) = social.context.peers.ask(&query).await? {
            missing.extend(ids.into_iter().filter(|id| items.iter().all(|item| item.id != *id)));
            found = items;
        }
    }
    let (lane, random) = (Lane::of(&author.account), social.context.random.clone());
    social
        .context
        .db
        .write(lane, async move |tx| {
            for item in &found {
                take_over(tx, item).await?;
                post_media::show(tx, &item.id, post.id, item.version).await?;
                counts::settle_public_with(tx, author.number, &item.id).await?;
            }
            for id in &missing {
                post_media::hide(tx, id, post.id).await?;
                counts::settle_public(tx, author.number, post.id).await?;
            }
            match posts::find(tx, post.id).await? {
                Some(post) => settle(tx, &author, post, &random, now).await,
                None => Ok(()),
            }
        })
        .await
}

/// Moves an item forward, and sets how sensitive it is, in every post and greeting that has it.
pub(super) async fn take_over(tx: &Tx, item: &OwnedItem) -> Result<(), Error> {
    post_media::advance(tx, &item.id, &update_of(item)).await?;
    // Of most items nothing has been said yet.
    if item.sensitivity_version > 0 {
        post_media::set_sensitivity(tx, &item.id, item.sensitivity, item.sensitivity_version).await?;
    }
    Ok(())
}

/// Returns how far an item is.
fn update_of(item: &OwnedItem) -> MediaUpdate {
    MediaUpdate {
        state: item.state,
        width: item.width,
        height: item.height,
        duration_ms: item.duration_ms,
        thumbhash: item.thumbhash.clone(),
        assets: Some(item.assets.clone()),
    }
}
