//! Selects the next task: members alternate in each queue, and within a member cheap tasks precede costly ones.
//!
//! The rows are the queue. A *ticket* on the bus says only that one more task is ready; the task is selected when a
//! worker has a free permit, in the transaction that binds it to the ticket. So a task never waits behind tickets that
//! were merely sent earlier.
//!
//! Between members this is start-time fair queueing (Goyal, Vin and Cheng 1996): each member has a *virtual time*, the
//! member with the lowest one is next, and its virtual time grows by the cost of its task. A new member starts at the
//! queue's virtual time, so at most one task of each other member precedes its first one, however many tasks these
//! have. Within a member the order is the time at which a task became ready plus its cost: a cheap task overtakes a
//! costly one, and a costly one is overtaken only for as long as it takes itself.
//!
//! Invariant: a task that is `ready` has a ticket on the bus, and each ticket is acknowledged only when its task is
//! complete or no task is ready.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::Tx;

use crate::error::Error;
use crate::model::{Estimate, Queue, Task, Ticket};
use crate::store::{self, Job, MemberQueue};

/// How often another task is selected when the selected one is gone.
const MAX_ATTEMPTS: u32 = 4;
/// The actual cost of a task is charged where it differs from the estimate by more than this, in milliseconds.
const COST_TOLERANCE_MS: i64 = 500;

/// The result of claiming a task for a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This task.
    Task(Claimed),
    /// Tasks are ready, but only those of members that hold as many permits here as they may.
    AtLimit,
    /// No task is ready.
    Empty,
}

/// A task to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimed {
    pub media: MediaId,
    pub task: Task,
    pub member_queue: MemberQueue,
    pub cost_ms: i64,
    /// Its weight in the item's plan.
    pub weight: u64,
    /// Whether more tasks of this member are ready in this queue.
    pub more: bool,
}

/// Makes a task ready and sends a ticket. `after` is the `due` of a task that this one must not overtake. Returns its
/// own `due`.
pub(crate) async fn enqueue(
    tx: &Tx,
    job: &Job,
    (task, weight): (Task, u64),
    after: i64,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let estimate = Estimate::of(task, weight, &job.received, job.plan.as_ref());
    let member_queue = MemberQueue { queue: estimate.queue, owner: job.received.owner };
    let due = now.timestamp_millis().saturating_add(estimate.cost_ms()).max(after);
    if store::set_ready(tx, &job.media, task, member_queue.owner, estimate, due, now).await? {
        store::set_has_ready(tx, member_queue, now).await?;
        publish_ticket(tx, member_queue.queue, &job.media, task, now)?;
    }
    Ok(due)
}

/// Sends one more ticket for a ready task.
pub(crate) fn publish_ticket(
    tx: &Tx,
    queue: Queue,
    media: &MediaId,
    task: Task,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ticket = serde_json::to_string(&Ticket { media: media.clone(), task }).map_err(|_| Error::Corrupt("ticket"))?;
    tx.publish_raw(queue.subject(), ticket, now);
    Ok(())
}

/// Claims a task for the ticket `id`. Members in `at_limit` get none.
pub(crate) async fn claim(
    tx: &Tx,
    queue: Queue,
    id: &str,
    named: &Ticket,
    at_limit: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Claim, Error> {
    if let Some(claimed) = claim_bound(tx, queue, id, named, at_limit, now).await? {
        return Ok(Claim::Task(claimed));
    }
    for _ in 0..MAX_ATTEMPTS {
        let positions = store::list_positions(tx, queue, at_limit.len() + 1).await?;
        let Some(next) = positions.iter().find(|position| !at_limit.contains(&position.owner)) else {
            return Ok(if positions.is_empty() { Claim::Empty } else { Claim::AtLimit });
        };
        let member_queue = MemberQueue { queue, owner: next.owner };
        let Some(bound) = store::claim_ready(tx, member_queue, id, now).await? else {
            store::refresh_has_ready(tx, member_queue).await?;
            continue;
        };
        let more = store::advance_virtual_time(tx, member_queue, next.virtual_time, bound.cost_ms, now).await?;
        return Ok(Claim::Task(Claimed {
            media: bound.media,
            task: bound.task,
            member_queue,
            cost_ms: bound.cost_ms,
            weight: bound.weight,
            more,
        }));
    }
    Ok(Claim::Empty)
}

/// Returns the task that the ticket is bound to already: its worker died, or it failed and is retried. If its member
/// holds as many permits here as it may, the task becomes ready again instead.
async fn claim_bound(
    tx: &Tx,
    queue: Queue,
    id: &str,
    named: &Ticket,
    at_limit: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, Error> {
    let bound = match store::find_bound(tx, id).await? {
        Some(bound) => bound,
        None => match store::bind_legacy(tx, &named.media, named.task, id, now).await? {
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
    let member_queue = MemberQueue { queue, owner };
    if at_limit.contains(&owner) {
        store::requeue(tx, id, member_queue, now).await?;
        store::set_has_ready(tx, member_queue, now).await?;
        return Ok(None);
    }
    Ok(Some(Claimed {
        media: bound.media,
        task: bound.task,
        member_queue,
        cost_ms: bound.cost_ms,
        weight: bound.weight,
        more: false,
    }))
}

/// Returns the difference between the actual and the estimated cost of a task, in milliseconds; `None` where there is
/// nothing to charge.
pub(crate) fn cost_difference(claimed: &Claimed, took_ms: u64) -> Option<i64> {
    let more = i64::try_from(took_ms).unwrap_or(i64::MAX / 4).saturating_sub(claimed.cost_ms);
    (more.abs() > COST_TOLERANCE_MS).then_some(more)
}

/// Removes an item's tasks from every queue: it is deleted, or has failed.
pub(crate) async fn dequeue(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    for member_queue in store::release_tasks(tx, media).await? {
        store::refresh_has_ready(tx, member_queue).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
