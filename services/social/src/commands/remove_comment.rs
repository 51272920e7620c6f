//! Removing a comment with the answers to it.
//!
//! A comment may have more answers than one transaction may remove: they go first, in steps. Invariant: after every
//! step, the counts of the post and of the comment equal the rows.

use chrono::{DateTime, Utc};
use contract::social::talk::CommentRemoved;
use db::{Lane, Tx};
use uuid::Uuid;

use super::create_comment::count;
use crate::error::Error;
use crate::model::{Comment, Person, RemovalNotice};
use crate::state::Social;
use crate::store::{comments, counts, people, removals};

/// Answers per transaction.
const BATCH: usize = 100;

/// Removes a comment of the actor's, or one on a post of the actor's, also beyond a block.
pub(crate) async fn remove_comment(social: &Social, actor: &Person, id: Uuid) -> Result<(), Error> {
    let comment = comments::find(social.context.db.read(), id).await?;
    let comment = comment.filter(|comment| comment.may_remove(actor.number)).ok_or(Error::NoSuchComment)?;
    remove_with_answers(social, actor, &comment, None).await
}

/// Removes a comment with the answers to it; with a notice, its author can read why. Does nothing if it is gone.
pub(super) async fn remove_with_answers(
    social: &Social,
    actor: &Person,
    comment: &Comment,
    notice: Option<&RemovalNotice>,
) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let owner = people::find(sql, comment.post_author).await?;
    let lane = owner.map_or(Lane::of(&actor.account), |owner| Lane::of(&owner.account).and(&actor.account));
    loop {
        let (id, lane, notice) = (comment.id, lane.clone(), notice.cloned());
        let is_done = social
            .context
            .db
            .write(lane, async move |tx| {
                let Some(comment) = comments::find(tx, id).await? else { return Ok(true) };
                if remove_answers(tx, &comment, now).await? == BATCH {
                    return Ok(false);
                }
                if comments::remove(tx, id).await? {
                    if !comment.is_pending {
                        count(tx, &comment, -1).await?;
                    }
                    if let Some(notice) = notice {
                        removals::insert(tx, &notice.of_comment(&comment)).await?;
                    }
                    tx.publish(&CommentRemoved { id, post: comment.post }, now)?;
                }
                Ok::<_, Error>(true)
            })
            .await?;
        if is_done {
            return Ok(());
        }
    }
}

/// Removes answers to a comment. Returns how many there were.
async fn remove_answers(tx: &Tx, comment: &Comment, now: DateTime<Utc>) -> Result<usize, Error> {
    let removed = comments::remove_answers(tx, comment.id, BATCH).await?;
    let shown = removed.iter().filter(|answer| !answer.is_pending).count();
    if shown > 0 {
        counts::add_comments(tx, comment.post, -(shown as i64)).await?;
        comments::add_answers(tx, comment.id, -(shown as i64)).await?;
    }
    for answer in &removed {
        tx.publish(&CommentRemoved { id: answer.id, post: comment.post }, now)?;
    }
    Ok(removed.len())
}
