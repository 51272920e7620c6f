//! The queue in which streams wait to be read for ([`crate::stream_reader`]), and what they get.
//!
//! Invariant: the queue is bounded, and a stream that waits has one place in it.

use std::collections::HashMap;
use std::sync::Arc;

use contract::AccountId;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::history::{Counts, Notice};
use crate::model::KnownPerson;

/// The most notices that a reader who was away gets one by one.
pub(crate) const MAX_BACKFILL: usize = 100;
/// Streams that may be queued; further ones wait until one is taken.
const MAX_QUEUED: usize = 1024;

/// What is new for a stream.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// The notices of the main list, the oldest first; more than [`MAX_BACKFILL`] if there are too many to be sent.
    pub notices: Vec<Notice>,
    /// The announcements that the member is shown.
    pub announced: Vec<Notice>,
    /// The counts of the whole list.
    pub counts: Counts,
    /// Those who acted in the notices of the batch and are shown by name.
    pub people: Arc<HashMap<AccountId, KnownPerson>>,
}

/// A stream that asks what is new.
#[derive(Debug)]
pub(crate) struct Request {
    /// Whose stream it is.
    pub member: AccountId,
    /// The greatest id that the stream has sent.
    pub after: Uuid,
    /// Where the answer goes.
    pub answer: oneshot::Sender<News>,
}

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct StreamQueue {
    sender: mpsc::Sender<Request>,
    receiver: Arc<Mutex<Option<mpsc::Receiver<Request>>>>,
}

impl Default for StreamQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        Self { sender, receiver: Arc::new(Mutex::new(Some(receiver))) }
    }
}

impl StreamQueue {
    /// Returns the end from which requests are taken, the first time.
    pub(crate) fn take_receiver(&self) -> Option<mpsc::Receiver<Request>> {
        self.receiver.lock().take()
    }

    /// Returns what is new for a member above an id. `None` if it could not be read, which was logged, or if the
    /// process stops.
    pub(crate) async fn read(&self, member: AccountId, after: Uuid) -> Option<News> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(Request { member, after, answer }).await.ok()?;
        answered.await.ok()
    }
}
