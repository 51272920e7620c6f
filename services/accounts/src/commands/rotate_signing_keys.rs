//! Rotating the signing keys.
//!
//! Invariant: a key is inserted and removed under the fence of the scheduled run, so two processes never rotate at
//! once.

use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::model;
use crate::signing_keys;
use crate::state::Accounts;
use crate::store;
use crate::store::signing_keys::Row;

/// Publishes the next key when it is due and removes keys whose tokens have all expired.
pub(crate) async fn rotate_signing_keys(accounts: &Accounts, run: Run) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let rotation_period = accounts.config.key_rotation();
    let key = signing_keys::generate(&accounts.context.random, now);
    let published = accounts
        .context
        .db
        .write(Lane::of(&signing_keys::LANE), async move |tx| {
            run.fence(tx).await?;
            let keys = store::signing_keys::list(tx).await?;
            let starts: Vec<_> = keys.iter().map(|key| key.signs_from).collect();
            let next_start = model::next_start(&starts, rotation_period, now);
            if let Some(signs_from) = next_start {
                store::signing_keys::insert(tx, &Row { signs_from, ..key.clone() }, now).await?;
            }
            for key in keys.iter().take(model::retired_count(&starts, now)) {
                store::signing_keys::remove(tx, &key.kid).await?;
            }
            Ok::<_, db::Error>(next_start)
        })
        .await?;
    if let Some(signs_from) = published {
        tracing::info!(%signs_from, "a new signing key was published");
    }
    accounts.signing_keys.reload().await
}
