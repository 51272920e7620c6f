//! Approving a comment that waits.
//!
//! Invariant: a comment is approved once, by the author of its post only and while the post is shown, and counted and
//! announced then. What a verdict holds is not theirs to approve.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Lane, Tx};
use uuid::Uuid;

use super::create_comment::Shown;
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::{Comment, Person, PersonNumber, Post, words_of};
use crate::state::Social;
use crate::store::{comments, people, posts};

/// Approves a comment on a post of the actor's. Does nothing if it is shown already.
pub(crate) async fn approve_comment(social: &Social, actor: Person, id: Uuid) -> Result<(), Error> {
    let found = comments::find(social.context.db.read(), id).await?;
    let found = found.filter(|found| found.post_author == actor.number).ok_or(Error::NoSuchComment)?;
    let mentioned = by_handles(social, &words_of(&found.text).1).await?;
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&actor.account), async move |tx| {
            let written = comments::find_visible(tx, id, actor.number, now).await?;
            let written = written.filter(|written| written.comment.post_author == actor.number);
            let written = written.ok_or(Error::NoSuchComment)?;
            let post = find_shown_post(tx, &written.comment, now).await?.ok_or(Error::NoSuchComment)?;
            if !comments::approve(tx, id, actor.number).await? {
                return Ok(());
            }
            let (comment, author) = (&written.comment, &written.author);
            let answered = find_answered(tx, comment, actor.number, now).await?;
            let mentioned = people::retain_known(tx, mentioned).await?;
            let shown = Shown { comment, post: &post, owner: &actor, author };
            shown.announce(tx, answered, mentioned, now).await
        })
        .await
}

/// Returns the post of a comment, unless it is over or was removed: what others have left on it is still there for a
/// while.
pub(super) async fn find_shown_post(tx: &Tx, comment: &Comment, now: DateTime<Utc>) -> Result<Option<Post>, Error> {
    let post = posts::find(tx, comment.post).await?;
    Ok(post.filter(|post| post.expires_at.is_none_or(|end| end > now)))
}

/// Returns who wrote the comment under which an answer stands, if the reader sees it.
pub(super) async fn find_answered(
    tx: &Tx,
    comment: &Comment,
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Option<AccountId>, Error> {
    let above = match comment.answers() {
        Some(above) => comments::find_visible(tx, above, reader, now).await?,
        None => None,
    };
    Ok(above.map(|above| above.author.account))
}
