//! The subscriptions of media: the progress of conversions, the scores of classifiers, the privacy of profiles,
//! accounts that were erased, suspended or restored, files that moderators refuse, and what they decide about what is
//! withheld.
//!
//! Invariant: every effect is idempotent (states only move forward, removed rows stay removed, an older standing
//! changes nothing), so no subscription needs the inbox.

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::{Erased, PrivacyChanged, StandingChanged};
use contract::moderation::{Decided, Overturned, Released};
use contract::transcode::{Classified, Failed, Playable, Progress, Ready};

use crate::{Media, commands};

/// Returns the subscriptions and their handlers.
pub(crate) fn subscriptions() -> Subscriptions<Media> {
    Subscriptions::new()
        .on("media.progress", on_progress, |on| on.concurrency(8))
        .on("media.playable", on_playable, |on| on.concurrency(8))
        .on("media.ready", on_ready, |on| on.concurrency(16))
        .on("media.failed", on_failed, |on| on.concurrency(8))
        .on("media.classified", on_classified, |on| on)
        .on("media.erase", on_erased, |on| on)
        .on("media.privacy", on_privacy_changed, |on| on)
        .on("media.standing", on_standing_changed, |on| on)
        .on("media.decided", on_decided, |on| on)
        .on("media.overturned", on_overturned, |on| on)
        .on("media.released", on_released, |on| on)
}

async fn on_progress(media: Media, event: Progress, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_progress(&media, event).await?)
}

async fn on_playable(media: Media, event: Playable, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_playable(&media, event).await?)
}

async fn on_ready(media: Media, event: Ready, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_ready(&media, event).await?)
}

async fn on_failed(media: Media, event: Failed, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_failed(&media, event).await?)
}

async fn on_classified(media: Media, event: Classified, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_nudity(&media, event).await?)
}

async fn on_erased(media: Media, event: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&media, event.account).await?)
}

async fn on_privacy_changed(media: Media, event: PrivacyChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_privacy(&media, event).await?)
}

async fn on_standing_changed(media: Media, event: StandingChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_standing(&media, event).await?)
}

async fn on_decided(media: Media, event: Decided, _: Delivery) -> Result<(), HandlerError> {
    commands::block_media(&media, &event).await?;
    Ok(commands::settle_verdict(&media, &event).await?)
}

async fn on_overturned(media: Media, event: Overturned, _: Delivery) -> Result<(), HandlerError> {
    commands::unblock_media(&media, &event).await?;
    Ok(commands::release_verdict(&media, &event.thing, event.id).await?)
}

async fn on_released(media: Media, event: Released, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::release_verdict(&media, &event.thing, event.id).await?)
}
