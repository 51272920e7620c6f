//! Moves the state of an item forward, as transcode reports it.
//!
//! Invariant: every write is idempotent, so an event that arrives late or twice changes nothing and notifies no client.

use contract::transcode::{Failed, Playable, Progress, Ready};
use db::Lane;

use super::withhold_item::withhold_listed;
use crate::Media;
use crate::error::Error;
use crate::item_topic::{notify, notify_progress};
use crate::model::Failure;
use crate::model::known_picture::comparable;
use crate::store;
use crate::store::item_states::{self, MediaInfo};

/// Records how far the conversion is.
pub(crate) async fn set_progress(media: &Media, event: Progress) -> Result<(), Error> {
    let Progress { id, percent, remaining_ms } = event;
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&id);
    let changed = media
        .context
        .db
        .write(lane, async move |tx| {
            Ok::<_, Error>(item_states::set_progress(tx, &item_id, percent.min(100), remaining_ms, now).await?)
        })
        .await?;
    if changed.is_some() {
        notify_progress(media, &id, percent, remaining_ms);
    }
    Ok(())
}

/// Marks an item as playable.
pub(crate) async fn set_playable(media: &Media, event: Playable) -> Result<(), Error> {
    let info = MediaInfo { width: event.width, height: event.height, duration_ms: event.duration_ms };
    let (id, now) = (event.id.clone(), media.context.clock.now());
    let lane = Lane::of(&id);
    let changed = media
        .context
        .db
        .write(lane, async move |tx| Ok::<_, Error>(item_states::set_playable(tx, &id, &info, now).await?))
        .await?;
    if changed.is_some() {
        notify(media, &event.id);
    }
    Ok(())
}

/// Marks an item as ready, and keeps the hashes of its pictures. One that is like a listed picture is withheld before.
pub(crate) async fn set_ready(media: &Media, event: Ready) -> Result<(), Error> {
    let pictures = comparable(&event.pictures);
    withhold_listed(media, &event.id, pictures.clone()).await?;
    let info = MediaInfo { width: event.width, height: event.height, duration_ms: event.duration_ms };
    let (id, now) = (event.id.clone(), media.context.clock.now());
    let (thumbhash, assets) = (event.thumbhash, event.assets);
    let lane = Lane::of(&id);
    let changed = media
        .context
        .db
        .write(lane, async move |tx| {
            let changed = item_states::set_ready(tx, &id, &info, thumbhash, &assets, now).await?;
            if changed.is_some() {
                store::pictures::insert_all(tx, &id, &pictures).await?;
            }
            Ok::<_, Error>(changed)
        })
        .await?;
    if changed.is_some() {
        notify(media, &event.id);
    }
    Ok(())
}

/// Marks an item as failed.
pub(crate) async fn set_failed(media: &Media, event: Failed) -> Result<(), Error> {
    let (failure, retry) = (Failure { code: event.code, detail: event.detail }, event.retry);
    let (id, now) = (event.id.clone(), media.context.clock.now());
    let lane = Lane::of(&id);
    let changed = media
        .context
        .db
        .write(lane, async move |tx| Ok::<_, Error>(item_states::set_failed(tx, &id, &failure, retry, now).await?))
        .await?;
    if changed.is_some() {
        notify(media, &event.id);
    }
    Ok(())
}
