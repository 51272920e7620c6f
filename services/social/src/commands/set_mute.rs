//! Muting a person, for a time or for good, and ending it.
//!
//! Invariant: a mute changes nothing for anybody but its member, and no other learns of it. Its events are for the role
//! that notifies the member.

use chrono::{DateTime, Utc};
use contract::social::{Muted, Unmuted};

use super::pair::Pair;
use crate::error::Error;
use crate::model::{Mark, Person};
use crate::state::Social;
use crate::store::marks;

/// Ended mutes that are removed with a new one: more than it adds.
const BATCH_ENDED: usize = 100;

/// Mutes a person until a time, or for good. An earlier mute is replaced.
pub(crate) async fn mute(
    social: &Social,
    actor: Person,
    other: Person,
    until: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let (now, pair, max) = (social.context.clock.now(), Pair::of(actor, other)?, social.config.max_mutes);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let pair = pair.read_again(tx).await?;
            // Those that have ended count no more.
            marks::remove_ended_mutes(tx, pair.actor.number, now, BATCH_ENDED).await?;
            marks::set_mute(tx, pair.actor.number, pair.other.number, until).await?;
            pair.check_bound(tx, Mark::Mute, max).await?;
            let event = Muted { member: pair.actor.account, muted: pair.other.account, until, at: now };
            Ok::<_, Error>(tx.publish(&event, now)?)
        })
        .await
}

/// Ends a mute. Does nothing if there is none.
pub(crate) async fn unmute(social: &Social, actor: Person, other: Person) -> Result<(), Error> {
    let (now, pair) = (social.context.clock.now(), Pair::of(actor, other)?);
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            marks::remove_mute(tx, pair.actor.number, pair.other.number).await?;
            let event = Unmuted { member: pair.actor.account, muted: pair.other.account, at: now };
            Ok::<_, Error>(tx.publish(&event, now)?)
        })
        .await
}
