//! What this role hears. What it says, [`contract::accounts::Erased`], is recorded where an account is erased.
//!
//! Invariant: no profile shows a picture that its owner has deleted, once the news has arrived.

use contract::media::Deleted;
use kit::bus::{Consumer, Subscription};
use kit::config::Config;

use crate::accounts::Accounts;
use crate::store;

const AVATAR_CONSUMER: &str = "accounts.avatar";

pub(crate) fn subscriptions(_: &Config) -> Vec<Subscription> {
    vec![Subscription::to::<Deleted>(AVATAR_CONSUMER)]
}

/// The durable consumers.
pub(crate) fn consumers(accounts: &Accounts) -> Vec<Consumer> {
    let db = accounts.context.db.clone();
    vec![Consumer::of::<Deleted, _, _>(AVATAR_CONSUMER, move |deleted, _| {
        let db = db.clone();
        // Ids are never used again, so hearing this twice changes nothing: no inbox is needed.
        async move { Ok(db.write(move |tx| Box::pin(async move { store::accounts::clear_avatar(tx, deleted.owner, &deleted.id).await })).await.map(drop)?) }
    })]
}
