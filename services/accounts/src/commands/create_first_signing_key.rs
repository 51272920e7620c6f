//! Generating the very first signing key.
//!
//! Invariant: processes that start at once generate one key together.

use db::Lane;
use service::Context;

use crate::error::Error;
use crate::signing_keys;
use crate::store;

/// Generates the first signing key, which signs at once, if there is none.
pub(crate) async fn create_first_signing_key(context: &Context) -> Result<(), Error> {
    let now = context.clock.now();
    let key = signing_keys::generate(&context.random, now);
    context
        .db
        .write(Lane::of(&signing_keys::LANE), async move |tx| {
            if store::signing_keys::list(tx).await?.is_empty() {
                store::signing_keys::insert(tx, &key, now).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    Ok(())
}
