//! Who goes on with an upload in this process.
//!
//! A phone that lost its connection comes back before we notice that the old one is dead: the newcomer asks the old request to stop, and
//! waits for it to write down what it has. Other processes are kept off by the row's epoch. Invariant: a hold ends with its
//! request, whatever becomes of the connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};

use crate::error::Error;

/// How long a newcomer waits for the old request to write down what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// The uploads that somebody is busy with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds(Arc<Mutex<HashMap<String, Slot>>>);

#[derive(Debug, Clone)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The number of the newest request.
    newest: watch::Sender<u64>,
    /// Requests that hold it or wait for it.
    people: usize,
}

/// A request's hold on an upload.
#[derive(Debug)]
pub(crate) struct Hold {
    number: u64,
    newest: watch::Receiver<u64>,
    _turn: OwnedMutexGuard<()>,
    _person: Person,
}

/// A request that holds an upload or waits for it.
#[derive(Debug)]
struct Person {
    holds: Holds,
    id: String,
}

impl Holds {
    /// Asks whoever has the upload to stop, and takes it.
    pub(crate) async fn take(&self, id: &str) -> Result<Hold, Error> {
        let (turn, newest, number, person) = self.enter(id);
        let turn = tokio::time::timeout(PATIENCE, turn.lock_owned()).await.map_err(|_| Error::Busy)?;
        if *newest.borrow() != number {
            return Err(Error::TakenOver);
        }
        Ok(Hold { number, newest, _turn: turn, _person: person })
    }

    fn enter(&self, id: &str) -> (Arc<tokio::sync::Mutex<()>>, watch::Receiver<u64>, u64, Person) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(id.to_owned()).or_insert_with(|| Slot { turn: Arc::default(), newest: watch::Sender::new(0), people: 0 });
        slot.people += 1;
        let number = *slot.newest.borrow() + 1;
        slot.newest.send_replace(number);
        (slot.turn.clone(), slot.newest.subscribe(), number, Person { holds: self.clone(), id: id.to_owned() })
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let mut slots = self.holds.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get_mut(&self.id) {
            slot.people -= 1;
            if slot.people == 0 {
                slots.remove(&self.id);
            }
        }
    }
}

impl Hold {
    /// Resolves when a newer request wants the upload.
    pub(crate) async fn superseded(&mut self) {
        while *self.newest.borrow_and_update() == self.number {
            if self.newest.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_request_gets_the_upload_and_nothing_is_left_behind() {
        let holds = Holds::default();
        let mut old = holds.take("a").await.unwrap();
        let (first, second) = (holds.clone(), holds.clone());
        let middle = tokio::spawn(async move { first.take("a").await.map(drop) });
        while *old.newest.borrow() < 2 {
            tokio::task::yield_now().await;
        }
        let newest = tokio::spawn(async move { second.take("a").await.map(drop) });
        while *old.newest.borrow() < 3 {
            tokio::task::yield_now().await;
        }
        old.superseded().await;
        drop(old);
        assert!(matches!(middle.await.unwrap(), Err(Error::TakenOver)));
        assert!(newest.await.unwrap().is_ok());
        assert!(holds.0.lock().unwrap().is_empty());
    }
}
