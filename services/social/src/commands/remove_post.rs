//! Removing a post.
//!
//! Its media stay in the author's library, which media owns; other roles remove their copies of the post when they hear
//! of it. A thread that it opens ends with it; the parts of others stay posts that only their authors see. Invariant:
//! only its author removes a post.

use db::Lane;
use uuid::Uuid;

use super::publish_post::remove;
use crate::error::Error;
use crate::model::{Person, RemovalNotice};
use crate::state::Social;
use crate::store::{posts, removals};

/// Removes a post of the author's.
pub(crate) async fn remove_post(social: &Social, author: Person, id: Uuid) -> Result<(), Error> {
    remove_with_notice(social, author, id, None).await
}

/// Removes a post of the author's; with a notice, the author can read why.
pub(super) async fn remove_with_notice(
    social: &Social,
    author: Person,
    id: Uuid,
    notice: Option<RemovalNotice>,
) -> Result<(), Error> {
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&author.account).and(&id), async move |tx| {
            let post = posts::find(tx, id).await?.filter(|post| post.author == author.number);
            let post = post.ok_or(Error::NotFound)?;
            if let Some(notice) = notice {
                removals::insert(tx, &notice.of_post(&post)).await?;
            }
            remove(tx, &author, &[post], now).await
        })
        .await
}
