//! Ending a follow, or taking a request back.
//!
//! Invariant: the follow, its count and its event end in one transaction.

use contract::social::Unfollowed;

use super::pair::Pair;
use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::{counts, follows};

/// Ends that a person follows another. Does nothing if they don't.
pub(crate) async fn unfollow(social: &Social, actor: Person, other: Person) -> Result<(), Error> {
    let (now, pair) = (social.context.clock.now(), Pair::of(actor, other)?);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let (actor, other) = (&pair.actor, &pair.other);
            follows::remove_request(tx, actor.number, other.number).await?;
            if follows::remove(tx, actor.number, other.number).await? {
                counts::add_follows(tx, actor.number, other.number, -1).await?;
                tx.publish(&Unfollowed { follower: actor.account, followee: other.account, at: now }, now)?;
            }
            Ok::<_, Error>(())
        })
        .await
}
