//! The ephemeral broadcast: live updates to whoever listens now.
//!
//! Within the process it needs no engine; a bus across processes carries updates on through a [`Relay`]. Each topic has a queue of its own, so an
//! update wakes those who listen to it and nobody else. Invariant: a listener that may have missed something (it is slow, a connection was
//! lost) is told so by [`BroadcastMessage::Lagged`]; it never slows the sender.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, mpsc};

/// Updates of its topic that a listener may be behind before it is told to reload.
const MAX_LAG: usize = 64;
/// Listeners of one topic, and topics with listeners, that clients may cause. Each queue is some 5 KB.
const MAX_PER_TOPIC: usize = 4096;
const MAX_TOPICS: usize = 8192;
/// Updates that may wait for the other processes before some are dropped, and the listeners there told.
const MAX_OUTGOING: usize = 1024;

/// What a listener subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastMessage {
    /// An update: its topic, such as `media.5kT0…`, and JSON text.
    Update(Arc<str>, Arc<str>),
    /// Some were missed: read the current state anew.
    Lagged,
}

/// The broadcast.
#[derive(Debug, Clone, Default)]
pub struct Broadcast {
    local: LocalTopics,
    remote: Option<Remote>,
}

/// The queues of this process, one for each topic that somebody listens to.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalTopics(Arc<Mutex<HashMap<Arc<str>, broadcast::Sender<BroadcastMessage>>>>);

impl LocalTopics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, broadcast::Sender<BroadcastMessage>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who listen to the topic.
    pub(super) fn publish(&self, topic: Arc<str>, payload: Arc<str>) {
        if let Some(queue) = self.lock().get(&topic) {
            // No listener is no fault.
            let _ = queue.send(BroadcastMessage::Update(topic, payload));
        }
    }

    /// Tells everyone that something was missed.
    pub(super) fn publish_lagged(&self) {
        for queue in self.lock().values() {
            let _ = queue.send(BroadcastMessage::Lagged);
        }
    }

    fn subscribe(&self, topic: &str) -> Subscriber {
        let topic: Arc<str> = topic.into();
        let updates = self.lock().entry(topic.clone()).or_insert_with(|| broadcast::channel(MAX_LAG).0).subscribe();
        Subscriber { topic, updates, local: self.clone() }
    }

    /// Whether a topic has as many listeners as it may, or too many topics have some.
    fn is_full(&self, topic: &str) -> bool {
        let queues = self.lock();
        queues.len() >= MAX_TOPICS || queues.get(topic).is_some_and(|queue| queue.receiver_count() >= MAX_PER_TOPIC)
    }
}

#[derive(Debug, Clone)]
struct Remote {
    updates: mpsc::Sender<(Arc<str>, Arc<str>)>,
    dropped: Arc<Dropped>,
}

/// Says that an update was dropped on its way out.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    is_set: AtomicBool,
    notify: Notify,
}

impl Dropped {
    /// PendingDependencies until something was dropped since the last call.
    pub(super) async fn next(&self) {
        while !self.is_set.swap(false, Ordering::Relaxed) {
            self.notify.notified().await;
        }
    }
}

/// The other end of a broadcast that reaches further than this process.
#[derive(Debug)]
pub(super) struct Relay {
    /// What was told here and is to be heard elsewhere.
    pub(super) outgoing: mpsc::Receiver<(Arc<str>, Arc<str>)>,
    /// Whether some of it was dropped because the queue was full.
    pub(super) dropped: Arc<Dropped>,
    /// Where to say what was told elsewhere.
    pub(super) local: LocalTopics,
}

impl Broadcast {
    /// A broadcast that other processes hear too, once something carries what comes out of the wire.
    pub(super) fn with_relay() -> (Self, Relay) {
        let (local, (updates, outgoing), dropped) = (LocalTopics::default(), mpsc::channel(MAX_OUTGOING), Arc::default());
        let relay = Relay { outgoing, dropped: Arc::clone(&dropped), local: local.clone() };
        (Self { local, remote: Some(Remote { updates, dropped }) }, relay)
    }

    /// Tells whoever listens to `topic`.
    pub fn publish(&self, topic: &str, payload: &str) {
        let (topic, payload): (Arc<str>, Arc<str>) = (topic.into(), payload.into());
        if let Some(remote) = &self.remote
            && remote.updates.try_send((topic.clone(), payload.clone())).is_err()
        {
            remote.dropped.is_set.store(true, Ordering::Relaxed);
            remote.dropped.notify.notify_one();
        }
        self.local.publish(topic, payload);
    }

    /// Listens to `topic` from now on: for the process itself, which knows how often it does.
    pub fn subscribe(&self, topic: &str) -> Subscriber {
        self.local.subscribe(topic)
    }

    /// As [`Broadcast::listen`] for a client; `None` where there are too many listeners already.
    pub fn subscribe_client(&self, topic: &str) -> Option<Subscriber> {
        (!self.local.is_full(topic)).then(|| self.local.subscribe(topic))
    }
}

/// One listener's ear.
#[derive(Debug)]
pub struct Subscriber {
    topic: Arc<str>,
    updates: broadcast::Receiver<BroadcastMessage>,
    local: LocalTopics,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut queues = self.local.lock();
        // Its own ear still counts.
        if queues.get(&self.topic).is_some_and(|queue| queue.receiver_count() <= 1) {
            queues.remove(&self.topic);
        }
    }
}

impl Subscriber {
    /// Leaves away what was told and not heard yet: for those who are about to read the state anew.
    pub fn forget(&mut self) {
        self.updates = self.updates.resubscribe();
    }

    /// PendingDependencies for the next update of the topic; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<BroadcastMessage> {
        match self.updates.recv().await {
            Ok(message) => Some(message),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(BroadcastMessage::Lagged),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_update_wakes_its_own_subscribers_and_a_topic_without_any_is_removed() {
        let broadcast = Broadcast::default();
        let (mut one, mut two) = (broadcast.subscribe("one"), broadcast.subscribe("two"));
        for _ in 0..=MAX_LAG {
            broadcast.publish("two", "2");
        }
        broadcast.publish("one", "1");
        assert_eq!(one.next().await, Some(BroadcastMessage::Update("one".into(), "1".into())), "what others are told pushes nothing out");
        assert_eq!(two.next().await, Some(BroadcastMessage::Lagged));
        let also = broadcast.subscribe("one");
        drop(one);
        assert_eq!(broadcast.local.lock().len(), 2);
        drop((also, two));
        assert!(broadcast.local.lock().is_empty());
    }

    #[test]
    fn the_subscribers_of_a_topic_that_clients_cause_are_bounded() {
        let broadcast = Broadcast::default();
        let subscribers: Vec<Subscriber> = (0..MAX_PER_TOPIC).map(|_| broadcast.subscribe_client("a").unwrap()).collect();
        assert!(broadcast.subscribe_client("a").is_none() && broadcast.subscribe_client("b").is_some());
        drop(subscribers);
        assert!(broadcast.subscribe_client("a").is_some());
    }
}
