//! Removing what others have left on posts that are gone.
//!
//! Invariant: it can run at any time and any number of times, and in small steps, so other writes never wait long.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Social;
use crate::store::remains;

/// Posts that are read at once.
const PAGE: usize = 100;
/// Rows of each table per transaction.
const BATCH_ROWS: usize = 100;

/// Removes everything that is left on posts that are gone.
pub(crate) async fn remove_remains(social: &Social) -> Result<(), Error> {
    let db = &social.context.db;
    let mut after = Uuid::nil();
    loop {
        let posts = remains::list(db.read(), after, PAGE).await?;
        let Some(last) = posts.last().copied() else { return Ok(()) };
        for post in posts {
            // The lane is the post's own: nobody else writes about a post that is gone, but an erasure, whose
            // statements take other rows.
            while !db.write(Lane::of(&post), async move |tx| remains::remove(tx, post, BATCH_ROWS).await).await? {}
        }
        after = last;
    }
}
