//! What the commands about two people have in common: their lanes, the check that both still exist, and the bound of
//! what a member decides about others.
//!
//! Invariant: two writes about the same pair never run at the same time, whichever of the two acts, and neither do two
//! of the same member: so a bound that is checked in the transaction holds.

use db::{Lane, Tx};

use crate::error::Error;
use crate::model::{Mark, Person};
use crate::store::{marks, people};

/// Two different people: the one who acts, and the other.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Who acts.
    pub actor: Person,
    /// The other one.
    pub other: Person,
}

impl Pair {
    /// Returns the pair, unless both are the same.
    pub(crate) fn of(actor: Person, other: Person) -> Result<Self, Error> {
        if actor.number == other.number { Err(Error::Yourself) } else { Ok(Self { actor, other }) }
    }

    /// Returns the lanes: that of the pair, and that of the actor.
    pub(crate) fn lane(&self) -> Lane {
        let (one, two) = (self.actor.number.0, self.other.number.0);
        Lane::of(&format!("pair {} {}", one.min(two), one.max(two))).and(&self.actor.account)
    }

    /// Fails if the actor, after what the transaction has written, has marked more people so than a member may.
    pub(crate) async fn check_bound(&self, tx: &Tx, mark: Mark, max: u32) -> Result<(), Error> {
        let what = match mark {
            Mark::Block => "blocks",
            Mark::Mute => "mutes",
            Mark::Close => "close friends",
        };
        let count = marks::count(tx, mark, self.actor.number).await?;
        if count > u64::from(max) { Err(Error::TooMany { what, max }) } else { Ok(()) }
    }

    /// Reads both again in the transaction. An account that was erased meanwhile gets no new row.
    pub(crate) async fn read_again(&self, tx: &Tx) -> Result<Self, Error> {
        let actor = people::find(tx, self.actor.number).await?;
        let other = people::find(tx, self.other.number).await?;
        let (Some(actor), Some(other)) = (actor, other) else { return Err(Error::NoSuchPerson) };
        if people::is_erased(tx, actor.account).await? || people::is_erased(tx, other.account).await? {
            return Err(Error::NoSuchPerson);
        }
        Ok(Self { actor, other })
    }
}
