//! Reposting, approving a repost, and taking one back.
//!
//! A repost only points at its post, so it never widens the audience: every read asks the rule about the post itself.
//! Invariant: a member has one repost of a post, and the count has those that are shown.

use contract::social::Policy;
use contract::social::talk::{RepostRemoved, Reposted};
use db::Lane;
use uuid::Uuid;

use super::about_post;
use super::publish_post::draw_position;
use crate::error::Error;
use crate::model::Person;
use crate::model::budget::{Act, rest_of_hour};
use crate::state::Social;
use crate::store::{budgets, counts, posts, relations, reposts};

/// Reposts a post. Returns whether the member had not; otherwise nothing changes.
pub(crate) async fn repost(social: &Social, actor: Person, post: Uuid) -> Result<bool, Error> {
    let lane = about_post::lanes(social, &actor, post).await?.ok_or(Error::NotFound)?;
    let (now, max) = (social.context.clock.now(), social.config.max_reposts_per_hour);
    let position = draw_position(&social.context.random, now);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let about = about_post::read(tx, &actor, post, None, now).await?;
            about.require(about.can.repost, now)?;
            let is_pending = about.post.policies.repost == Policy::Approval && !about.is_own();
            if !reposts::insert(tx, post, about.actor.number, position, is_pending).await? {
                return Ok(false);
            }
            if !budgets::take(tx, about.actor.number, Act::Repost, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            if !is_pending {
                counts::add_reposts(tx, post, 1).await?;
                let (post_author, member) = (about.owner.account, about.actor.account);
                tx.publish(&Reposted { post, post_author, member, position: position.0, at: now }, now)?;
            }
            Ok(true)
        })
        .await
}

/// Approves a repost of a post of the actor's. Does nothing if it is shown already, and beyond a block.
pub(crate) async fn approve_repost(social: &Social, actor: Person, post: Uuid, member: Person) -> Result<(), Error> {
    let (now, lane) = (social.context.clock.now(), Lane::of(&actor.account).and(&member.account));
    let position = draw_position(&social.context.random, now);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let found = posts::find(tx, post).await?.filter(|found| found.author == actor.number);
            let found = found.ok_or(Error::NotFound)?;
            // What waits of somebody beyond a block is not shown to the author either.
            if relations::find(tx, actor.number, member.number, now).await?.is_blocked() {
                return Ok(());
            }
            if reposts::approve(tx, found.id, member.number, position).await? {
                counts::add_reposts(tx, post, 1).await?;
                let (post_author, member) = (actor.account, member.account);
                tx.publish(&Reposted { post, post_author, member, position: position.0, at: now }, now)?;
            }
            Ok::<_, Error>(())
        })
        .await
}

/// Takes back the repost of a member: their own, or one of a post of the actor's. Does nothing if there is none.
pub(crate) async fn remove_repost(social: &Social, actor: Person, post: Uuid, member: Person) -> Result<(), Error> {
    let (now, is_own) = (social.context.clock.now(), member.number == actor.number);
    let Some(lane) = about_post::lanes(social, &member, post).await? else {
        return if is_own { Ok(()) } else { Err(Error::NotFound) };
    };
    social
        .context
        .db
        .write(lane, async move |tx| {
            let found = posts::find(tx, post).await?;
            if !is_own && found.is_none_or(|post| post.author != actor.number) {
                return Err(Error::NotFound);
            }
            if reposts::remove(tx, post, member.number).await? == Some(false) {
                counts::add_reposts(tx, post, -1).await?;
                tx.publish(&RepostRemoved { post, member: member.account }, now)?;
            }
            Ok(())
        })
        .await
}
