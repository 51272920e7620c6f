//! Approving a comment that waits.
//!
//! Invariant: a comment is approved once, by the author of its post only and while the post is shown, and counted and
//! announced then.

use contract::social::talk::Commented;
use db::Lane;
use uuid::Uuid;

use super::create_comment::count;
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::{Person, words_of};
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
            // What others have left on a removed post is still there for a while.
            let post = posts::find(tx, written.comment.post).await?;
            if post.is_none_or(|post| post.expires_at.is_some_and(|end| end <= now)) {
                return Err(Error::NoSuchComment);
            }
            if !comments::approve(tx, id, actor.number).await? {
                return Ok(());
            }
            let comment = &written.comment;
            count(tx, comment, 1).await?;
            let answered = match comment.answers() {
                Some(above) => comments::find_visible(tx, above, actor.number, now).await?,
                None => None,
            };
            let mentioned = people::retain_known(tx, mentioned).await?;
            let post = posts::find(tx, comment.post).await?;
            let event = Commented {
                id,
                post: comment.post,
                post_author: actor.account,
                author: written.author.account,
                answers: comment.answers(),
                answered: answered.map(|above| above.author.account),
                mentions: mentioned.into_iter().map(|person| person.account).collect(),
                audience: post.as_ref().map(|post| post.audience),
                thread: post.and_then(|post| post.part).map(|part| part.thread),
                at: now,
            };
            Ok::<_, Error>(tx.publish(&event, now)?)
        })
        .await
}
