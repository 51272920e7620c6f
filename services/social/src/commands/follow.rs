//! Following a person, or asking to.
//!
//! Invariant: between two people there is a follow or a request, and none beside a block in either direction.

use contract::social::views::FollowState;
use contract::social::{FollowRequested, Followed};

use super::pair::Pair;
use crate::error::Error;
use crate::model::Person;
use crate::model::budget::{Act, rest_of_hour};
use crate::state::Social;
use crate::store::{budgets, counts, follows, relations};

/// Follows a person; asks to, if their profile is private. Does nothing if it is so already.
pub(crate) async fn follow(social: &Social, actor: Person, other: Person) -> Result<FollowState, Error> {
    let now = social.context.clock.now();
    let (pair, max, max_follows) =
        (Pair::of(actor, other)?, social.config.max_follows_per_hour, social.config.max_follows);
    let state = social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let Pair { actor, other } = pair.read_again(tx).await?;
            if !actor.standing.may_publish(now) {
                return Err(Error::AccountLimited);
            }
            let relation = relations::find(tx, actor.number, other.number, now).await?;
            if relation.is_blocked_by || other.standing.is_hidden(now) {
                return Err(Error::NoSuchPerson);
            }
            if relation.blocks {
                return Err(Error::Blocked);
            }
            if relation.follows || (relation.has_requested && other.is_private) {
                return Ok(relation.follow_state());
            }
            // A request that becomes a follow is counted already.
            if !relation.has_requested && follows::count(tx, actor.number).await? >= u64::from(max_follows) {
                return Err(Error::TooMany { what: "follows and requests to follow", max: max_follows });
            }
            if !budgets::take(tx, actor.number, Act::Follow, max, now).await? {
                return Err(Error::TooManyFollows { max, wait: rest_of_hour(now) });
            }
            let (follower, followee) = (actor.account, other.account);
            if other.is_private {
                follows::insert_request(tx, actor.number, other.number, now).await?;
                tx.publish(&FollowRequested { follower, followee, at: now }, now)?;
                return Ok(FollowState::Requested);
            }
            // The profile was private when the request was made, and is not any more.
            follows::remove_request(tx, actor.number, other.number).await?;
            if follows::insert(tx, actor.number, other.number, now).await? {
                counts::add_follows(tx, actor.number, other.number, 1).await?;
                tx.publish(&Followed { follower, followee, by_request: false, at: now }, now)?;
            }
            Ok(FollowState::Following)
        })
        .await?;
    if state == FollowState::Following {
        social.metrics.follows.inc();
    }
    Ok(state)
}
