//! Pictures in the sizes that were asked for: made once, kept, and made by few at a time.
//!
//! Owns finding, asking for and giving up. Who waits is [`places`]'s, whose turn it is [`flights`]'s, what it takes [`budget`]'s, the making
//! [`render`]'s and the keeping [`keep`]'s. A picture that can't be made is remembered for a while, so that asking again costs nothing; one that no
//! request waits for any more is not made. Invariant: whatever is asked, a client and an item take no more than their share while others wait.

mod budget;
mod flights;
mod keep;
mod places;
mod render;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use codec::pixels::{self, Encoding, Limits, Look};
use contract::{MediaId, ObjectKey};
use kit::Context;
use kit::objects::Orphans;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use self::budget::Budget;
use self::flights::{Flights, Passenger, Ticket};
use self::places::Places;
use crate::config::Config;
use crate::error::Error;
use crate::model::{Client, Variant};
use crate::shelf::Shelf;

/// Longest wait for a picture. It is made for a while after that, so that asking again finds it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
/// For how long a picture is still made for a request that waited for its whole time, and was told to come back.
const COMES_BACK: Duration = Duration::from_secs(15);
/// A picture that can't be made is not tried again for this long.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// A picture that another process has made is found this much later at most.
const ABSENT_FOR: Duration = Duration::from_secs(30);
/// Reading times are written down this exactly.
const READ_AT: TimeDelta = TimeDelta::hours(1);

/// What is made of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// An upright picture without metadata, from which all sizes of a costly original are made. Never handed out.
    Intermediate,
    /// A picture for readers.
    Variant(Variant),
}

impl Product {
    /// Its name in the table of kept pictures.
    fn key(self) -> String {
        match self {
            Self::Intermediate => "intermediate".to_owned(),
            Self::Variant(variant) => variant.key(),
        }
    }
}

type Key = (MediaId, Product);

/// A made picture.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub object: ObjectKey,
    pub bytes: u64,
}

/// What a picture is made from.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub object: ObjectKey,
    pub bytes: u64,
    pub orientation: u8,
}

/// What a flight comes to.
enum Made {
    /// It was kept already.
    Before(Kept),
    /// It was made, and is to be kept.
    Now(Bytes),
}

/// The maker and keeper.
#[derive(Clone)]
pub(crate) struct Pictures(Arc<Inner>);

struct Inner {
    context: Context,
    shelf: Shelf,
    orphans: Orphans,
    limits: Limits,
    max_time: Duration,
    kept: moka::sync::Cache<Key, Kept>,
    /// Pictures that the table did not have a moment ago: asking for a WebP looks for its AVIF every time.
    absent: moka::sync::Cache<Key, ()>,
    refused: moka::sync::Cache<Key, Error>,
    /// What the headers of originals say, since each size asks for it.
    looks: moka::sync::Cache<ObjectKey, Look>,
    readings: moka::sync::Cache<Key, Arc<AtomicUsize>>,
    places: Places,
    flights: Flights,
    budget: Budget,
    avif_after: usize,
    metrics: Metrics,
}

#[derive(Default)]
struct Metrics {
    made: Counter,
    decoded: Counter,
    refusals: Counter,
    cancelled: Counter,
    evicted: Counter,
    in_flight: Gauge,
    at_work: Gauge,
    waiting: Gauge,
}

impl Metrics {
    fn new(context: &Context) -> Self {
        let this = Self::default();
        context.metrics.register(|registry| {
            registry.register("delivery_pictures_made", "Pictures decoded, resized and encoded", this.made.clone());
            registry.register("delivery_originals_decoded", "Originals decoded to make pictures of them", this.decoded.clone());
            registry.register("delivery_pictures_refused", "Pictures that could not be made", this.refusals.clone());
            registry.register("delivery_pictures_cancelled", "Pictures that no request waited for any more", this.cancelled.clone());
            registry.register("delivery_pictures_evicted", "Requests that gave their place to one with a smaller share", this.evicted.clone());
            registry.register("delivery_pictures_in_flight", "Pictures that are asked for and not made yet", this.in_flight.clone());
            registry.register("delivery_pictures_at_work", "Pictures at work now", this.at_work.clone());
            registry.register("delivery_pictures_waiting", "Requests that wait for a picture", this.waiting.clone());
        });
        this
    }
}

impl Pictures {
    pub fn new(context: &Context, config: &Config, shelf: Shelf, orphans: Orphans) -> Self {
        let (limits, metrics) = (config.limits(), Metrics::new(context));
        Self(Arc::new(Inner {
            context: context.clone(),
            shelf,
            orphans,
            limits,
            max_time: config.picture_time(),
            kept: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(READ_AT.to_std().unwrap_or_default()).build(),
            absent: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(ABSENT_FOR).build(),
            refused: moka::sync::Cache::builder().max_capacity(10_000).time_to_live(REFUSED_FOR).build(),
            looks: moka::sync::Cache::builder().max_capacity(20_000).build(),
            readings: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(REFUSED_FOR).build(),
            places: Places::new(config.picture_waiters, metrics.waiting.clone()),
            flights: Flights::new(config.workers(), metrics.in_flight.clone(), metrics.at_work.clone()),
            budget: Budget::new(limits.bytes),
            avif_after: config.avif_after_readings as usize,
            metrics,
        }))
    }

    /// The picture, made if need be. Waits its turn; with too many waiting already, or for too long, it is [`Error::Busy`].
    pub async fn get(&self, id: &MediaId, variant: Variant, original: Original, client: Client) -> Result<Kept, Error> {
        let key = (id.clone(), Product::Variant(variant));
        if let Some(kept) = self.find(&key).await? {
            return Ok(kept);
        }
        if let Some(error) = self.0.refused.get(&key) {
            return Err(error);
        }
        let mut place = self.0.places.take(client, id)?;
        let passenger = self.join(&key, client, original);
        let landed = tokio::select! {
            result = passenger.landing.clone() => Some(result),
            Ok(()) = &mut place.evicted => {
                self.0.metrics.evicted.inc();
                Some(Err(Error::Busy))
            }
            () = tokio::time::sleep(REQUEST_TIMEOUT) => None,
        };
        drop(place);
        landed.unwrap_or_else(|| {
            let tasks = self.0.context.tasks.clone();
            tasks.clone().spawn(async move {
                let _still_wanted = &passenger;
                tokio::select! {
                    _ = passenger.landing.clone() => {}
                    _ = tasks.sleep(COMES_BACK) => {}
                }
            });
            Err(Error::Busy)
        })
    }

    /// Notes that a picture was read in a larger format; from a number of readings on, the AVIF is made while no other is.
    pub fn read_instead_of_avif(&self, id: &MediaId, frame: pixels::Frame, original: &Original) {
        let key = (id.clone(), Product::Variant(Variant { frame, encoding: Encoding::Avif }));
        let readings = self.0.readings.get_with(key.clone(), Arc::default);
        let enough = readings.fetch_add(1, Ordering::Relaxed) + 1 == self.0.avif_after;
        if !enough || self.0.refused.contains_key(&key) {
            return;
        }
        if self.0.flights.count() == (0, 0) {
            let passenger = self.join(&key, Client::Background, original.clone());
            self.0.context.tasks.spawn(async move {
                let _ = passenger.landing.clone().await;
            });
        } else {
            readings.store(0, Ordering::Relaxed);
        }
    }

    /// A place in the flight to a picture: the one that is on its way, or a new one.
    fn join(&self, key: &Key, client: Client, original: Original) -> Passenger {
        let (passenger, ticket) = self.0.flights.join(key, client);
        if let Some(ticket) = ticket {
            let this = self.clone();
            self.0.context.tasks.spawn(async move { this.fly(ticket, original).await });
        }
        passenger
    }

    async fn fly(&self, ticket: Ticket, original: Original) {
        let (key, stopping) = (ticket.key.clone(), self.0.context.tasks.token());
        let made = tokio::select! {
            // On the heap: it is large, and the other ways are short.
            made = Box::pin(self.make(&ticket, original)) => made,
            () = ticket.cancelled.cancelled() => {
                self.0.metrics.cancelled.inc();
                Err(Error::Busy)
            }
            () = stopping.cancelled() => Err(Error::Busy),
        };
        let result = match made {
            Ok(Made::Before(kept)) => Ok(kept),
            // What is made is kept, whether it is still waited for or not: half a keeping would be left to the sweep.
            Ok(Made::Now(picture)) => tokio::select! {
                kept = self.keep(&key, picture) => kept,
                () = stopping.cancelled() => Err(Error::Busy),
            },
            Err(error) => Err(error),
        };
        match &result {
            Ok(kept) => {
                self.0.kept.insert(key.clone(), kept.clone());
                self.0.absent.invalidate(&key);
            }
            Err(error @ (Error::Picture(_) | Error::TooCostly)) => {
                self.0.metrics.refusals.inc();
                self.0.refused.insert(key, error.clone());
            }
            Err(_) => {}
        }
        ticket.land(result);
    }
}
