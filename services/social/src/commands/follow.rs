//! Following a person, or asking to.
//!
//! A verdict comes before a stranger is followed, or asked: it costs one of the people whom a member may reach for the
//! first time. Invariant: between two people there is a follow or a request, and none beside a block in either
//! direction.

use contract::social::views::FollowState;
use contract::social::{FollowRequested, Followed};
use screening::facts::{Relation as Closeness, Surface};
use screening_store::Reach;

use super::pair::Pair;
use super::screen::{Candidate, Disposition, Words, into_error};
use crate::error::Error;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{Person, Sender};
use crate::state::Social;
use crate::store::{budgets, counts, follows, relations, verdicts};

/// Follows a person; asks to, if their profile is private. Does nothing if it is so already.
pub(crate) async fn follow(social: &Social, sender: Sender, other: Person) -> Result<FollowState, Error> {
    let now = social.context.clock.now();
    let words = Words { surface: Surface::Follow, kind: "follow", place: other.account.0, text: "" };
    let (candidate, actor) = (Candidate::new(social, &sender, words), sender.person);
    let (pair, max, max_follows) =
        (Pair::of(actor, other)?, social.config.max_follows_per_hour, social.config.max_follows);
    let decided = social
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
                return Ok(Ok(relation.follow_state()));
            }
            // A request that becomes a follow is counted already.
            if !relation.has_requested && follows::count(tx, actor.number).await? >= u64::from(max_follows) {
                return Err(Error::TooMany { what: "follows and requests to follow", max: max_follows });
            }
            // Whom a member follows back is no stranger, and a request that becomes a follow has cost already.
            let reach = candidate.reach(tx, &actor, Some((&other, relation)), &[]).await?;
            if reach.relation != Closeness::Connected && !relation.has_requested {
                let reach = Reach { new_recipients: 1, ..reach };
                if let Disposition::NotStored(what) = candidate.screen(tx, other.account, reach).await? {
                    return Ok(Err(what));
                }
            }
            if relation.is_followed_by {
                verdicts::record_answer(tx, other.account, actor.account).await?;
            }
            if !budgets::take(tx, actor.number, Act::Follow, max, now).await? {
                return Err(Error::TooManyFollows { max, wait: rest_of_hour(now) });
            }
            let (follower, followee) = (actor.account, other.account);
            if other.is_private {
                follows::insert_request(tx, actor.number, other.number, now).await?;
                tx.publish(&FollowRequested { follower, followee, at: now }, now)?;
                return Ok(Ok(FollowState::Requested));
            }
            // The profile was private when the request was made, and is not any more.
            follows::remove_request(tx, actor.number, other.number).await?;
            if follows::insert(tx, actor.number, other.number, now).await? {
                counts::add_follows(tx, actor.number, other.number, 1).await?;
                tx.publish(&Followed { follower, followee, by_request: false, at: now }, now)?;
            }
            Ok(Ok(FollowState::Following))
        })
        .await?;
    let state = decided.map_err(|what| into_error(what, social))?;
    if state == FollowState::Following {
        social.metrics.follows.inc();
    }
    Ok(state)
}
