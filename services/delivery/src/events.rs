//! The subscriptions of delivery, the invalidations of its other processes, and reloads.
//!
//! Invariant: every handler may run twice and in any order (see [`commands`]).

use base::config::Config;
use bus::{BroadcastMessage, HandlerError, Subscriptions};
use contract::accounts::{Erased, StandingChanged};
use contract::media::{Changed, Deleted, Received, Recompressed};
use contract::transcode::Published;
use tokio::sync::mpsc;

use crate::catalog::{INVALIDATE, Reload};
use crate::state::Delivery;
use crate::{commands, queries};

/// Returns the subscriptions of this service, with their handlers.
pub(crate) fn subscriptions(_: &Config) -> Subscriptions<Delivery> {
    Subscriptions::new()
        .on("delivery.received", on_received, |on| on)
        .on("delivery.changed", on_changed, |on| on)
        .on("delivery.recompressed", on_recompressed, |on| on)
        .on("delivery.deleted", on_deleted, |on| on)
        .on("delivery.published", on_published, |on| on)
        .on("delivery.standing", on_standing_changed, |on| on)
        .on("delivery.erased", on_erased, |on| on)
}

async fn on_received(delivery: Delivery, received: Received, _: bus::Delivery) -> Result<(), HandlerError> {
    commands::receive(&delivery, received, 0).await?;
    Ok(())
}

async fn on_changed(delivery: Delivery, changed: Changed, _: bus::Delivery) -> Result<(), HandlerError> {
    Ok(commands::change(&delivery, changed).await?)
}

async fn on_recompressed(delivery: Delivery, recompressed: Recompressed, _: bus::Delivery) -> Result<(), HandlerError> {
    Ok(commands::recompress(&delivery, recompressed).await?)
}

async fn on_deleted(delivery: Delivery, deleted: Deleted, _: bus::Delivery) -> Result<(), HandlerError> {
    Ok(commands::delete(&delivery, deleted).await?)
}

async fn on_published(delivery: Delivery, published: Published, _: bus::Delivery) -> Result<(), HandlerError> {
    Ok(commands::publish(&delivery, published).await?)
}

async fn on_standing_changed(
    delivery: Delivery,
    changed: StandingChanged,
    _: bus::Delivery,
) -> Result<(), HandlerError> {
    Ok(commands::set_standing(&delivery, changed).await?)
}

async fn on_erased(delivery: Delivery, erased: Erased, _: bus::Delivery) -> Result<(), HandlerError> {
    Ok(commands::hide_erased(&delivery, erased.account).await?)
}

/// Receives invalidations from other processes of this role, and applies them to the caches of this one.
pub(crate) fn listen_for_invalidations(delivery: &Delivery) {
    let mut subscription = delivery.context.bus.broadcast().subscribe(INVALIDATE);
    let (delivery, tasks) = (delivery.clone(), delivery.context.tasks.clone());
    tasks.clone().spawn(async move {
        loop {
            let message = tokio::select! {
                message = subscription.next() => message,
                () = tasks.stopping() => return,
            };
            match message {
                Some(BroadcastMessage::Update(_, name)) => delivery.catalog.invalidate_named(&name),
                Some(BroadcastMessage::Lagged) => delivery.catalog.invalidate_all_local(),
                None => return,
            }
        }
    });
}

/// Loads again what was in use when it was invalidated.
pub(crate) fn reload_invalidated(delivery: &Delivery, mut reloads: mpsc::Receiver<Reload>) {
    let (delivery, tasks) = (delivery.clone(), delivery.context.tasks.clone());
    tasks.clone().spawn(async move {
        loop {
            let reload = tokio::select! {
                reload = reloads.recv() => reload,
                () = tasks.stopping() => return,
            };
            let Some(reload) = reload else { return };
            let delivery = delivery.clone();
            tasks.spawn(async move { load_again(&delivery, &reload).await });
        }
    });
}

async fn load_again(delivery: &Delivery, reload: &Reload) {
    // The next reader receives the error, if there is one.
    if reload.item {
        let _ = queries::get_item(delivery, &reload.id).await;
    }
    if reload.playback {
        let _ = queries::get_playback(delivery, &reload.id).await;
    }
}
