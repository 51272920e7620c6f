//! Removes links that have expired.

use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Links of one transaction.
const BATCH: u64 = 500;

/// Removes all links that have expired by now.
pub(crate) async fn remove_expired_links(media: &Media) -> Result<(), Error> {
    let now = media.context.clock.now();
    loop {
        // A lane of its own: a single statement, on rows that no other write needs any more.
        let removed = media
            .context
            .db
            .write(Lane::of("expired links"), async move |tx| {
                Ok::<_, Error>(store::share_links::remove_expired(tx, now, BATCH).await?)
            })
            .await?;
        if removed < BATCH {
            return Ok(());
        }
    }
}
