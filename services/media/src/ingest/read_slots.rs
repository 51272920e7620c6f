//! Slots that decide whose body is read, when more arrive at once than this machine keeps up with.
//!
//! If all were read at once, thousands of uploads would all end late, each would hold its buffers to the end, and every
//! read would return little. With slots, first come, first served, the first uploads are durable soon, and the others
//! wait in their sockets, where they cost next to nothing. Invariant: a slow client delays others by no more than
//! [`SLOT_TIMEOUT`]. It loses its slot with the end of its body, or when the server has waited for it for so long; then
//! its upload continues without a slot.

use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// How long, in all, the server waits for a client that has a slot.
const SLOT_TIMEOUT: Duration = Duration::from_millis(100);

/// The read slots of all uploads.
#[derive(Debug, Clone)]
pub(crate) struct ReadSlots(Arc<Semaphore>);

impl ReadSlots {
    /// Returns slots for `max_concurrent` uploads at a time.
    pub(crate) fn new(max_concurrent: usize) -> Self {
        Self(Arc::new(Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS))))
    }

    pub(super) fn queue(&self) -> ReadSlot {
        ReadSlot::Queued(PollSemaphore::new(self.0.clone()))
    }
}

/// The read slot of one upload.
#[derive(Debug)]
pub(super) enum ReadSlot {
    Queued(PollSemaphore),
    Held {
        _permit: OwnedSemaphorePermit,
        remaining: Duration,
    },
    /// The upload continues without a slot, or has ended.
    Released,
}

impl ReadSlot {
    /// Waits for the slot. The future may be dropped while it waits and keeps its place in the queue.
    pub(super) async fn acquire(&mut self) {
        std::future::poll_fn(|context| {
            if let Self::Queued(queue) = self {
                // The semaphore is never closed.
                *self = ready!(queue.poll_acquire(context))
                    .map_or(Self::Released, |permit| Self::Held { _permit: permit, remaining: SLOT_TIMEOUT });
            }
            std::task::Poll::Ready(())
        })
        .await;
    }

    /// Returns how long the server may still wait for the client.
    pub(super) fn remaining(&self) -> Option<Duration> {
        match self {
            Self::Held { remaining, .. } => Some(*remaining),
            Self::Queued(_) | Self::Released => None,
        }
    }

    /// Deducts time that the server has waited for the client.
    pub(super) fn charge(&mut self, time: Duration) {
        if let Self::Held { remaining, .. } = self {
            *remaining = remaining.saturating_sub(time);
            if remaining.is_zero() {
                self.release();
            }
        }
    }

    /// Gives the slot to the next upload.
    pub(super) fn release(&mut self) {
        *self = Self::Released;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn acquires(slot: &mut ReadSlot) -> bool {
        tokio::time::timeout(Duration::from_millis(5), slot.acquire()).await.is_ok()
    }

    #[tokio::test]
    async fn slots_are_given_in_queue_order_even_after_a_dropped_wait() {
        let slots = ReadSlots::new(1);
        let (mut first, mut second, mut third) = (slots.queue(), slots.queue(), slots.queue());
        assert!(acquires(&mut first).await);
        assert!(!acquires(&mut second).await);
        assert!(!acquires(&mut third).await);
        first.release();
        assert!(!acquires(&mut third).await, "the second was before it");
        assert!(acquires(&mut second).await);
        drop(second);
        assert!(acquires(&mut third).await);
    }

    #[tokio::test]
    async fn a_slow_client_loses_its_slot_and_continues() {
        let slots = ReadSlots::new(1);
        let (mut slow, mut next) = (slots.queue(), slots.queue());
        assert!(acquires(&mut slow).await);
        slow.charge(SLOT_TIMEOUT / 2);
        assert!(!acquires(&mut next).await);
        slow.charge(slow.remaining().unwrap());
        assert!(acquires(&mut next).await);
        assert!(acquires(&mut slow).await, "it never waits again");
    }
}
