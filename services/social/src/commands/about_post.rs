//! What the commands about somebody's post have in common: their lanes, and the check of what the member may do.
//!
//! Invariant: what the member may do is decided in the transaction that does it, so a post that was removed, a block
//! and a policy that was changed before count.

use chrono::{DateTime, Utc};
use contract::social::views::PostCanView;
use db::{Lane, Tx};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Person, Post, Relation};
use crate::queries::posts::{can, is_visible};
use crate::state::Social;
use crate::store::{people, posts, relations};

/// A member, a post that they may see, and its author, as they are in the transaction.
#[derive(Debug, Clone)]
pub(crate) struct AboutPost {
    /// Who acts.
    pub actor: Person,
    /// The post.
    pub post: Post,
    /// Who wrote it.
    pub owner: Person,
    /// How the member stands to the author.
    pub relation: Relation,
    /// What the member may do.
    pub can: PostCanView,
}

impl AboutPost {
    /// Whether the member wrote the post.
    pub(crate) fn is_own(&self) -> bool {
        self.actor.number == self.owner.number
    }

    /// Fails unless what the member wants is allowed.
    pub(crate) fn require(&self, is_allowed: bool, now: DateTime<Utc>) -> Result<(), Error> {
        if is_allowed {
            return Ok(());
        }
        Err(if self.actor.standing.may_publish(now) { Error::NotAllowed } else { Error::AccountLimited })
    }
}

/// Returns the lanes of a write of a member about a post: that of its author and that of the member; `None` if there is
/// no such post.
pub(crate) async fn lanes(social: &Social, actor: &Person, post: Uuid) -> Result<Option<Lane>, Error> {
    let sql = social.context.db.read();
    let Some(post) = posts::find(sql, post).await? else { return Ok(None) };
    let owner = people::find(sql, post.author).await?;
    Ok(owner.map(|owner| Lane::of(&owner.account).and(&actor.account)))
}

/// Reads a post that the member may see, in the transaction. `token` is that of its link, or of its thread's, if the
/// request has one.
pub(crate) async fn read(
    tx: &Tx,
    actor: &Person,
    id: Uuid,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<AboutPost, Error> {
    let actor = people::find(tx, actor.number).await?.ok_or(Error::NoSuchPerson)?;
    let post = posts::find(tx, id).await?.ok_or(Error::NotFound)?;
    let owner = people::find(tx, post.author).await?.ok_or(Error::NotFound)?;
    if people::is_erased(tx, actor.account).await? {
        return Err(Error::NoSuchPerson);
    }
    if people::is_erased(tx, owner.account).await? {
        return Err(Error::NotFound);
    }
    let relation = relations::find(tx, actor.number, post.author, now).await?;
    if !is_visible(tx, (actor.number, relation), (&post, &owner), token, now).await? {
        return Err(Error::NotFound);
    }
    let can = can(&post, &owner, &relation, actor.standing.may_publish(now));
    Ok(AboutPost { actor, post, owner, relation, can })
}
