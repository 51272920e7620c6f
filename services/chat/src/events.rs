//! The events that this role consumes: the ends of accounts, their profiles and standings, blocks, what happens to
//! media, and what moderation decides. It publishes those of [`contract::chat`], and tells moderation of reports and of
//! verdicts that can be appealed ([`contract::moderation`]).
//!
//! Invariant: handling an event twice changes nothing more, so no subscription needs the inbox.

use std::time::Duration;

use bus::{Delivery, HandlerError, Subscriptions};
use contract::AccountId;
use contract::accounts::{Erased, ProfileChanged, StandingChanged};
use contract::media::{Conversion, Deleted, SensitivityChanged};
use contract::moderation::{Decided, Overturned, Released};
use contract::social::{Blocked, Unblocked};
use contract::transcode::{Failed, Playable, Ready};

use crate::commands;
use crate::model::MediaUpdate;
use crate::state::Chat;

/// After this time the block of a member who sets and ends it all the time is looked at again.
const BLOCK_PAUSE: Duration = Duration::from_secs(1);

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<Chat> {
    Subscriptions::new()
        .on("chat.erased", on_erased, |on| on)
        .on("chat.profile", on_profile_changed, |on| on)
        .on("chat.standing", on_standing_changed, |on| on)
        .on("chat.blocked", on_blocked, |on| on)
        .on("chat.unblocked", on_unblocked, |on| on)
        .on("chat.playable", on_playable, |on| on)
        .on("chat.ready", on_ready, |on| on)
        .on("chat.failed", on_failed, |on| on)
        .on("chat.sensitivity", on_sensitivity_changed, |on| on)
        .on("chat.media_deleted", on_media_deleted, |on| on)
        .on("chat.decided", on_decided, |on| on)
        .on("chat.overturned", on_overturned, |on| on)
        .on("chat.released", on_released, |on| on)
}

async fn on_erased(chat: Chat, event: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&chat, event.account).await?)
}

async fn on_profile_changed(chat: Chat, event: ProfileChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_profile(&chat, event.profile).await?)
}

async fn on_standing_changed(chat: Chat, event: StandingChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_standing(&chat, event).await?)
}

async fn on_blocked(chat: Chat, event: Blocked, _: Delivery) -> Result<(), HandlerError> {
    set_block(&chat, event.blocker, event.blocked, true).await
}

async fn on_unblocked(chat: Chat, event: Unblocked, _: Delivery) -> Result<(), HandlerError> {
    set_block(&chat, event.blocker, event.blocked, false).await
}

async fn set_block(chat: &Chat, blocker: AccountId, blocked: AccountId, is_blocked: bool) -> Result<(), HandlerError> {
    let is_settled = commands::set_block(chat, blocker, blocked, is_blocked).await?;
    if is_settled { Ok(()) } else { Err(HandlerError::Later(BLOCK_PAUSE)) }
}

async fn on_playable(chat: Chat, event: Playable, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Playable,
        width: event.width,
        height: event.height,
        duration_ms: event.duration_ms,
        thumbhash: None,
        assets: None,
    };
    Ok(commands::advance_media(&chat, event.id, update).await?)
}

async fn on_ready(chat: Chat, event: Ready, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Ready,
        width: event.width,
        height: event.height,
        duration_ms: event.duration_ms,
        thumbhash: event.thumbhash,
        assets: Some(event.assets),
    };
    Ok(commands::advance_media(&chat, event.id, update).await?)
}

async fn on_failed(chat: Chat, event: Failed, _: Delivery) -> Result<(), HandlerError> {
    let update = MediaUpdate {
        state: Conversion::Failed,
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: None,
    };
    Ok(commands::advance_media(&chat, event.id, update).await?)
}

async fn on_sensitivity_changed(chat: Chat, event: SensitivityChanged, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::set_sensitivity(&chat, event.id, event.sensitivity, event.version).await?)
}

async fn on_media_deleted(chat: Chat, event: Deleted, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::remove_media(&chat, event.id).await?)
}

async fn on_decided(chat: Chat, event: Decided, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_decision(&chat, &event).await?)
}

async fn on_overturned(chat: Chat, event: Overturned, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_appeal(&chat, &event).await?)
}

async fn on_released(chat: Chat, event: Released, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_release(&chat, &event).await?)
}
