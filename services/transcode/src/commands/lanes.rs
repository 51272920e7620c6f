//! The lanes of this role's writes.
//!
//! The fair queue is one lane for all members, queues and processes, because of two invariants. First, the member with
//! the lowest virtual time is next: a claim reads the members in order, takes a task of the first one, and advances it
//! and the queue's clock; two claims side by side would choose the same member. Second, a member with a ready task has
//! `has_ready` set: a claim computes it from the tasks, and on PostgreSQL would not see a task that another transaction
//! makes ready meanwhile, so that task would wait without an end (a test of `fair_queue` fails on PostgreSQL without
//! the lane). A lane per queue would do for claims, but completing one task makes tasks of several queues ready, and
//! which ones is known only inside the transaction. A lane per owner does not do: a claim does not know the owner
//! before it has read the members.
//!
//! Writes that touch no member queue stay out of that lane; most announcements and all progress are such. Rows of
//! `member_queue` and `queue_clock` are written in the fair queue's lane only, so two groups of writes never lock them
//! in different orders. Invariant: a write that takes both lanes takes them at once, before its first statement.

use contract::MediaId;
use db::Lane;

/// No item has this id: ids have no underscore.
const FAIR_QUEUE: &str = "fair_queue";

/// The lane of an item's state, plan, tasks and outputs.
pub(crate) fn item(media: &MediaId) -> Lane {
    Lane::of(media)
}

/// The lane of the order between members: ready tasks, virtual times, tickets.
pub(crate) fn fair_queue() -> Lane {
    Lane::of(FAIR_QUEUE)
}

/// Both lanes, for a write to an item that makes its tasks ready or releases them.
pub(crate) fn item_and_queue(media: &MediaId) -> Lane {
    item(media).and(FAIR_QUEUE)
}
