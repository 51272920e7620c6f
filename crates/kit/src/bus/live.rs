//! The ephemeral broadcast: live updates to whoever listens now.
//!
//! Within the process it needs no engine; a bus across processes carries updates on through a [`Wire`]. Invariant: a listener that may have
//! missed something (it is slow, a connection was lost) is told so by [`Heard::Lagged`]; it never slows the sender.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, broadcast, mpsc};

/// Updates that a listener may be behind before it is told to reload.
const BEHIND: usize = 1024;
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
#[derive(Debug, Clone)]
pub struct Live {
    here: broadcast::Sender<Heard>,
    elsewhere: Option<Elsewhere>,
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
    pub(super) here: broadcast::Sender<Heard>,
}

impl Default for Live {
    fn default() -> Self {
        Self { here: broadcast::channel(BEHIND).0, elsewhere: None }
    }
}

impl Live {
    /// A broadcast that other processes hear too, once something carries what comes out of the wire.
    pub(super) fn across() -> (Self, Wire) {
        let (here, (updates, outgoing), dropped) = (broadcast::channel(BEHIND).0, mpsc::channel(OUTGOING), Arc::default());
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
        // No listener is no fault.
        let _ = self.here.send(Heard::Update(topic, payload));
    }

    /// Listens to `topic` from now on.
    pub fn listen(&self, topic: &str) -> Listener {
        Listener { topic: topic.into(), updates: self.here.subscribe() }
    }
}

/// One listener's ear.
#[derive(Debug)]
pub struct Listener {
    topic: Arc<str>,
    updates: broadcast::Receiver<Heard>,
}

impl Listener {
    /// Waits for the next update of the topic; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.updates.recv().await {
                Ok(Heard::Update(topic, _)) if topic != self.topic => {}
                Ok(heard) => return Some(heard),
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(Heard::Lagged),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
