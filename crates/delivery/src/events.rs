//! What this role hears.
//!
//! Invariant: every handler may run twice and in any order; whole facts are upserted, so there is nothing to remember in an inbox.

use contract::MediaId;
use contract::media::{Changed, Deleted, Received};
use contract::transcode::Published;
use kit::bus::{Consumer, Heard, Subscription};
use kit::config::Config;

use crate::Delivery;
use crate::library::FORGET;

const RECEIVED: &str = "delivery.received";
const CHANGED: &str = "delivery.changed";
const DELETED: &str = "delivery.deleted";
const PUBLISHED: &str = "delivery.published";

pub(crate) fn hears(_: &Config) -> Vec<Subscription> {
    vec![Subscription::to::<Received>(RECEIVED), Subscription::to::<Changed>(CHANGED), Subscription::to::<Deleted>(DELETED), Subscription::to::<Published>(PUBLISHED)]
}

pub(crate) fn consumers(delivery: &Delivery) -> Vec<Consumer> {
    let with = || delivery.clone();
    let (receives, changes, deletes, publishes) = (with(), with(), with(), with());
    vec![
        Consumer::of(RECEIVED, move |received: Received, _| {
            let delivery = receives.clone();
            async move { Ok(delivery.library.received(received, 0).await.map(drop)?) }
        }),
        Consumer::of(CHANGED, move |changed: Changed, _| {
            let delivery = changes.clone();
            async move { Ok(delivery.library.changed(changed).await?) }
        }),
        Consumer::of(DELETED, move |deleted: Deleted, _| {
            let delivery = deletes.clone();
            async move {
                let objects = delivery.library.deleted(&deleted).await?;
                Ok(delivery.pictures.remove(objects).await?)
            }
        }),
        Consumer::of(PUBLISHED, move |published: Published, _| {
            let delivery = publishes.clone();
            async move { Ok(delivery.library.published(published).await?) }
        }),
    ]
}

/// Hears what other processes of this role have learnt, and forgets what it made untrue.
pub(crate) fn listen(delivery: &Delivery) {
    let mut ear = delivery.context.bus.live().listen(FORGET);
    let (delivery, tasks) = (delivery.clone(), delivery.context.tasks.clone());
    tasks.clone().spawn(async move {
        loop {
            let heard = tokio::select! {
                heard = ear.next() => heard,
                () = tasks.stopping() => return,
            };
            match heard {
                Some(Heard::Update(_, id)) => {
                    if let Ok(id) = id.parse::<MediaId>() {
                        delivery.library.forget_here(&id);
                    }
                }
                Some(Heard::Lagged) => delivery.library.forget_all_here(),
                None => return,
            }
        }
    });
}
