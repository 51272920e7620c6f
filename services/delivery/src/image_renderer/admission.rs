//! Admission of requests that wait for an image: a bounded number, shared fairly.
//!
//! One client alone may use all permits, and so may the requests for one item. When all are used and another client
//! comes, the client with the most loses one. Between requests of one client, and where all clients have equally few,
//! the item with the most does. Owns which requests have a permit; knows nothing of images. Invariant: never more than
//! `max` permits are used, and no client or item that has no more than the newcomer would loses one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use contract::MediaId;
use parking_lot::{Mutex, MutexGuard};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::model::Client;

/// All permits. Clones share them.
#[derive(Clone)]
pub(super) struct Admission(Arc<Mutex<State>>);

struct State {
    max: usize,
    next: u64,
    gauge: Gauge,
    /// In the order in which they were admitted.
    admitted: Vec<Admitted>,
}

struct Admitted {
    id: u64,
    client: Client,
    item: MediaId,
    evict: oneshot::Sender<()>,
}

/// A permit to wait, released when it is dropped.
pub(super) struct AdmissionPermit {
    admission: Admission,
    id: u64,
    /// Resolves when the permit was given to another request.
    pub evicted: oneshot::Receiver<()>,
}

impl Admission {
    /// Returns `max` permits, counted by `gauge`.
    pub fn new(max: usize, gauge: Gauge) -> Self {
        Self(Arc::new(Mutex::new(State { max, next: 0, gauge, admitted: Vec::new() })))
    }

    /// Admits a request. [`Error::Busy`] where others with no greater share use all permits.
    pub fn admit(&self, client: Client, item: &MediaId) -> Result<AdmissionPermit, Error> {
        let mut state = self.lock();
        if state.admitted.len() >= state.max {
            let at = state.victim(client, item).ok_or(Error::Busy)?;
            // Its request may have gone in this moment.
            let _ = state.admitted.remove(at).evict.send(());
        }
        let (evict, evicted) = oneshot::channel();
        let id = state.next;
        state.next += 1;
        state.admitted.push(Admitted { id, client, item: item.clone(), evict });
        state.update_gauge();
        drop(state);
        Ok(AdmissionPermit { admission: self.clone(), id, evicted })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        // An evicted one is removed already.
        state.admitted.retain(|admitted| admitted.id != self.id);
        state.update_gauge();
    }
}

impl State {
    fn update_gauge(&self) {
        self.gauge.set(i64::try_from(self.admitted.len()).unwrap_or(i64::MAX));
    }

    /// Returns the last request of the greediest holder, if that is greedier than the newcomer would be.
    fn victim(&self, client: Client, item: &MediaId) -> Option<usize> {
        let all: Vec<(usize, &Admitted)> = self.admitted.iter().enumerate().collect();
        let greedy = greediest(&all, |admitted| admitted.client, &client);
        let among = match greedy {
            Some(greedy) => all.iter().copied().filter(|(_, admitted)| admitted.client == greedy).collect(),
            // No client is greedier. Perhaps this client requests one item and has requested much of another, or
            // everyone requests one item.
            None => {
                let own: Vec<_> = all.iter().copied().filter(|(_, admitted)| admitted.client == client).collect();
                let item_of = |admitted: &Admitted| admitted.item.clone();
                let (among, greedy) = match greediest(&own, item_of, item) {
                    Some(greedy) => (own, greedy),
                    None => (all.clone(), greediest(&all, item_of, item)?),
                };
                among.into_iter().filter(|(_, admitted)| admitted.item == greedy).collect::<Vec<_>>()
            }
        };
        let most = counts(&among, |admitted| admitted.item.clone()).into_iter().max_by_key(|(_, count)| *count)?.0;
        among.into_iter().rev().find(|(_, admitted)| admitted.item == most).map(|(at, _)| at)
    }
}

fn counts<K: Hash + Eq>(admitted: &[(usize, &Admitted)], key: impl Fn(&Admitted) -> K) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for (_, admitted) in admitted {
        *counts.entry(key(admitted)).or_default() += 1;
    }
    counts
}

/// Returns the key with the most requests, if that is more than the newcomer would have with one of them.
fn greediest<K: Hash + Eq>(admitted: &[(usize, &Admitted)], key: impl Fn(&Admitted) -> K, newcomer: &K) -> Option<K> {
    let counts = counts(admitted, key);
    let own = counts.get(newcomer).copied().unwrap_or(0);
    counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > own + 1).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> Client {
        Client::Prefix([10, 0, 0, n].into())
    }

    fn admission_for(max: usize) -> Admission {
        Admission::new(max, Gauge::default())
    }

    fn count(admission: &Admission) -> usize {
        admission.lock().admitted.len()
    }

    fn is_evicted(permit: &mut AdmissionPermit) -> bool {
        permit.evicted.try_recv().is_ok()
    }

    #[test]
    fn one_client_may_use_all_permits_until_another_comes() {
        let admission = admission_for(8);
        let items: Vec<MediaId> = (0..2).map(|_| MediaId::random()).collect();
        let mut greedy: Vec<AdmissionPermit> = (0..8).map(|_| admission.admit(client(1), &items[0]).unwrap()).collect();
        assert!(admission.admit(client(1), &items[0]).is_err(), "more of the same finds none");
        let mut others: Vec<AdmissionPermit> = (2..5).map(|n| admission.admit(client(n), &items[1]).unwrap()).collect();
        assert_eq!(greedy.iter_mut().filter_map(|permit| is_evicted(permit).then_some(())).count(), 3);
        // No fair share is taken: four clients, two permits each.
        others.extend((2..5).map(|n| admission.admit(client(n), &items[1]).unwrap()));
        assert!(admission.admit(client(2), &items[1]).is_err());
        assert!(others.iter_mut().all(|permit| !is_evicted(permit)));
        assert_eq!(count(&admission), 8);
        drop((greedy, others));
        assert_eq!(count(&admission), 0);
    }

    #[test]
    fn one_item_may_use_all_permits_until_another_is_requested() {
        let admission = admission_for(6);
        let (hot, cold) = (MediaId::random(), MediaId::random());
        // The same client, and then as many clients as permits.
        let mut same: Vec<AdmissionPermit> = (0..6).map(|_| admission.admit(client(1), &hot).unwrap()).collect();
        let other = admission.admit(client(1), &cold).unwrap();
        assert_eq!(same.iter_mut().filter_map(|permit| is_evicted(permit).then_some(())).count(), 1);
        drop((same, other));
        let mut many: Vec<AdmissionPermit> = (1..7).map(|n| admission.admit(client(n), &hot).unwrap()).collect();
        let other = admission.admit(client(9), &cold).unwrap();
        assert_eq!(many.iter_mut().filter_map(|permit| is_evicted(permit).then_some(())).count(), 1);
        drop((many, other));
        assert_eq!(count(&admission), 0);
    }
}
