//! Whose task is worked on next: members take turns in each queue, and within a member the cheap goes before the costly.
//!
//! The rows are the queue. A *ticket* on the bus says only that one more task waits; which one it is for is decided when a worker has a free
//! permit, in the transaction that binds the task to the ticket. So a task never stands behind what its queue merely holds.
//!
//! Between members this follows start-time fair queueing (Goyal, Vin and Cheng 1996): each stands at a *turn*, the one that stands lowest is next, and
//! its turn grows by what its task costs. A member that comes joins where the queue stands, so before it there is at most one task of each
//! other member, however many tasks these have. Within a member the order is the time at which a task became ready plus its cost: a cheap one overtakes a
//! costly one, and a costly one is overtaken only for as long as it takes itself.
//!
//! Invariant: a task that is `ready` has a ticket on the bus, and each ticket is acknowledged only when its task is over or no task waits.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use kit::db::Tx;

use crate::error::Error;
use crate::model::{Estimate, Piece, Queue, Ticket};
use crate::store::{self, Job, Line};

/// A task that turned out to be gone while it was looked for is looked for again so often.
const LOOKS: u32 = 4;
/// What a task really took is charged where the estimate was wrong by more than this, in milliseconds.
const CLOSE_ENOUGH_MS: i64 = 500;

/// What a ticket is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This task.
    Task(Claimed),
    /// Tasks wait, but only of members that have all the permits here that they may have.
    AtLimit,
    /// No task waits.
    Nothing,
}

/// A task to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub media: MediaId,
    pub piece: Piece,
    pub line: Line,
    pub cost_ms: i64,
    /// Its weight in the item's plan.
    pub weight: u64,
    /// Whether more tasks of this member wait in this queue.
    pub more: bool,
}

/// Lets a task wait for its turn, and says so on the bus. `after` is the `due` of a task that must not be overtaken by it. Answers its own.
pub(crate) async fn offer(tx: &Tx, job: &Job, (piece, weight): (Piece, u64), after: i64, now: DateTime<Utc>) -> Result<i64, Error> {
    let estimate = Estimate::of(piece, weight, &job.received, job.plan.as_ref());
    let line = Line { queue: estimate.queue, owner: job.received.owner };
    let due = now.timestamp_millis().saturating_add(estimate.cost_ms()).max(after);
    if store::set_ready(tx, &job.media, piece, line.owner, estimate, due, now).await? {
        store::set_waiting(tx, line, now).await?;
        send(tx, line.queue, &job.media, piece, now)?;
    }
    Ok(due)
}

/// Sends one more ticket for a task that waits.
pub(crate) fn send(tx: &Tx, queue: Queue, media: &MediaId, piece: Piece, now: DateTime<Utc>) -> Result<(), Error> {
    let ticket = serde_json::to_string(&Ticket { media: media.clone(), piece }).map_err(|_| Error::Corrupt("ticket"))?;
    tx.publish_raw(queue.subject(), ticket, now);
    Ok(())
}

/// Finds the task that the ticket `id` is for. Members in `at_limit` get nothing.
pub(crate) async fn claim(tx: &Tx, queue: Queue, id: &str, named: &Ticket, at_limit: &[AccountId], now: DateTime<Utc>) -> Result<Claim, Error> {
    if let Some(claimed) = again(tx, queue, id, named, at_limit, now).await? {
        return Ok(Claim::Task(claimed));
    }
    for _ in 0..LOOKS {
        let turns = store::list_turns(tx, queue, at_limit.len() + 1).await?;
        let Some(next) = turns.iter().find(|turn| !at_limit.contains(&turn.owner)) else {
            return Ok(if turns.is_empty() { Claim::Nothing } else { Claim::AtLimit });
        };
        let line = Line { queue, owner: next.owner };
        let Some(bound) = store::take_ready(tx, line, id, now).await? else {
            store::refresh_waiting(tx, line).await?;
            continue;
        };
        let more = store::set_turn(tx, line, next.turn, bound.cost_ms, now).await?;
        return Ok(Claim::Task(Claimed { media: bound.media, piece: bound.piece, line, cost_ms: bound.cost_ms, weight: bound.weight, more }));
    }
    Ok(Claim::Nothing)
}

/// The task that the ticket was bound to before: its worker died, or it failed and is tried again. Of a member that has all its permits
/// here it goes back into the line instead.
async fn again(tx: &Tx, queue: Queue, id: &str, named: &Ticket, at_limit: &[AccountId], now: DateTime<Utc>) -> Result<Option<Claimed>, Error> {
    let bound = match store::find_bound(tx, id).await? {
        Some(bound) => bound,
        None => match store::bind_sent(tx, &named.media, named.piece, id, now).await? {
            Some(bound) => bound,
            None => return Ok(None),
        },
    };
    let owner = match bound.owner {
        Some(owner) => owner,
        None => match store::find_job(tx, &bound.media).await? {
            Some(job) => job.received.owner,
            None => return Ok(None),
        },
    };
    let line = Line { queue, owner };
    if at_limit.contains(&owner) {
        store::set_ready_again(tx, id, line, now).await?;
        store::set_waiting(tx, line, now).await?;
        return Ok(None);
    }
    Ok(Some(Claimed { media: bound.media, piece: bound.piece, line, cost_ms: bound.cost_ms, weight: bound.weight, more: false }))
}

/// Charges a member for what its task took beyond the estimate, or less. Answers whether there was anything to charge.
pub(crate) fn difference(claimed: &Claimed, took_ms: u64) -> Option<i64> {
    let more = i64::try_from(took_ms).unwrap_or(i64::MAX / 4).saturating_sub(claimed.cost_ms);
    (more.abs() > CLOSE_ENOUGH_MS).then_some(more)
}

/// Takes an item's tasks out of every line: it is erased, or has failed.
pub(crate) async fn withdraw(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    for line in store::withdraw(tx, media).await? {
        store::refresh_waiting(tx, line).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
