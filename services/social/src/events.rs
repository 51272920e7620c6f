//! The events that this role consumes: what accounts are, what happens to media, and its own work on feeds. It
//! publishes those of [`contract::social`] where its commands write.
//!
//! Invariant: handling an event twice changes nothing more (states move forward, older versions are discarded, removed
//! rows stay removed), so no subscription needs the inbox.

use std::time::Duration;

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::{Erased, ProfileChanged, StandingChanged};
use contract::media::{Changed, Conversion, Deleted, SensitivityChanged};
use contract::moderation::{Decided, Overturned, Released};
use contract::social::{FeedWanted, PostRemoved, Posted};
use contract::transcode::{Failed, Playable, Ready};
use tokio::time::Instant;

use crate::commands;
use crate::model::{MediaUpdate, own_thing};
use crate::state::Social;

/// A fan-out with more to write goes behind the others for this long.
const FAN_OUT_PAUSE: Duration = Duration::from_millis(20);
/// The longest rest after a feed was filled.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<Social> {
    Subscriptions::new()
        .on("social.profile", on_profile_changed, |on| on)
        .on("social.standing", on_standing_changed, |on| on)
        .on("social.erased", on_erased, |on| on)
        .on("social.playable", on_playable, |on| on.concurrency(8))
        .on("social.ready", on_ready, |on| on.concurrency(8))
        .on("social.failed", on_failed, |on| on.concurrency(8))
        .on("social.media_changed", on_media_changed, |on| on)
        .on("social.sensitivity", on_sensitivity_changed, |on| on)
        .on("social.media_deleted", on_media_deleted, |on| on)
        .on("social.fan_out", on_posted, |on| on)
        .on("social.feed_removal", on_post_removed, |on| on.concurrency(2))
        .on("social.feed_wanted", on_feed_wanted, |on| on.concurrency(1))
        .on("social.decided", on_decided, |on| on)
        .on("social.overturned", on_overturned, |on| on)
        .on("social.released", on_released, |on| on)
}

async fn on_profile_changed(social: Social, event: ProfileChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::update_profile(&social, event.profile).await?)
}

async fn on_standing_changed(social: Social, event: StandingChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::update_standing(&social, event).await?)
}

async fn on_erased(social: Social, event: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&social, event.account).await?)
}

async fn on_playable(social: Social, event: Playable, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Playable,
        width: event.width,
        height: event.height,
        duration_ms: event.duration_ms,
        thumbhash: None,
        assets: None,
    };
    Ok(commands::advance_media(&social, event.id, update).await?)
}

async fn on_ready(social: Social, event: Ready, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Ready,
        width: event.width,
        height: event.height,
        duration_ms: event.duration_ms,
        thumbhash: event.thumbhash,
        assets: Some(event.assets),
    };
    Ok(commands::advance_media(&social, event.id, update).await?)
}

async fn on_failed(social: Social, event: Failed, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Failed,
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: None,
    };
    Ok(commands::advance_media(&social, event.id, update).await?)
}

async fn on_media_changed(social: Social, event: Changed, _: Delivery) -> Result<(), HandlerError> {
    commands::set_media_hidden(&social, event.id.clone(), event.trashed, event.version).await?;
    Ok(commands::update_song(&social, event.id, &event.name, event.trashed, event.version).await?)
}

async fn on_sensitivity_changed(social: Social, event: SensitivityChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_media_sensitivity(&social, event.id, event.sensitivity, event.version).await?)
}

async fn on_media_deleted(social: Social, event: Deleted, _: Delivery) -> Result<(), HandlerError> {
    commands::remove_song(&social, &event.id).await?;
    Ok(commands::remove_media(&social, event.id).await?)
}

async fn on_posted(social: Social, event: Posted, _: Delivery) -> Result<(), HandlerError> {
    let is_done = commands::fan_out(&social, event.id, event.author).await?;
    if is_done { Ok(()) } else { Err(HandlerError::Later(FAN_OUT_PAUSE)) }
}

async fn on_post_removed(social: Social, event: PostRemoved, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::remove_entries(&social, event.author, event.position).await?)
}

/// Fills feeds one after the other, and rests for twice as long as each took: until its feed is filled a member reads a
/// whole page all the same, and many come back at once after an evening's first reminder.
async fn on_feed_wanted(social: Social, event: FeedWanted, _: Delivery) -> Result<(), HandlerError> {
    let began = Instant::now();
    commands::fill_feed(&social, event.account).await?;
    tokio::time::sleep((began.elapsed() * 2).min(LONGEST_REST)).await;
    Ok(())
}

async fn on_decided(social: Social, event: Decided, _: Delivery) -> Result<(), HandlerError> {
    let Some((kind, object)) = own_thing(&event.thing) else { return Ok(()) };
    Ok(commands::follow_decision(&social, (kind, object), event).await?)
}

async fn on_overturned(social: Social, event: Overturned, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_appeal(&social, &event).await?)
}

async fn on_released(social: Social, event: Released, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_release(&social, &event).await?)
}
