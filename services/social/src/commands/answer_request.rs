//! Accepting or refusing a request to follow.
//!
//! Invariant: a request is answered once.

use contract::social::Followed;

use super::pair::Pair;
use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::{counts, follows, verdicts};

/// Answers the request of `asker` to follow `actor`. One that is refused leaves nothing, and its asker is not told.
pub(crate) async fn answer_request(
    social: &Social,
    actor: Person,
    asker: Person,
    is_accepted: bool,
) -> Result<(), Error> {
    let (now, pair) = (social.context.clock.now(), Pair::of(actor, asker)?);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let Pair { actor, other } = pair.read_again(tx).await?;
            if !follows::remove_request(tx, other.number, actor.number).await? {
                return Err(Error::NoSuchRequest);
            }
            if is_accepted && follows::insert(tx, other.number, actor.number, now).await? {
                counts::add_follows(tx, other.number, actor.number, 1).await?;
                let (follower, followee) = (other.account, actor.account);
                tx.publish(&Followed { follower, followee, by_request: true, at: now }, now)?;
                verdicts::record_answer(tx, follower, followee).await?;
            }
            Ok(())
        })
        .await
}
