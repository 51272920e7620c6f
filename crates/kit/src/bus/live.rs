//! The ephemeral broadcast: live updates to whoever listens now.
//!
//! Invariant: a slow listener is told that it missed something ([`Heard::Lagged`]); it never slows the sender.

use std::sync::Arc;

use tokio::sync::broadcast;

/// Updates that a listener may be behind before it is told to reload.
const BEHIND: usize = 1024;

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
pub struct Live(broadcast::Sender<(Arc<str>, Arc<str>)>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND).0)
    }
}

impl Live {
    /// Tells whoever listens to `topic`.
    pub fn tell(&self, topic: &str, payload: &str) {
        // No listener is no fault.
        let _ = self.0.send((topic.into(), payload.into()));
    }

    /// Listens to `topic` from now on.
    pub fn listen(&self, topic: &str) -> Listener {
        Listener { topic: topic.into(), updates: self.0.subscribe() }
    }
}

/// One listener's ear.
#[derive(Debug)]
pub struct Listener {
    topic: Arc<str>,
    updates: broadcast::Receiver<(Arc<str>, Arc<str>)>,
}

impl Listener {
    /// Waits for the next update of the topic; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.updates.recv().await {
                Ok((topic, payload)) if topic == self.topic => return Some(Heard::Update(topic, payload)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(Heard::Lagged),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
