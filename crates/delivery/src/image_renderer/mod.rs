//! Pictures in the sizes that were asked for: made once, kept, and made by few at a time.
//!
//! Owns finding, asking for and giving up. Who waits is [`admission`]'s, whose turn it is [`flights`]'s, what it takes [`budget`]'s, the making
//! [`render`]'s and the keeping [`store_image`]'s. A picture that can't be made is remembered for a while, so that asking again costs nothing; one that no
//! request waits for any more is not made. Invariant: whatever is asked, a client and an item take no more than their share while others wait.

mod admission;
mod flights;
mod memory_budget;
mod render;
mod storage;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use codec::pixels::{self, Encoding, ImageInfo, Limits};
use contract::{MediaId, ObjectKey};
use kit::Context;
use kit::objects::Orphans;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use self::admission::Admission;
use self::flights::{FlightLeader, FlightWaiter, Flights};
use self::memory_budget::MemoryBudget;
use crate::config::Config;
use crate::error::Error;
use crate::model::{Client, Variant};
use crate::object_cache::ObjectCache;

/// Longest wait for a picture. It is made for a while after that, so that asking again finds it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
/// For how long a picture is still made for a request that waited for its whole time, and was told to come back.
const RETRY_GRACE: Duration = Duration::from_secs(15);
/// A picture that can't be made is not tried again for this long.
const REFUSAL_TTL: Duration = Duration::from_mins(10);
/// A picture that another process has made is found this much later at most.
const ABSENCE_TTL: Duration = Duration::from_secs(30);
/// Reading times are written down this exactly.
const READ_AT_PRECISION: TimeDelta = TimeDelta::hours(1);

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

type ImageKey = (MediaId, Product);

/// A made picture.
#[derive(Debug, Clone)]
pub(crate) struct RenderedImage {
    pub object: ObjectKey,
    pub bytes: u64,
}

/// What a picture is made from.
#[derive(Debug, Clone)]
pub(crate) struct SourceImage {
    pub object: ObjectKey,
    pub bytes: u64,
    pub orientation: u8,
}

/// What a flight comes to.
enum RenderOutcome {
    /// It was kept already.
    AlreadyStored(RenderedImage),
    /// It was made, and is to be kept.
    Rendered(Bytes),
}

/// The maker and keeper.
#[derive(Clone)]
pub(crate) struct ImageRenderer(Arc<Inner>);

struct Inner {
    context: Context,
    object_cache: ObjectCache,
    orphans: Orphans,
    limits: Limits,
    max_render_time: Duration,
    rendered: moka::sync::Cache<ImageKey, RenderedImage>,
    /// Pictures that the table did not have a moment ago: asking for a WebP looks for its AVIF every time.
    absent: moka::sync::Cache<ImageKey, ()>,
    refusals: moka::sync::Cache<ImageKey, Error>,
    /// What the headers of originals say, since each size asks for it.
    image_infos: moka::sync::Cache<ObjectKey, ImageInfo>,
    fallback_reads: moka::sync::Cache<ImageKey, Arc<AtomicUsize>>,
    admission: Admission,
    flights: Flights,
    budget: MemoryBudget,
    avif_after_reads: usize,
    metrics: Metrics,
}

#[derive(Default)]
struct Metrics {
    rendered: Counter,
    decoded: Counter,
    refusals: Counter,
    cancelled: Counter,
    evicted: Counter,
    in_flight: Gauge,
    running: Gauge,
    waiting: Gauge,
}

impl Metrics {
    fn new(context: &Context) -> Self {
        let this = Self::default();
        context.metrics.register(|registry| {
            registry.register("delivery_images_rendered", "Pictures decoded, resized and encoded", this.rendered.clone());
            registry.register("delivery_originals_decoded", "Originals decoded to make pictures of them", this.decoded.clone());
            registry.register("delivery_images_refused", "Pictures that could not be made", this.refusals.clone());
            registry.register("delivery_renders_cancelled", "Pictures that no request waited for any more", this.cancelled.clone());
            registry.register("delivery_render_requests_evicted", "Requests that gave their place to one with a smaller share", this.evicted.clone());
            registry.register("delivery_renders_in_flight", "Pictures that are asked for and not made yet", this.in_flight.clone());
            registry.register("delivery_renders_running", "Pictures at work now", this.running.clone());
            registry.register("delivery_render_requests_waiting", "Requests that wait for a picture", this.waiting.clone());
        });
        this
    }
}

impl ImageRenderer {
    pub fn new(context: &Context, config: &Config, object_cache: ObjectCache, orphans: Orphans) -> Self {
        let (limits, metrics) = (config.decode_limits(), Metrics::new(context));
        Self(Arc::new(Inner {
            context: context.clone(),
            object_cache,
            orphans,
            limits,
            max_render_time: config.max_render_time(),
            rendered: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(READ_AT_PRECISION.to_std().unwrap_or_default()).build(),
            absent: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(ABSENCE_TTL).build(),
            refusals: moka::sync::Cache::builder().max_capacity(10_000).time_to_live(REFUSAL_TTL).build(),
            image_infos: moka::sync::Cache::builder().max_capacity(20_000).build(),
            fallback_reads: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(REFUSAL_TTL).build(),
            admission: Admission::new(config.max_render_waiters, metrics.waiting.clone()),
            flights: Flights::new(config.render_worker_count(), metrics.in_flight.clone(), metrics.running.clone()),
            budget: MemoryBudget::new(limits.bytes),
            avif_after_reads: config.avif_after_reads as usize,
            metrics,
        }))
    }

    /// The picture, made if need be. Waits its turn; with too many waiting already, or for too long, it is [`Error::Busy`].
    pub async fn get(&self, id: &MediaId, variant: Variant, original: SourceImage, client: Client) -> Result<RenderedImage, Error> {
        let key = (id.clone(), Product::Variant(variant));
        if let Some(rendered) = self.find(&key).await? {
            return Ok(rendered);
        }
        if let Some(error) = self.0.refusals.get(&key) {
            return Err(error);
        }
        let mut permit = self.0.admission.admit(client, id)?;
        let waiter = self.join_flight(&key, client, original);
        let result = tokio::select! {
            result = waiter.result.clone() => Some(result),
            Ok(()) = &mut permit.evicted => {
                self.0.metrics.evicted.inc();
                Some(Err(Error::Busy))
            }
            () = tokio::time::sleep(REQUEST_TIMEOUT) => None,
        };
        drop(permit);
        result.unwrap_or_else(|| {
            let tasks = self.0.context.tasks.clone();
            tasks.clone().spawn(async move {
                let _still_wanted = &waiter;
                tokio::select! {
                    _ = waiter.result.clone() => {}
                    _ = tasks.sleep(RETRY_GRACE) => {}
                }
            });
            Err(Error::Busy)
        })
    }

    /// Notes that a picture was read in a larger format; from a number of readings on, the AVIF is made while no other is.
    pub fn note_fallback_read(&self, id: &MediaId, frame: pixels::Frame, original: &SourceImage) {
        let key = (id.clone(), Product::Variant(Variant { frame, encoding: Encoding::Avif }));
        let fallback_reads = self.0.fallback_reads.get_with(key.clone(), Arc::default);
        let enough = fallback_reads.fetch_add(1, Ordering::Relaxed) + 1 == self.0.avif_after_reads;
        if !enough || self.0.refusals.contains_key(&key) {
            return;
        }
        if self.0.flights.count() == (0, 0) {
            let waiter = self.join_flight(&key, Client::Background, original.clone());
            self.0.context.tasks.spawn(async move {
                let _ = waiter.result.clone().await;
            });
        } else {
            fallback_reads.store(0, Ordering::Relaxed);
        }
    }

    /// A place in the flight to a picture: the one that is on its way, or a new one.
    fn join_flight(&self, key: &ImageKey, client: Client, original: SourceImage) -> FlightWaiter {
        let (waiter, leader) = self.0.flights.join(key, client);
        if let Some(leader) = leader {
            let this = self.clone();
            self.0.context.tasks.spawn(async move { this.run_flight(leader, original).await });
        }
        waiter
    }

    async fn run_flight(&self, leader: FlightLeader, original: SourceImage) {
        let (key, stopping) = (leader.key.clone(), self.0.context.tasks.token());
        let outcome = tokio::select! {
            // On the heap: it is large, and the other ways are short.
            outcome = Box::pin(self.render_product(&leader, original)) => outcome,
            () = leader.cancelled.cancelled() => {
                self.0.metrics.cancelled.inc();
                Err(Error::Busy)
            }
            () = stopping.cancelled() => Err(Error::Busy),
        };
        let result = match outcome {
            Ok(RenderOutcome::AlreadyStored(rendered)) => Ok(rendered),
            // What is made is kept, whether it is still waited for or not: half a keeping would be left to the sweep.
            Ok(RenderOutcome::Rendered(image_data)) => tokio::select! {
                rendered = self.store_image(&key, image_data) => rendered,
                () = stopping.cancelled() => Err(Error::Busy),
            },
            Err(error) => Err(error),
        };
        match &result {
            Ok(rendered) => {
                self.0.rendered.insert(key.clone(), rendered.clone());
                self.0.absent.invalidate(&key);
            }
            Err(error @ (Error::Image(_) | Error::TooCostly)) => {
                self.0.metrics.refusals.inc();
                self.0.refusals.insert(key, error.clone());
            }
            Err(_) => {}
        }
        leader.complete(result);
    }
}
