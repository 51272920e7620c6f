//! Whose body is read, when more arrive at once than this machine keeps up with.
//!
//! Read all at once, thousands of uploads all end late, each holds its buffers to the end, and every read brings little. Read in turn,
//! first come, first served, the first are safe soon, and the others wait in their sockets, where they cost next to nothing. Invariant: a
//! slow sender keeps nobody waiting for longer than [`PATIENCE`]: a turn ends with the body, or when its sender has been waited for so long;
//! then the upload goes on without.

use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// How long a sender is waited for, in all, within its turn.
const PATIENCE: Duration = Duration::from_millis(100);

/// The turns of all uploads.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// `at_once` uploads have their turn at a time.
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))))
    }

    pub(super) fn queue(&self) -> Turn {
        Turn::Queued(PollSemaphore::new(self.0.clone()))
    }
}

/// One upload's turn.
#[derive(Debug)]
pub(super) enum Turn {
    Queued(PollSemaphore),
    Taken {
        _permit: OwnedSemaphorePermit,
        left: Duration,
    },
    /// It goes on without, or has ended.
    Over,
}

impl Turn {
    /// Waits until it comes. May be dropped while it waits, and keeps its place in the queue.
    pub(super) async fn come(&mut self) {
        std::future::poll_fn(|context| {
            if let Self::Queued(queue) = self {
                // Nobody closes the semaphore.
                *self = ready!(queue.poll_acquire(context)).map_or(Self::Over, |permit| Self::Taken { _permit: permit, left: PATIENCE });
            }
            std::task::Poll::Ready(())
        })
        .await;
    }

    /// For how long the sender may still be waited for.
    pub(super) fn left(&self) -> Option<Duration> {
        match self {
            Self::Taken { left, .. } => Some(*left),
            Self::Queued(_) | Self::Over => None,
        }
    }

    /// The sender was waited for.
    pub(super) fn waited(&mut self, time: Duration) {
        if let Self::Taken { left, .. } = self {
            *left = left.saturating_sub(time);
            if left.is_zero() {
                self.end();
            }
        }
    }

    /// Lets the next one in.
    pub(super) fn end(&mut self) {
        *self = Self::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn comes(turn: &mut Turn) -> bool {
        tokio::time::timeout(Duration::from_millis(5), turn.come()).await.is_ok()
    }

    #[tokio::test]
    async fn turns_come_in_the_order_of_the_queue_even_for_who_looked_away() {
        let turns = Turns::new(1);
        let (mut first, mut second, mut third) = (turns.queue(), turns.queue(), turns.queue());
        assert!(comes(&mut first).await);
        assert!(!comes(&mut second).await);
        assert!(!comes(&mut third).await);
        first.end();
        assert!(!comes(&mut third).await, "the second was before it");
        assert!(comes(&mut second).await);
        drop(second);
        assert!(comes(&mut third).await);
    }

    #[tokio::test]
    async fn a_slow_sender_loses_its_turn_and_goes_on() {
        let turns = Turns::new(1);
        let (mut slow, mut next) = (turns.queue(), turns.queue());
        assert!(comes(&mut slow).await);
        slow.waited(PATIENCE / 2);
        assert!(!comes(&mut next).await);
        slow.waited(slow.left().unwrap());
        assert!(comes(&mut next).await);
        assert!(comes(&mut slow).await, "it never waits again");
    }
}
