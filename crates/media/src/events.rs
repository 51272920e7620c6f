//! The subscriptions of media: the progress of conversions, and erased accounts.
//!
//! Invariant: every effect is idempotent (states only move forward, removed rows stay removed), so no subscription
//! needs the inbox.

use contract::accounts::Erased;
use contract::transcode::{Failed, Playable, Progress, Ready};
use contract::{AccountId, MediaId};
use futures::future::BoxFuture;
use kit::bus::{Consumer, HandlerError, Subscription};
use kit::config::Config;
use kit::db::Tx;
use kit::http::Idempotency;

use crate::Media;
use crate::error::Error;
use crate::model::{Failure, Item};
use crate::store;
use crate::store::items::MediaInfo;

/// The message on the topic of an item after which followers read the item again. Other messages are its progress.
pub(crate) const STATE_CHANGED: &str = "state";

/// Returns the broadcast topic of an item.
pub(crate) fn topic(id: &MediaId) -> String {
    format!("media.{id}")
}

const PROGRESS: &str = "media.progress";
const PLAYABLE: &str = "media.playable";
const READY: &str = "media.ready";
const FAILED: &str = "media.failed";
const ERASE: &str = "media.erase";

pub(crate) fn subscriptions(_: &Config) -> Vec<Subscription> {
    vec![
        Subscription::to::<Progress>(PROGRESS),
        Subscription::to::<Playable>(PLAYABLE),
        Subscription::to::<Ready>(READY),
        Subscription::to::<Failed>(FAILED),
        Subscription::to::<Erased>(ERASE),
    ]
}

/// Returns the durable consumers.
pub(crate) fn consumers(media: &Media) -> Vec<Consumer> {
    let (progress, playable, ready, failed, erased) =
        (media.clone(), media.clone(), media.clone(), media.clone(), media.clone());
    vec![
        Consumer::of(PROGRESS, move |event: Progress, _| {
            let media = progress.clone();
            async move { media.on_progress(event).await }
        })
        .concurrency(8),
        Consumer::of(PLAYABLE, move |event: Playable, _| {
            let media = playable.clone();
            async move {
                let info = MediaInfo { width: event.width, height: event.height, duration_ms: event.duration_ms };
                let now = media.context.clock.now();
                media
                    .apply(event.id.clone(), move |tx| {
                        Box::pin(async move { store::items::set_playable(tx, &event.id, &info, now).await })
                    })
                    .await
            }
        })
        .concurrency(8),
        Consumer::of(READY, move |event: Ready, _| {
            let media = ready.clone();
            async move {
                let info = MediaInfo { width: event.width, height: event.height, duration_ms: event.duration_ms };
                let now = media.context.clock.now();
                media
                    .apply(event.id.clone(), move |tx| {
                        Box::pin(async move {
                            store::items::set_ready(tx, &event.id, &info, event.thumbhash, &event.assets, now).await
                        })
                    })
                    .await
            }
        })
        .concurrency(16),
        Consumer::of(FAILED, move |event: Failed, _| {
            let media = failed.clone();
            async move {
                let failure = Failure { code: event.code, detail: event.detail };
                let now = media.context.clock.now();
                media
                    .apply(event.id.clone(), move |tx| {
                        Box::pin(async move { store::items::set_failed(tx, &event.id, &failure, now).await })
                    })
                    .await
            }
        })
        .concurrency(8),
        Consumer::of(ERASE, move |event: Erased, _| {
            let media = erased.clone();
            async move { media.erase_account(event.account).await.map_err(HandlerError::from) }
        }),
    ]
}

impl Media {
    async fn on_progress(&self, event: Progress) -> Result<(), HandlerError> {
        let (id, now) = (event.id.clone(), self.context.clock.now());
        let text = serde_json::json!({ "percent": event.percent, "remaining_ms": event.remaining_ms }).to_string();
        let changed: Option<Item> = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    store::items::set_progress(tx, &event.id, event.percent.min(100), event.remaining_ms, now).await
                })
            })
            .await
            .map_err(|error: kit::db::Error| HandlerError::from(error))?;
        if changed.is_some() {
            self.context.bus.broadcast().publish(&topic(&id), &text);
        }
        Ok(())
    }

    /// Applies a change, and notifies followers if anything changed.
    async fn apply<F>(&self, id: MediaId, change: F) -> Result<(), HandlerError>
    where
        F: for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<Option<Item>, kit::db::Error>> + Send + 'static,
    {
        if self.context.db.write(change).await?.is_some() {
            self.notify(&id);
        }
        Ok(())
    }

    /// Notifies followers that an item has changed.
    pub(crate) fn notify(&self, id: &MediaId) {
        self.context.bus.broadcast().publish(&topic(id), STATE_CHANGED);
    }

    /// Removes everything of a member whose account was erased.
    async fn erase_account(&self, owner: AccountId) -> Result<(), Error> {
        const BATCH: usize = 100;
        let now = self.context.clock.now();
        // The account is closed first, so that uploads in flight are refused.
        let closed: Result<(), kit::db::Error> = self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::usage::set_closed(tx, owner, now).await }))
            .await;
        closed?;
        loop {
            let uploads = store::uploads::list_by_owner(self.context.db.read(), owner, BATCH).await?;
            for upload in &uploads {
                self.remove_upload(&upload.id, owner).await?;
            }
            let items = store::items::list_by_owner(self.context.db.read(), owner, BATCH).await?;
            for item in &items {
                self.remove_item(&item.id, owner).await?;
            }
            if uploads.is_empty() && items.is_empty() {
                return Ok(Idempotency::forget(&self.context.db, owner.0).await?);
            }
        }
    }
}
