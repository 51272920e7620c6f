//! The permits of a process: which tasks run here now, and for which member.
//!
//! Owns the rule that no member may hold the last permit of a queue, and the nice level that depends on how busy a
//! member is here already. Does not own which task is next (`fair_queue`). Invariant: a task holds a permit from before
//! it is bound to its ticket until all of it has ended.

use std::collections::HashMap;
use std::sync::Arc;

use contract::{AccountId, MediaId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::futures::Notified;
use tokio::sync::{Mutex as Gate, MutexGuard as GateGuard, Notify};

use crate::metrics::Metrics;
use crate::model::Queue;
use crate::store::MemberQueue;

/// What each further running item of a member adds to the nice level of its child processes: a third of the processor
/// time.
const NICE_STEP: i32 = 5;
const MAX_NICE: i32 = 19;

/// The permits of a process; clones share their state.
#[derive(Debug, Clone)]
pub(crate) struct Permits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    held: Mutex<HeldPermits>,
    /// Held while a permit is checked for and acquired, so that two callers do not both see the last one.
    gates: [Gate<()>; Queue::ALL.len()],
    changed: Notify,
}

#[derive(Debug, Default)]
struct HeldPermits {
    next: u64,
    tasks: HashMap<u64, (MemberQueue, MediaId)>,
}

/// One permit; it is released when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Permits,
    number: u64,
}

impl Permits {
    pub fn new(metrics: Metrics) -> Self {
        Self(Arc::new(Inner { metrics, held: Mutex::default(), gates: Default::default(), changed: Notify::new() }))
    }

    /// Waits until no other caller is between checking and acquiring in this queue.
    pub async fn gate(&self, queue: Queue) -> GateGuard<'_, ()> {
        let at = Queue::ALL.iter().position(|other| *other == queue).unwrap_or(0);
        self.0.gates[at].lock().await
    }

    /// Returns the members that hold `limit` permits or more of a queue.
    pub fn at_limit(&self, queue: Queue, limit: usize) -> Vec<AccountId> {
        let mut counts: HashMap<AccountId, usize> = HashMap::new();
        for (member_queue, _) in self.lock().tasks.values().filter(|(member_queue, _)| member_queue.queue == queue) {
            *counts.entry(member_queue.owner).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count >= limit).map(|(owner, _)| owner).collect()
    }

    /// Acquires a permit. Call it behind the queue's [`gate`](Self::gate).
    pub fn take(&self, member_queue: MemberQueue, media: &MediaId) -> Permit {
        let mut held = self.lock();
        let number = held.next;
        held.next += 1;
        held.tasks.insert(number, (member_queue, media.clone()));
        self.0.metrics.running(member_queue.queue).inc();
        Permit { permits: self.clone(), number }
    }

    /// Returns the nice level for a task of this item: the queue's own, and more the more other items of its owner are
    /// running here or (`more`) waiting.
    pub fn nice(&self, member_queue: MemberQueue, media: &MediaId, more: bool) -> i32 {
        let mut others: Vec<MediaId> = self
            .lock()
            .tasks
            .values()
            .filter(|(other, item)| other.owner == member_queue.owner && item != media)
            .map(|(_, item)| item.clone())
            .collect();
        others.sort();
        others.dedup();
        let steps = i32::try_from(others.len()).unwrap_or(MAX_NICE).saturating_add(i32::from(more));
        member_queue.queue.nice().saturating_add(steps.saturating_mul(NICE_STEP)).min(MAX_NICE)
    }

    /// Wakes the callers that wait for a permit or a task.
    pub fn wake(&self) {
        self.0.changed.notify_waiters();
    }

    /// Resolves at the next [`wake`](Self::wake) after this call.
    pub fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, HeldPermits> {
        self.0.held.lock()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let ended = self.permits.lock().tasks.remove(&self.number);
        if let Some((member_queue, _)) = ended {
            self.permits.0.metrics.running(member_queue.queue).dec();
        }
        self.permits.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits() -> Permits {
        Permits::new(Metrics::new(&base::telemetry::Metrics::default()))
    }

    fn member_queue(queue: Queue, owner: u128) -> MemberQueue {
        MemberQueue { queue, owner: AccountId(uuid::Uuid::from_u128(owner)) }
    }

    #[test]
    fn a_member_is_at_its_limit_per_queue_until_a_permit_is_released() {
        let permits = permits();
        let (photo, background) = (member_queue(Queue::Photo, 1), member_queue(Queue::Background, 1));
        let first = permits.take(photo, &MediaId::random());
        let second = permits.take(photo, &MediaId::random());
        let _other = permits.take(background, &MediaId::random());
        assert_eq!(permits.at_limit(Queue::Photo, 2), [photo.owner]);
        assert_eq!(permits.at_limit(Queue::Background, 2), []);
        drop(first);
        assert_eq!(permits.at_limit(Queue::Photo, 2), []);
        assert_eq!(permits.at_limit(Queue::Photo, 1), [photo.owner]);
        drop(second);
    }

    #[test]
    fn a_busy_member_gets_less_processor_time() {
        let permits = permits();
        let (busy, calm) = (member_queue(Queue::Urgent, 1), member_queue(Queue::Urgent, 2));
        let item = MediaId::random();
        let _first = permits.take(busy, &item);
        let _same = permits.take(member_queue(Queue::Audio, 1), &item);
        assert_eq!(permits.nice(busy, &item, false), 0, "tasks of one item do not count against it");
        let _second = permits.take(busy, &MediaId::random());
        assert_eq!((permits.nice(busy, &item, false), permits.nice(busy, &item, true)), (5, 10));
        assert_eq!(permits.nice(calm, &MediaId::random(), false), 0);
        let many: Vec<Permit> = (0..9).map(|_| permits.take(busy, &MediaId::random())).collect();
        assert_eq!(permits.nice(busy, &item, true), MAX_NICE);
        drop(many);
    }
}
