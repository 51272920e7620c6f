//! Adding an entry.
//!
//! Invariant: a member never has more than `max_entries`, however many requests run at once.

use contract::AccountId;
use db::Lane;
use http_server::Effect;

use crate::error::Error;
use crate::model::{Entry, Text};
use crate::state::NewService;
use crate::store;

/// Adds an entry and publishes [`contract::newservice::Added`].
pub(crate) async fn add_entry(
    newservice: &NewService,
    owner: AccountId,
    text: Text,
    effect: Effect,
) -> Result<Entry, Error> {
    let now = newservice.context.clock.now();
    let entry = Entry { id: newservice.context.random.uuid_v7(now), owner, text: text.into_string(), created_at: now };
    let (added, max_entries) = (entry.clone(), newservice.config.max_entries);
    newservice
        .context
        .db
        .write(Lane::of(&owner), async move |tx| {
            if store::entries::count(tx, owner).await? >= u64::from(max_entries) {
                return Err(Error::TooManyEntries(max_entries));
            }
            store::entries::insert(tx, &added).await?;
            tx.publish(&added.added(), now)?;
            Ok(effect.created(tx, format!("/v1/newservice/{}", added.id)).await?)
        })
        .await?;
    newservice.metrics.entries_added.inc();
    Ok(entry)
}
