//! Renders in flight: which requests wait for each, and which gets the next worker.
//!
//! There is one flight per image, however many requests want it. Owns the interest in a flight: one that no request
//! waits for any more is cancelled, whether it waits itself, decodes, or encodes. Owns the order of workers: a free
//! worker goes to the client that has the fewest running, then to the item that has the fewest, then to the one that
//! was served longest ago. So a thousand flights of one client or item delay those of another by one flight per worker.
//! Slow renders have workers of their own, so that a quick one never waits for them. Owns no pixels. Invariant: a
//! worker is released when its work has ended, not when its flight has, so never more renders than the bound are
//! running.

use std::collections::HashMap;
use std::sync::Arc;

use codec::pixels::Interrupt;
use contract::MediaId;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::{Mutex, MutexGuard};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{ImageKey, RenderedImage};
use crate::error::Error;
use crate::model::Client;

/// The result of a flight, for each of its waiters.
pub(super) type FlightResult = Shared<BoxFuture<'static, Result<RenderedImage, Error>>>;

/// The workers that a render needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerPool {
    /// Tenths of a second.
    Quick,
    /// Seconds.
    Slow,
}

/// All flights. Clones share them.
#[derive(Clone)]
pub(super) struct Flights(Arc<Mutex<State>>);

struct State {
    quick_workers: usize,
    slow_workers: usize,
    in_flight_gauge: Gauge,
    running_gauge: Gauge,
    next: u64,
    flights: HashMap<ImageKey, Flight>,
    running: Vec<RunningRender>,
    /// When a client or an item last got a worker, for those that have flights.
    client_last_served: HashMap<Client, u64>,
    item_last_served: HashMap<MediaId, u64>,
}

struct Flight {
    id: u64,
    /// One entry for each request that waits; a client may have several.
    clients: Vec<Client>,
    result: FlightResult,
    waiting_for: Option<(WorkerPool, oneshot::Sender<WorkerPermit>)>,
    interrupt: Interrupt,
    cancelled: CancellationToken,
}

struct RunningRender {
    id: u64,
    pool: WorkerPool,
    client: Client,
    item: MediaId,
}

/// The part of a flight that renders it.
pub(super) struct FlightLeader {
    flights: Flights,
    pub key: ImageKey,
    id: u64,
    result_sender: oneshot::Sender<Result<RenderedImage, Error>>,
    pub interrupt: Interrupt,
    pub cancelled: CancellationToken,
}

/// The interest of a request in a flight. The flight is cancelled when the last one is dropped.
pub(super) struct FlightWaiter {
    flights: Flights,
    key: ImageKey,
    id: u64,
    client: Client,
    pub result: FlightResult,
}

/// A permit to render, released when it is dropped.
pub(super) struct WorkerPermit {
    /// `None` if it was never used and is released already.
    flights: Option<Flights>,
    id: u64,
}

impl Flights {
    /// Returns flights with `workers` for quick renders; half as many more do the slow ones.
    pub fn new(workers: usize, in_flight_gauge: Gauge, running_gauge: Gauge) -> Self {
        let workers = workers.max(1);
        Self(Arc::new(Mutex::new(State {
            quick_workers: workers,
            slow_workers: (workers / 2).max(1),
            in_flight_gauge,
            running_gauge,
            next: 0,
            flights: HashMap::new(),
            running: Vec::new(),
            client_last_served: HashMap::new(),
            item_last_served: HashMap::new(),
        })))
    }

    /// Joins the flight for an image, or begins one: then there is also its leader.
    pub fn join(&self, key: &ImageKey, client: Client) -> (FlightWaiter, Option<FlightLeader>) {
        let mut state = self.lock();
        let waiter = |id, result| FlightWaiter { flights: self.clone(), key: key.clone(), id, client, result };
        if let Some(flight) = state.flights.get_mut(key) {
            flight.clients.push(client);
            return (waiter(flight.id, flight.result.clone()), None);
        }
        let (result_sender, receiver) = oneshot::channel();
        // A cancelled flight has no waiters left to read this.
        let result: FlightResult = async move { receiver.await.unwrap_or(Err(Error::Busy)) }.boxed().shared();
        let (interrupt, cancelled, id) = (Interrupt::default(), CancellationToken::new(), state.next);
        state.next += 1;
        let flight = Flight {
            id,
            clients: vec![client],
            result: result.clone(),
            waiting_for: None,
            interrupt: interrupt.clone(),
            cancelled: cancelled.clone(),
        };
        state.flights.insert(key.clone(), flight);
        state.update_gauges();
        drop(state);
        (
            waiter(id, result),
            Some(FlightLeader { flights: self.clone(), key: key.clone(), id, result_sender, interrupt, cancelled }),
        )
    }

    /// Returns how many flights there are, and how many renders are running.
    pub fn count(&self) -> (usize, usize) {
        let state = self.lock();
        (state.flights.len(), state.running.len())
    }

    /// Gives free workers to the flights whose turn it is.
    fn dispatch(&self) {
        let mut state = self.lock();
        for pool in [WorkerPool::Quick, WorkerPool::Slow] {
            while let Some((client, key, sender)) = state.next_waiting(pool) {
                let id = state.next;
                state.next += 1;
                state.running.push(RunningRender { id, pool, client, item: key.0.clone() });
                // A flight that was cancelled in this moment does not take its worker.
                if let Err(mut refused) = sender.send(WorkerPermit { flights: Some(self.clone()), id }) {
                    refused.flights = None;
                    state.running.retain(|work| work.id != id);
                }
            }
        }
        state.update_gauges();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    fn update_gauges(&self) {
        self.in_flight_gauge.set(i64::try_from(self.flights.len()).unwrap_or(i64::MAX));
        self.running_gauge.set(i64::try_from(self.running.len()).unwrap_or(i64::MAX));
    }

    fn next_waiting(&mut self, pool: WorkerPool) -> Option<(Client, ImageKey, oneshot::Sender<WorkerPermit>)> {
        let workers = if pool == WorkerPool::Quick { self.quick_workers } else { self.slow_workers };
        if self.running.iter().filter(|work| work.pool == pool).count() >= workers {
            return None;
        }
        let waiting = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.waiting_for.as_ref().is_some_and(|(wants, _)| *wants == pool));
        let ranked =
            waiting.flat_map(|(key, flight)| flight.clients.iter().map(move |client| (key, flight.id, *client)));
        let (_, client, key) = ranked
            .map(|(key, id, client)| {
                let of_client = self.running.iter().filter(|work| work.client == client).count();
                let of_item = self.running.iter().filter(|work| work.item == key.0).count();
                let client_served = self.client_last_served.get(&client).copied().unwrap_or(0);
                let item_served = self.item_last_served.get(&key.0).copied().unwrap_or(0);
                ((client == Client::Background, of_client, of_item, client_served, item_served, id), client, key)
            })
            .min_by_key(|(rank, _, _)| *rank)?;
        let (key, served) = (key.clone(), self.next);
        self.client_last_served.insert(client, served);
        self.item_last_served.insert(key.0.clone(), served);
        let (_, sender) = self.flights.get_mut(&key)?.waiting_for.take()?;
        Some((client, key, sender))
    }

    /// Removes a flight, and the turns that only it needed.
    fn remove(&mut self, key: &ImageKey, id: u64) -> Option<Flight> {
        if self.flights.get(key)?.id != id {
            return None;
        }
        let flight = self.flights.remove(key);
        self.update_gauges();
        let (flights, running) = (&self.flights, &self.running);
        self.client_last_served.retain(|client, _| {
            flights.values().any(|flight| flight.clients.contains(client))
                || running.iter().any(|work| work.client == *client)
        });
        self.item_last_served.retain(|item, _| {
            flights.keys().any(|(other, _)| other == item) || running.iter().any(|work| work.item == *item)
        });
        flight
    }
}

impl FlightLeader {
    /// Waits for a worker.
    pub async fn acquire_worker(&self, pool: WorkerPool) -> Result<WorkerPermit, Error> {
        let (give, given) = oneshot::channel();
        {
            let mut state = self.flights.lock();
            let flight = state.flights.get_mut(&self.key).filter(|flight| flight.id == self.id).ok_or(Error::Busy)?;
            flight.waiting_for = Some((pool, give));
        }
        self.flights.dispatch();
        given.await.map_err(|_| Error::Busy)
    }

    /// Returns the client to render for: the first of those that still wait.
    pub fn client(&self) -> Client {
        let state = self.flights.lock();
        let flight = state.flights.get(&self.key).filter(|flight| flight.id == self.id);
        flight.and_then(|flight| flight.clients.first().copied()).unwrap_or(Client::Background)
    }

    /// Ends the flight with a result.
    pub fn complete(self, result: Result<RenderedImage, Error>) {
        self.flights.lock().remove(&self.key, self.id);
        // All waiters may have gone.
        let _ = self.result_sender.send(result);
    }
}

impl Drop for FlightWaiter {
    fn drop(&mut self) {
        let mut state = self.flights.lock();
        let Some(flight) = state.flights.get_mut(&self.key).filter(|flight| flight.id == self.id) else { return };
        if let Some(at) = flight.clients.iter().position(|client| *client == self.client) {
            flight.clients.remove(at);
        }
        if !flight.clients.is_empty() {
            return;
        }
        let cancelled = state.remove(&self.key, self.id);
        // Without the lock: a task that waits for it may drop a waiter of another flight.
        drop(state);
        if let Some(flight) = cancelled {
            flight.interrupt.set();
            flight.cancelled.cancel();
        }
    }
}

impl Drop for WorkerPermit {
    fn drop(&mut self) {
        let Some(flights) = &self.flights else { return };
        flights.lock().running.retain(|work| work.id != self.id);
        flights.dispatch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: u8) -> Client {
        Client::Prefix([10, 0, 0, n].into())
    }

    fn flights_of(workers: usize) -> Flights {
        Flights::new(workers, Gauge::default(), Gauge::default())
    }

    /// Returns the keys of intermediates of `count` items.
    fn keys(count: usize) -> Vec<ImageKey> {
        (0..count).map(|_| (MediaId::random(), super::super::Product::Intermediate)).collect()
    }

    #[tokio::test]
    async fn hundreds_of_flights_of_one_client_hold_up_another_by_one_per_worker() {
        let flights = flights_of(2);
        let greedy: Vec<_> = keys(200).iter().map(|key| flights.join(key, client(1))).collect();
        let mut waiting: Vec<_> = greedy
            .iter()
            .map(|(_, leader)| leader.as_ref().unwrap().acquire_worker(WorkerPool::Quick).boxed())
            .collect();
        let mut first = futures::future::join_all(waiting.drain(..2)).await;
        let mut rest = polled(futures::future::join_all(waiting));
        let other = keys(1);
        let (_waiter, leader) = flights.join(&other[0], client(2));
        let leader = leader.unwrap();
        let own = leader.acquire_worker(WorkerPool::Quick);
        tokio::pin!(own);
        assert!(own.as_mut().now_or_never().is_none(), "both workers are taken");
        assert_eq!(flights.count(), (201, 2));
        drop(first.pop());
        assert!(own.now_or_never().is_some(), "the next worker is the other client's, although hundreds came before");
        assert!(rest.as_mut().now_or_never().is_none());
    }

    /// Polls a future once, and checks that it waits.
    fn polled<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
        let mut future = Box::pin(future);
        assert!(future.as_mut().now_or_never().is_none());
        future
    }

    #[tokio::test]
    async fn one_items_flights_leave_the_next_worker_to_another_item() {
        let flights = flights_of(1);
        let (hot, cold) = (MediaId::random(), MediaId::random());
        let variant = |side| {
            let frame = codec::pixels::Frame { width: side, height: side, fit: codec::pixels::Fit::Contain };
            super::super::Product::Variant(crate::model::Variant { frame, encoding: codec::pixels::Encoding::Jpeg })
        };
        let many: Vec<_> = (0..100_u8).map(|n| flights.join(&(hot.clone(), variant(n.into())), client(n))).collect();
        let first = many[0].1.as_ref().unwrap().acquire_worker(WorkerPool::Quick).await.unwrap();
        let waiting: Vec<_> = many[1..]
            .iter()
            .map(|(_, leader)| polled(leader.as_ref().unwrap().acquire_worker(WorkerPool::Quick)))
            .collect();
        let (_waiter, leader) = flights.join(&(cold, variant(1)), client(200));
        let leader = leader.unwrap();
        let own = polled(leader.acquire_worker(WorkerPool::Quick));
        drop(first);
        assert!(own.now_or_never().is_some(), "the first of the hundred ended, and the other item came next");
        drop(waiting);
    }

    #[tokio::test]
    async fn a_flight_without_waiters_is_cancelled_and_its_worker_stays_taken_until_the_work_has_ended() {
        let flights = flights_of(1);
        let key = &keys(1)[0];
        let (one, leader) = flights.join(key, client(1));
        let (two, none) = flights.join(key, client(2));
        let leader = leader.unwrap();
        assert!(none.is_none(), "one flight for both");
        let worker = leader.acquire_worker(WorkerPool::Slow).await.unwrap();
        drop(one);
        assert!(leader.interrupt.check().is_ok() && !leader.cancelled.is_cancelled());
        assert_eq!(leader.client(), client(2));
        drop(two);
        assert!(leader.interrupt.check().is_err() && leader.cancelled.is_cancelled());
        assert_eq!(flights.count(), (0, 1));
        assert!(leader.acquire_worker(WorkerPool::Slow).await.is_err(), "it never starts again");
        // A new flight for the same image is independent of the old one.
        let (three, again) = flights.join(key, client(3));
        leader.complete(Err(Error::Busy));
        assert_eq!(flights.count(), (1, 1));
        drop(worker);
        assert_eq!(flights.count(), (1, 0));
        drop((three, again));
        assert_eq!(flights.count(), (0, 0));
    }

    #[tokio::test]
    async fn quick_renders_never_wait_for_slow_ones() {
        let flights = flights_of(1);
        let keys = keys(3);
        let all: Vec<_> = keys.iter().map(|key| flights.join(key, client(1))).collect();
        let leaders: Vec<_> = all.iter().map(|(_, leader)| leader.as_ref().unwrap()).collect();
        let _slow = leaders[0].acquire_worker(WorkerPool::Slow).await.unwrap();
        let next = polled(leaders[1].acquire_worker(WorkerPool::Slow));
        let quick = leaders[2].acquire_worker(WorkerPool::Quick).now_or_never();
        assert!(quick.is_some() && next.now_or_never().is_none());
    }
}
