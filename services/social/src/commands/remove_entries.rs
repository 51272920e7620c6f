//! Removing the entries of a post that is gone.
//!
//! No feed has shown it since it was removed: an entry is nothing without its post. Invariant: no entry is written
//! afterwards, because fan-out needs the row that was removed with the post.

use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::Position;
use crate::state::Social;
use crate::store::feed_entries;

/// Entries of one transaction.
const BATCH: usize = 400;

/// Removes the entries of an author's post from all feeds.
pub(crate) async fn remove_entries(social: &Social, author: AccountId, position: i64) -> Result<(), Error> {
    loop {
        let removed = social
            .context
            .db
            .write(Lane::of(&author), async move |tx| {
                Ok::<_, Error>(feed_entries::remove_of_post(tx, Position(position), BATCH).await?)
            })
            .await?;
        if removed < BATCH as u64 {
            return Ok(());
        }
    }
}
