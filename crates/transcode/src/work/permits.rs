//! The permits of a process: what is worked on here now, and for whom.
//!
//! Owns the limit that no member may hold the last permit of a queue, and the nice level that follows from how busy a member is here already. Does
//! not own whose turn it is (`turns`). Invariant: a task has a permit from before it is bound to its ticket until all of it has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::{AccountId, MediaId};
use tokio::sync::futures::Notified;
use tokio::sync::{Mutex as Gate, MutexGuard as GateGuard, Notify};

use crate::figures::Figures;
use crate::model::Queue;
use crate::store::Line;

/// What each further item of a member at work here adds to the nice level of its children: a third of the processor time.
const NICE_STEP: i32 = 5;
const NICEST: i32 = 19;

/// The permits of a process; clones are the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Permits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    figures: Figures,
    held: Mutex<Held>,
    /// Held while a permit is looked for and taken, so that two lookers don't both see the last one.
    gates: [Gate<()>; Queue::ALL.len()],
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    tasks: HashMap<u64, (Line, MediaId)>,
}

/// One permit; it is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Permits,
    number: u64,
}

impl Permits {
    pub fn new(figures: Figures) -> Self {
        Self(Arc::new(Inner { figures, held: Mutex::default(), gates: Default::default(), changed: Notify::new() }))
    }

    /// Waits until no other looker is between looking and taking in this queue.
    pub async fn gate(&self, queue: Queue) -> GateGuard<'_, ()> {
        let at = Queue::ALL.iter().position(|other| *other == queue).unwrap_or(0);
        self.0.gates[at].lock().await
    }

    /// The members that hold `most` permits or more of a queue.
    pub fn at_limit(&self, queue: Queue, most: usize) -> Vec<AccountId> {
        let mut counts: HashMap<AccountId, usize> = HashMap::new();
        for (line, _) in self.lock().tasks.values().filter(|(line, _)| line.queue == queue) {
            *counts.entry(line.owner).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count >= most).map(|(owner, _)| owner).collect()
    }

    /// Takes one. Behind the queue's [`gate`](Self::gate).
    pub fn take(&self, line: Line, media: &MediaId) -> Permit {
        let mut held = self.lock();
        let number = held.next;
        held.next += 1;
        held.tasks.insert(number, (line, media.clone()));
        self.0.figures.running(line.queue).inc();
        Permit { permits: self.clone(), number }
    }

    /// The nice level for a task of this item: the queue's own, and more the more other items of its owner are worked on here or (`more`) wait.
    pub fn nice(&self, line: Line, media: &MediaId, more: bool) -> i32 {
        let mut others: Vec<MediaId> = self.lock().tasks.values().filter(|(other, item)| other.owner == line.owner && item != media).map(|(_, item)| item.clone()).collect();
        others.sort();
        others.dedup();
        let steps = i32::try_from(others.len()).unwrap_or(NICEST).saturating_add(i32::from(more));
        line.queue.nice().saturating_add(steps.saturating_mul(NICE_STEP)).min(NICEST)
    }

    /// Something that waits for a permit or a task should look again.
    pub fn wake(&self) {
        self.0.changed.notify_waiters();
    }

    /// Resolves at the next [`wake`](Self::wake) after this call.
    pub fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let ended = self.permits.lock().tasks.remove(&self.number);
        if let Some((line, _)) = ended {
            self.permits.0.figures.running(line.queue).dec();
        }
        self.permits.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits() -> Permits {
        Permits::new(Figures::new(&kit::telemetry::Metrics::default()))
    }

    fn line(queue: Queue, owner: u128) -> Line {
        Line { queue, owner: AccountId(uuid::Uuid::from_u128(owner)) }
    }

    #[test]
    fn a_member_is_at_its_limit_per_queue_until_a_permit_is_given_back() {
        let permits = permits();
        let (photo, work) = (line(Queue::Photo, 1), line(Queue::Work, 1));
        let first = permits.take(photo, &MediaId::random());
        let second = permits.take(photo, &MediaId::random());
        let _other = permits.take(work, &MediaId::random());
        assert_eq!(permits.at_limit(Queue::Photo, 2), [photo.owner]);
        assert_eq!(permits.at_limit(Queue::Work, 2), []);
        drop(first);
        assert_eq!(permits.at_limit(Queue::Photo, 2), []);
        assert_eq!(permits.at_limit(Queue::Photo, 1), [photo.owner]);
        drop(second);
    }

    #[test]
    fn who_is_busy_here_already_gets_less_of_the_processor() {
        let permits = permits();
        let (busy, calm) = (line(Queue::Urgent, 1), line(Queue::Urgent, 2));
        let item = MediaId::random();
        let _first = permits.take(busy, &item);
        let _same = permits.take(line(Queue::Sound, 1), &item);
        assert_eq!(permits.nice(busy, &item, false), 0, "tasks of one item don't count against it");
        let _second = permits.take(busy, &MediaId::random());
        assert_eq!((permits.nice(busy, &item, false), permits.nice(busy, &item, true)), (5, 10));
        assert_eq!(permits.nice(calm, &MediaId::random(), false), 0);
        let many: Vec<Permit> = (0..9).map(|_| permits.take(busy, &MediaId::random())).collect();
        assert_eq!(permits.nice(busy, &item, true), NICEST);
        drop(many);
    }
}
