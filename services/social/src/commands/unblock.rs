//! Ending a block.
//!
//! Invariant: nothing that the block has ended comes back by itself.

use contract::social::Unblocked;

use super::pair::Pair;
use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::marks;

/// Ends the actor's block of a person. Does nothing if there is none.
pub(crate) async fn unblock(social: &Social, actor: Person, other: Person) -> Result<(), Error> {
    let (clock, pair) = (social.context.clock.clone(), Pair::of(actor, other)?);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            // In the lane, so that the times of blocks and of their ends have the order of the commits.
            let now = clock.now();
            if marks::remove_block(tx, pair.actor.number, pair.other.number).await? {
                let (blocker, blocked) = (pair.actor.account, pair.other.account);
                tx.publish(&Unblocked { blocker, blocked, at: now }, now)?;
            }
            Ok::<_, Error>(())
        })
        .await
}
