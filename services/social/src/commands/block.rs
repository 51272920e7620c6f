//! Blocking a person.
//!
//! Invariant: once a block is committed, neither follows the other, neither asks to, neither is a close friend of the
//! other, and neither moderates a thread of the other or is invited to one; what was shown before is not shown any
//! more, because every read asks for blocks.

use contract::social::{Blocked, Unfollowed};

use super::pair::Pair;
use crate::error::Error;
use crate::model::{Mark, Person};
use crate::state::Social;
use crate::store::{counts, follows, marks, threads};

/// Blocks a person, whether or not they have blocked the actor. Does nothing if the actor has done so already.
pub(crate) async fn block(social: &Social, actor: Person, other: Person) -> Result<(), Error> {
    let (clock, pair) = (social.context.clock.clone(), Pair::of(actor, other)?);
    let max = social.config.max_blocks;
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            // In the lane, so that the times of blocks and of their ends have the order of the commits.
            let now = clock.now();
            let pair = pair.read_again(tx).await?;
            let (actor, other) = (&pair.actor, &pair.other);
            if !marks::insert_block(tx, actor.number, other.number, now).await? {
                return Ok(());
            }
            pair.check_bound(tx, Mark::Block, max).await?;
            for (one, two) in [(actor, other), (other, actor)] {
                follows::remove_request(tx, one.number, two.number).await?;
                marks::remove_close(tx, one.number, two.number).await?;
                threads::remove_offices(tx, one.number, two.number).await?;
                if follows::remove(tx, one.number, two.number).await? {
                    counts::add_follows(tx, one.number, two.number, -1).await?;
                    tx.publish(&Unfollowed { follower: one.account, followee: two.account, at: now }, now)?;
                }
            }
            tx.publish(&Blocked { blocker: actor.account, blocked: other.account, at: now }, now)?;
            Ok::<_, Error>(())
        })
        .await
}
