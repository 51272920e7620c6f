//! Picking close friends.
//!
//! Invariant: only their member changes them; a friend does not learn of it but by what they see; nobody is one beside
//! a block.

use contract::social::CloseChanged;

use super::pair::Pair;
use crate::error::Error;
use crate::model::{Mark, Person};
use crate::state::Social;
use crate::store::{marks, relations};

/// Makes a person a close friend of the actor, or none. Does nothing if it is so already.
pub(crate) async fn set_close(social: &Social, actor: Person, other: Person, is_close: bool) -> Result<(), Error> {
    let (now, pair, max) = (social.context.clock.now(), Pair::of(actor, other)?, social.config.max_close_friends);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let event = CloseChanged { member: pair.actor.account, friend: pair.other.account, is_close, at: now };
            if !is_close {
                marks::remove_close(tx, pair.actor.number, pair.other.number).await?;
                return Ok(tx.publish(&event, now)?);
            }
            let pair = pair.read_again(tx).await?;
            let (actor, other) = (pair.actor.number, pair.other.number);
            let relation = relations::find(tx, actor, other, now).await?;
            if relation.is_blocked_by {
                return Err(Error::NoSuchPerson);
            }
            if relation.blocks {
                return Err(Error::Blocked);
            }
            marks::insert_close(tx, actor, other).await?;
            pair.check_bound(tx, Mark::Close, max).await?;
            Ok(tx.publish(&event, now)?)
        })
        .await
}
