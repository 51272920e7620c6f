//! Reacting to a post, and taking a reaction back.
//!
//! Invariant: a member has one reaction to a post, and the count changes with its row.

use contract::social::talk::{Reacted, ReactionKind};
use uuid::Uuid;

use super::about_post;
use crate::error::Error;
use crate::model::Person;
use crate::model::budget::{Act, rest_of_hour};
use crate::state::Social;
use crate::store::{budgets, counts, reactions};

/// Reacts to a post, in place of an earlier reaction. `token` is that of the post's link, if the request has one.
pub(crate) async fn react(
    social: &Social,
    actor: Person,
    post: Uuid,
    token: Option<String>,
    kind: ReactionKind,
) -> Result<(), Error> {
    let lane = about_post::lanes(social, &actor, post).await?.ok_or(Error::NotFound)?;
    let (now, max) = (social.context.clock.now(), social.config.max_reactions_per_hour);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let about = about_post::read(tx, &actor, post, token.as_deref(), now).await?;
            about.require(about.can.react, now)?;
            if !budgets::take(tx, about.actor.number, Act::React, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            if reactions::set(tx, post, about.actor.number, kind, now).await? {
                counts::add_reactions(tx, post, 1).await?;
                let (post_author, member) = (about.owner.account, about.actor.account);
                tx.publish(&Reacted { post, post_author, member, kind, at: now }, now)?;
            }
            Ok(())
        })
        .await
}

/// Takes a reaction back. Does nothing if there is none, or no such post: a member may always undo what they did.
pub(crate) async fn unreact(social: &Social, actor: Person, post: Uuid) -> Result<(), Error> {
    let Some(lane) = about_post::lanes(social, &actor, post).await? else { return Ok(()) };
    social
        .context
        .db
        .write(lane, async move |tx| {
            if reactions::remove(tx, post, actor.number).await? {
                counts::add_reactions(tx, post, -1).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
