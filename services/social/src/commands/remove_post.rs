//! Removing a post.
//!
//! Its media stay in the author's library, which media owns; other roles remove their copies of the post when they hear
//! of it. A thread that it opens ends with it; the parts of others stay posts that only their authors see. Invariant:
//! only its author removes a post.

use db::Lane;
use uuid::Uuid;

use super::publish_post::remove;
use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::posts;

/// Removes a post of the author's.
pub(crate) async fn remove_post(social: &Social, author: Person, id: Uuid) -> Result<(), Error> {
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&author.account).and(&id), async move |tx| {
            let post = posts::find(tx, id).await?.filter(|post| post.author == author.number);
            let post = post.ok_or(Error::NotFound)?;
            remove(tx, &author, &[post], now).await
        })
        .await
}
