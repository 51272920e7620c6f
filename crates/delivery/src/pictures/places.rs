//! The requests that wait for a picture: a bounded number, shared out fairly while others wait.
//!
//! A client alone may take all places, and so may the readers of one item. When they are taken and another client comes, the one with the most gives
//! one up; between requests of one client, and where all clients have equally few, the item with the most does. Owns who has a place; knows
//! nothing of pictures. Invariant: never more than `max` have a place, and none that holds no more than the newcomer would gives one up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::MediaId;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::model::Client;

/// All places.
#[derive(Clone)]
pub(super) struct Places(Arc<Mutex<State>>);

struct State {
    max: usize,
    next: u64,
    count: Gauge,
    /// In the order in which they were taken.
    taken: Vec<Taken>,
}

struct Taken {
    id: u64,
    client: Client,
    item: MediaId,
    evict: oneshot::Sender<()>,
}

/// A place, given back when it goes.
pub(super) struct Place {
    places: Places,
    id: u64,
    /// Resolves when the place was given to another.
    pub evicted: oneshot::Receiver<()>,
}

impl Places {
    /// This many, counted by `count`.
    pub fn new(max: usize, count: Gauge) -> Self {
        Self(Arc::new(Mutex::new(State { max, next: 0, count, taken: Vec::new() })))
    }

    /// A place for a request; [`Error::Busy`] where all are taken by others with no greater share.
    pub fn take(&self, client: Client, item: &MediaId) -> Result<Place, Error> {
        let mut state = self.lock();
        if state.taken.len() >= state.max {
            let at = state.victim(client, item).ok_or(Error::Busy)?;
            // Its request may have gone in this moment.
            let _ = state.taken.remove(at).evict.send(());
        }
        let (evict, evicted) = oneshot::channel();
        let id = state.next;
        state.next += 1;
        state.taken.push(Taken { id, client, item: item.clone(), evict });
        state.observe();
        drop(state);
        Ok(Place { places: self.clone(), id, evicted })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        // An evicted one is there no more.
        state.taken.retain(|taken| taken.id != self.id);
        state.observe();
    }
}

impl State {
    fn observe(&self) {
        self.count.set(i64::try_from(self.taken.len()).unwrap_or(i64::MAX));
    }

    /// The last one of the greediest, if it is greedier than the newcomer would be.
    fn victim(&self, client: Client, item: &MediaId) -> Option<usize> {
        let all: Vec<(usize, &Taken)> = self.taken.iter().enumerate().collect();
        let greedy = greediest(&all, |taken| taken.client, &client);
        let among = match greedy {
            Some(greedy) => all.iter().copied().filter(|(_, taken)| taken.client == greedy).collect(),
            // No client is greedier: perhaps this client asks for one item and has asked much for another, or an item is in everyone's way.
            None => {
                let own: Vec<_> = all.iter().copied().filter(|(_, taken)| taken.client == client).collect();
                let item_of = |taken: &Taken| taken.item.clone();
                let (among, greedy) = match greediest(&own, item_of, item) {
                    Some(greedy) => (own, greedy),
                    None => (all.clone(), greediest(&all, item_of, item)?),
                };
                among.into_iter().filter(|(_, taken)| taken.item == greedy).collect::<Vec<_>>()
            }
        };
        let most = counts(&among, |taken| taken.item.clone()).into_iter().max_by_key(|(_, count)| *count)?.0;
        among.into_iter().rev().find(|(_, taken)| taken.item == most).map(|(at, _)| at)
    }
}

fn counts<K: Hash + Eq>(taken: &[(usize, &Taken)], key: impl Fn(&Taken) -> K) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for (_, taken) in taken {
        *counts.entry(key(taken)).or_default() += 1;
    }
    counts
}

/// Whoever has the most, if that is more than the newcomer would have with one of them.
fn greediest<K: Hash + Eq>(taken: &[(usize, &Taken)], key: impl Fn(&Taken) -> K, newcomer: &K) -> Option<K> {
    let counts = counts(taken, key);
    let own = counts.get(newcomer).copied().unwrap_or(0);
    counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > own + 1).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> Client {
        Client::Prefix([10, 0, 0, n].into())
    }

    fn places_for(max: usize) -> Places {
        Places::new(max, Gauge::default())
    }

    fn count(places: &Places) -> usize {
        places.lock().taken.len()
    }

    fn is_evicted(place: &mut Place) -> bool {
        place.evicted.try_recv().is_ok()
    }

    #[test]
    fn one_client_may_have_all_places_until_another_comes() {
        let places = places_for(8);
        let items: Vec<MediaId> = (0..2).map(|_| MediaId::random()).collect();
        let mut greedy: Vec<Place> = (0..8).map(|_| places.take(client(1), &items[0]).unwrap()).collect();
        assert!(places.take(client(1), &items[0]).is_err(), "more of the same finds none");
        let mut others: Vec<Place> = (2..5).map(|n| places.take(client(n), &items[1]).unwrap()).collect();
        assert_eq!(greedy.iter_mut().filter_map(|place| is_evicted(place).then_some(())).count(), 3);
        // No fair share is taken: four clients, two places each.
        others.extend((2..5).map(|n| places.take(client(n), &items[1]).unwrap()));
        assert!(places.take(client(2), &items[1]).is_err());
        assert!(others.iter_mut().all(|place| !is_evicted(place)));
        assert_eq!(count(&places), 8);
        drop((greedy, others));
        assert_eq!(count(&places), 0);
    }

    #[test]
    fn one_item_may_have_all_places_until_another_is_asked_for() {
        let places = places_for(6);
        let (hot, cold) = (MediaId::random(), MediaId::random());
        // The same client, and then as many clients as places.
        let mut same: Vec<Place> = (0..6).map(|_| places.take(client(1), &hot).unwrap()).collect();
        let other = places.take(client(1), &cold).unwrap();
        assert_eq!(same.iter_mut().filter_map(|place| is_evicted(place).then_some(())).count(), 1);
        drop((same, other));
        let mut many: Vec<Place> = (1..7).map(|n| places.take(client(n), &hot).unwrap()).collect();
        let other = places.take(client(9), &cold).unwrap();
        assert_eq!(many.iter_mut().filter_map(|place| is_evicted(place).then_some(())).count(), 1);
        drop((many, other));
        assert_eq!(count(&places), 0);
    }
}
