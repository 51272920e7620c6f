//! The ephemeral broadcast: live updates to the current subscribers.
//!
//! Within the process it needs no engine. A bus across processes passes updates on through a [`Relay`]. Each topic has
//! its own queue, so an update wakes only the subscribers of that topic. Invariant: a subscriber that may have missed
//! an update (because it is slow, or a connection was lost) receives [`BroadcastMessage::Lagged`]; it never slows the
//! publisher.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, broadcast, mpsc};

/// How many updates a subscriber may lag behind before it is told to reload.
const MAX_LAG: usize = 64;
/// Subscribers of one topic, and topics with subscribers, that clients may cause. Each queue takes about 5 KB.
const MAX_PER_TOPIC: usize = 4096;
const MAX_TOPICS: usize = 8192;
/// Updates that may wait for the other processes. Further ones are dropped, and the subscribers there are told.
const MAX_OUTGOING: usize = 1024;

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastMessage {
    /// An update: its topic, such as `media.5kT0…`, and JSON text.
    Update(Arc<str>, Arc<str>),
    /// Some updates were missed: read the current state again.
    Lagged,
}

/// Publishes to and subscribes to topics.
#[derive(Debug, Clone, Default)]
pub struct Broadcast {
    local: LocalTopics,
    remote: Option<Remote>,
}

/// The queues of this process, one for each topic that has subscribers.
#[derive(Debug, Clone, Default)]
pub struct LocalTopics(Arc<Mutex<HashMap<Arc<str>, broadcast::Sender<BroadcastMessage>>>>);

impl LocalTopics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, broadcast::Sender<BroadcastMessage>>> {
        self.0.lock()
    }

    /// Sends an update to the subscribers of the topic.
    pub fn publish(&self, topic: Arc<str>, payload: Arc<str>) {
        if let Some(queue) = self.lock().get(&topic) {
            // A topic without subscribers is not an error.
            let _ = queue.send(BroadcastMessage::Update(topic, payload));
        }
    }

    /// Tells all subscribers that an update was missed.
    pub fn publish_lagged(&self) {
        for queue in self.lock().values() {
            let _ = queue.send(BroadcastMessage::Lagged);
        }
    }

    fn subscribe(&self, topic: &str) -> Subscriber {
        let topic: Arc<str> = topic.into();
        let updates = self.lock().entry(topic.clone()).or_insert_with(|| broadcast::channel(MAX_LAG).0).subscribe();
        Subscriber { topic, updates, local: self.clone() }
    }

    /// Whether the topic has the maximum of subscribers, or there is the maximum of topics.
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

/// Signals that an outgoing update was dropped.
#[derive(Debug, Default)]
pub struct Dropped {
    is_set: AtomicBool,
    notify: Notify,
}

impl Dropped {
    /// Waits until an update was dropped since the last call.
    pub async fn next(&self) {
        while !self.is_set.swap(false, Ordering::Relaxed) {
            self.notify.notified().await;
        }
    }
}

/// The other end of a broadcast that reaches other processes.
#[derive(Debug)]
pub struct Relay {
    /// Updates that were published here, for other processes.
    pub outgoing: mpsc::Receiver<(Arc<str>, Arc<str>)>,
    /// Signals that some of them were dropped because the queue was full.
    pub dropped: Arc<Dropped>,
    /// Where to publish the updates of other processes.
    pub local: LocalTopics,
}

impl Broadcast {
    /// Returns a broadcast for several processes, and the relay that has to pass its updates on.
    pub fn with_relay() -> (Self, Relay) {
        let (local, (updates, outgoing), dropped) =
            (LocalTopics::default(), mpsc::channel(MAX_OUTGOING), Arc::default());
        let relay = Relay { outgoing, dropped: Arc::clone(&dropped), local: local.clone() };
        (Self { local, remote: Some(Remote { updates, dropped }) }, relay)
    }

    /// Sends an update to all current subscribers of `topic`.
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

    /// Whether there may be subscribers in other processes.
    pub fn reaches_other_processes(&self) -> bool {
        self.remote.is_some()
    }

    /// Subscribes to `topic` for the process itself, whose number of subscriptions is bounded.
    pub fn subscribe(&self, topic: &str) -> Subscriber {
        self.local.subscribe(topic)
    }

    /// As [`Broadcast::subscribe`] for a client; `None` if there are too many subscribers already.
    pub fn subscribe_client(&self, topic: &str) -> Option<Subscriber> {
        (!self.local.is_full(topic)).then(|| self.local.subscribe(topic))
    }
}

/// A subscription to one topic.
#[derive(Debug)]
pub struct Subscriber {
    topic: Arc<str>,
    updates: broadcast::Receiver<BroadcastMessage>,
    local: LocalTopics,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut queues = self.local.lock();
        // Its own receiver still counts.
        if queues.get(&self.topic).is_some_and(|queue| queue.receiver_count() <= 1) {
            queues.remove(&self.topic);
        }
    }
}

impl Subscriber {
    /// Discards the updates that were not received yet, for a caller that is about to read the state anyway.
    pub fn forget(&mut self) {
        self.updates = self.updates.resubscribe();
    }

    /// Waits for the next update of the topic; `None` when the bus is gone.
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
        assert_eq!(
            one.next().await,
            Some(BroadcastMessage::Update("one".into(), "1".into())),
            "updates of other topics push nothing out"
        );
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
        let subscribers: Vec<Subscriber> =
            (0..MAX_PER_TOPIC).map(|_| broadcast.subscribe_client("a").unwrap()).collect();
        assert!(broadcast.subscribe_client("a").is_none() && broadcast.subscribe_client("b").is_some());
        drop(subscribers);
        assert!(broadcast.subscribe_client("a").is_some());
    }
}
