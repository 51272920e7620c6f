//! Muting a person, for a time or for good, and ending it.
//!
//! Invariant: a mute changes nothing for anybody but its member, and no other learns of it.

use chrono::{DateTime, Utc};

use super::pair::Pair;
use crate::error::Error;
use crate::model::Person;
use crate::state::Social;
use crate::store::marks;

/// Mutes a person until a time, or for good. An earlier mute is replaced.
pub(crate) async fn mute(
    social: &Social,
    actor: Person,
    other: Person,
    until: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let pair = Pair::of(actor, other)?;
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            let Pair { actor, other } = pair.read_again(tx).await?;
            Ok::<_, Error>(marks::set_mute(tx, actor.number, other.number, until).await?)
        })
        .await
}

/// Ends a mute. Does nothing if there is none.
pub(crate) async fn unmute(social: &Social, actor: Person, other: Person) -> Result<(), Error> {
    let pair = Pair::of(actor, other)?;
    social
        .context
        .db
        .write(pair.lane(), async move |tx| {
            Ok::<_, Error>(marks::remove_mute(tx, pair.actor.number, pair.other.number).await?)
        })
        .await
}
