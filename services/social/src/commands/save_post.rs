//! Saving a post, and ending it.
//!
//! Invariant: nobody but the member learns of it.

use uuid::Uuid;

use super::about_post;
use super::publish_post::draw_position;
use crate::error::Error;
use crate::model::Person;
use crate::model::budget::{Act, rest_of_hour};
use crate::state::Social;
use crate::store::{budgets, saves};

/// Saves a post. Does nothing if it is saved.
pub(crate) async fn save_post(social: &Social, actor: Person, post: Uuid) -> Result<(), Error> {
    let lane = about_post::lanes(social, &actor, post).await?.ok_or(Error::NotFound)?;
    let (now, max) = (social.context.clock.now(), social.config.max_reactions_per_hour);
    let position = draw_position(&social.context.random, now);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let about = about_post::read(tx, &actor, post, None, now).await?;
            about.require(about.can.react, now)?;
            if !budgets::take(tx, about.actor.number, Act::React, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            Ok(saves::insert(tx, about.actor.number, post, position).await?)
        })
        .await
}

/// Takes a post out of what the member has saved. Does nothing if it is not saved, or if there is no such post.
pub(crate) async fn unsave_post(social: &Social, actor: Person, post: Uuid) -> Result<(), Error> {
    let Some(lane) = about_post::lanes(social, &actor, post).await? else { return Ok(()) };
    social.context.db.write(lane, async move |tx| Ok::<_, Error>(saves::remove(tx, actor.number, post).await?)).await
}
