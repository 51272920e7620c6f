//! The events that this role consumes. It publishes [`contract::accounts::Erased`] where an account is erased.
//!
//! Invariant: once a `Deleted` event has been handled, no profile shows that photo.

use contract::media::Deleted;
use kit::bus::{Consumer, Subscription};
use kit::config::Config;

use crate::accounts::Accounts;
use crate::store;

const AVATAR_CONSUMER: &str = "accounts.avatar";

pub(crate) fn subscriptions(_: &Config) -> Vec<Subscription> {
    vec![Subscription::to::<Deleted>(AVATAR_CONSUMER)]
}

/// Returns the durable consumers.
pub(crate) fn consumers(accounts: &Accounts) -> Vec<Consumer> {
    let db = accounts.context.db.clone();
    vec![Consumer::of::<Deleted, _, _>(AVATAR_CONSUMER, move |deleted, _| {
        let db = db.clone();
        // Ids are never reused, so handling an event twice changes nothing. No inbox is needed.
        async move {
            Ok(db
                .write(move |tx| {
                    Box::pin(async move { store::accounts::clear_avatar(tx, deleted.owner, &deleted.id).await })
                })
                .await
                .map(drop)?)
        }
    })]
}
