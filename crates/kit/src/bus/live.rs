//! The ephemeral broadcast: live updates to whoever listens now.
//!
//! Within the process it needs no engine; a bus across processes carries updates on through a [`Wire`]. Each topic has a queue of its own, so an
//! update wakes those who listen to it and nobody else. Invariant: a listener that may have missed something (it is slow, a connection was
//! lost) is told so by [`Heard::Lagged`]; it never slows the sender.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, broadcast, mpsc};

/// Updates of its topic that a listener may be behind before it is told to reload.
const BEHIND: usize = 64;
/// Listeners of one topic, and topics with listeners, that clients may cause. Each queue is some 5 KB.
const MAX_PER_TOPIC: usize = 4096;
const MAX_TOPICS: usize = 8192;
/// Updates that may wait for the other processes before some are dropped, and the listeners there told.
const OUTGOING: usize = 1024;

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An update: its topic, such as `media.5kT0…`, and JSON text.
    Update(Arc<str>, Arc<str>),
    /// Some were missed: read the current state anew.
    Lagged,
}

/// The broadcast.
#[derive(Debug, Clone, Default)]
pub struct Live {
    here: Here,
    elsewhere: Option<Elsewhere>,
}

/// The queues of this process, one for each topic that somebody listens to.
#[derive(Debug, Clone, Default)]
pub(super) struct Here(Arc<Mutex<HashMap<Arc<str>, broadcast::Sender<Heard>>>>);

impl Here {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, broadcast::Sender<Heard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who listen to the topic.
    pub(super) fn tell(&self, topic: Arc<str>, payload: Arc<str>) {
        if let Some(queue) = self.lock().get(&topic) {
            // No listener is no fault.
            let _ = queue.send(Heard::Update(topic, payload));
        }
    }

    /// Tells everyone that something was missed.
    pub(super) fn lagged(&self) {
        for queue in self.lock().values() {
            let _ = queue.send(Heard::Lagged);
        }
    }

    fn listen(&self, topic: &str) -> Listener {
        let topic: Arc<str> = topic.into();
        let updates = self.lock().entry(topic.clone()).or_insert_with(|| broadcast::channel(BEHIND).0).subscribe();
        Listener { topic, updates, here: self.clone() }
    }

    /// Whether a topic has as many listeners as it may, or too many topics have some.
    fn is_full(&self, topic: &str) -> bool {
        let queues = self.lock();
        queues.len() >= MAX_TOPICS || queues.get(topic).is_some_and(|queue| queue.receiver_count() >= MAX_PER_TOPIC)
    }
}

#[derive(Debug, Clone)]
struct Elsewhere {
    updates: mpsc::Sender<(Arc<str>, Arc<str>)>,
    dropped: Arc<Dropped>,
}

/// Says that an update was dropped on its way out.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    some: AtomicBool,
    called: Notify,
}

impl Dropped {
    /// Waits until something was dropped since the last call.
    pub(super) async fn next(&self) {
        while !self.some.swap(false, Ordering::Relaxed) {
            self.called.notified().await;
        }
    }
}

/// The other end of a broadcast that reaches further than this process.
#[derive(Debug)]
pub(super) struct Wire {
    /// What was told here and is to be heard elsewhere.
    pub(super) outgoing: mpsc::Receiver<(Arc<str>, Arc<str>)>,
    /// Whether some of it was dropped because the queue was full.
    pub(super) dropped: Arc<Dropped>,
    /// Where to say what was told elsewhere.
    pub(super) here: Here,
}

impl Live {
    /// A broadcast that other processes hear too, once something carries what comes out of the wire.
    pub(super) fn across() -> (Self, Wire) {
        let (here, (updates, outgoing), dropped) = (Here::default(), mpsc::channel(OUTGOING), Arc::default());
        let wire = Wire { outgoing, dropped: Arc::clone(&dropped), here: here.clone() };
        (Self { here, elsewhere: Some(Elsewhere { updates, dropped }) }, wire)
    }

    /// Tells whoever listens to `topic`.
    pub fn tell(&self, topic: &str, payload: &str) {
        let (topic, payload): (Arc<str>, Arc<str>) = (topic.into(), payload.into());
        if let Some(elsewhere) = &self.elsewhere
            && elsewhere.updates.try_send((topic.clone(), payload.clone())).is_err()
        {
            elsewhere.dropped.some.store(true, Ordering::Relaxed);
            elsewhere.dropped.called.notify_one();
        }
        self.here.tell(topic, payload);
    }

    /// Listens to `topic` from now on: for the process itself, which knows how often it does.
    pub fn listen(&self, topic: &str) -> Listener {
        self.here.listen(topic)
    }

    /// As [`Live::listen`] for a client; `None` where there are too many listeners already.
    pub fn listen_for_client(&self, topic: &str) -> Option<Listener> {
        (!self.here.is_full(topic)).then(|| self.here.listen(topic))
    }
}

/// One listener's ear.
#[derive(Debug)]
pub struct Listener {
    topic: Arc<str>,
    updates: broadcast::Receiver<Heard>,
    here: Here,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut queues = self.here.lock();
        // Its own ear still counts.
        if queues.get(&self.topic).is_some_and(|queue| queue.receiver_count() <= 1) {
            queues.remove(&self.topic);
        }
    }
}

impl Listener {
    /// Leaves away what was told and not heard yet: for those who are about to read the state anew.
    pub fn forget(&mut self) {
        self.updates = self.updates.resubscribe();
    }

    /// Waits for the next update of the topic; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.updates.recv().await {
            Ok(heard) => Some(heard),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Heard::Lagged),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_update_wakes_its_own_listeners_and_a_topic_without_any_is_forgotten() {
        let live = Live::default();
        let (mut one, mut two) = (live.listen("one"), live.listen("two"));
        for _ in 0..=BEHIND {
            live.tell("two", "2");
        }
        live.tell("one", "1");
        assert_eq!(one.next().await, Some(Heard::Update("one".into(), "1".into())), "what others are told pushes nothing out");
        assert_eq!(two.next().await, Some(Heard::Lagged));
        let also = live.listen("one");
        drop(one);
        assert_eq!(live.here.lock().len(), 2);
        drop((also, two));
        assert!(live.here.lock().is_empty());
    }

    #[test]
    fn clients_may_listen_to_a_topic_only_so_often() {
        let live = Live::default();
        let crowd: Vec<Listener> = (0..MAX_PER_TOPIC).map(|_| live.listen_for_client("a").unwrap()).collect();
        assert!(live.listen_for_client("a").is_none() && live.listen_for_client("b").is_some());
        drop(crowd);
        assert!(live.listen_for_client("a").is_some());
    }
}
