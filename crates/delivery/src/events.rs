//! The subscriptions of delivery, and the invalidations of its other processes.
//!
//! Invariant: every handler may run twice and in any order. Whole facts are upserted, so no subscription needs the
//! inbox.

use contract::MediaId;
use contract::media::{Changed, Deleted, Received};
use contract::transcode::Published;
use kit::bus::{BroadcastMessage, Consumer, Subscription};
use kit::config::Config;

use crate::Delivery;
use crate::catalog::INVALIDATE;

const RECEIVED: &str = "delivery.received";
const CHANGED: &str = "delivery.changed";
const DELETED: &str = "delivery.deleted";
const PUBLISHED: &str = "delivery.published";

pub(crate) fn subscriptions(_: &Config) -> Vec<Subscription> {
    vec![
        Subscription::to::<Received>(RECEIVED),
        Subscription::to::<Changed>(CHANGED),
        Subscription::to::<Deleted>(DELETED),
        Subscription::to::<Published>(PUBLISHED),
    ]
}

pub(crate) fn consumers(delivery: &Delivery) -> Vec<Consumer> {
    let with = || delivery.clone();
    let (receives, changes, deletes, publishes) = (with(), with(), with(), with());
    vec![
        Consumer::of(RECEIVED, move |received: Received, _| {
            let delivery = receives.clone();
            async move { Ok(delivery.catalog.on_received(received, 0).await.map(drop)?) }
        }),
        Consumer::of(CHANGED, move |changed: Changed, _| {
            let delivery = changes.clone();
            async move { Ok(delivery.catalog.on_changed(changed).await?) }
        }),
        Consumer::of(DELETED, move |deleted: Deleted, _| {
            let delivery = deletes.clone();
            async move {
                let objects = delivery.catalog.on_deleted(&deleted).await?;
                Ok(delivery.image_renderer.remove(objects).await?)
            }
        }),
        Consumer::of(PUBLISHED, move |published: Published, _| {
            let delivery = publishes.clone();
            async move { Ok(delivery.catalog.on_published(published).await?) }
        }),
    ]
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
                Some(BroadcastMessage::Update(_, id)) => {
                    if let Ok(id) = id.parse::<MediaId>() {
                        delivery.catalog.invalidate_local(&id);
                    }
                }
                Some(BroadcastMessage::Lagged) => delivery.catalog.invalidate_all_local(),
                None => return,
            }
        }
    });
}
