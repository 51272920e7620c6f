//! Images in requested sizes: rendered once, stored, and rendered by few workers at a time.
//!
//! Owns finding, requesting and giving up. [`admission`] owns which requests may wait, [`flights`] the order of
//! workers, [`memory_budget`] the memory, [`render`] the rendering and [`storage`] the result. A refusal is cached for
//! a while, so that a repeated request costs nothing. An image that no request waits for any more is not rendered.
//! Invariant: whatever clients request, a client and an item take no more than their share while others wait.

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
use objects::Orphans;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use service::Context;

use self::admission::Admission;
use self::flights::{FlightLeader, FlightWaiter, Flights};
use self::memory_budget::MemoryBudget;
use crate::config::Config;
use crate::error::Error;
use crate::model::{Client, Variant};
use crate::object_cache::ObjectCache;

/// The longest wait for an image. It is rendered for a while after that, so that the next request finds it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
/// How long an image is still rendered for a request that waited for its whole time and received 503.
const RETRY_GRACE: Duration = Duration::from_secs(15);
/// How long a refused image is not tried again.
const REFUSAL_TTL: Duration = Duration::from_mins(10);
/// How much later, at most, an image is found that another process has rendered.
const ABSENCE_TTL: Duration = Duration::from_secs(30);
/// The precision with which the times of reads are stored.
const READ_AT_PRECISION: TimeDelta = TimeDelta::hours(1);

/// What is rendered from an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// An upright image without metadata, from which all sizes of a costly original are rendered. Never served.
    Intermediate,
    /// An image for clients.
    Variant(Variant),
}

impl Product {
    /// Returns its key in the table of rendered images.
    fn key(self) -> String {
        match self {
            Self::Intermediate => "intermediate".to_owned(),
            Self::Variant(variant) => variant.key(),
        }
    }
}

type ImageKey = (MediaId, Product);

/// A rendered image in the object store.
#[derive(Debug, Clone)]
pub(crate) struct RenderedImage {
    pub object: ObjectKey,
    pub bytes: u64,
}

/// The object from which an image is rendered.
#[derive(Debug, Clone)]
pub(crate) struct SourceImage {
    pub object: ObjectKey,
    pub bytes: u64,
    pub orientation: u8,
}

/// The outcome of a render.
enum RenderOutcome {
    /// The image was stored already.
    AlreadyStored(RenderedImage),
    /// The image was rendered, and is to be stored.
    Rendered(Bytes),
}

/// The renderer. Clones share it.
#[derive(Clone)]
pub(crate) struct ImageRenderer(Arc<Inner>);

struct Inner {
    context: Context,
    object_cache: ObjectCache,
    orphans: Orphans,
    limits: Limits,
    max_render_time: Duration,
    rendered: moka::sync::Cache<ImageKey, RenderedImage>,
    /// Images that the table did not have a moment ago: a request for a WebP looks for its AVIF every time.
    absent: moka::sync::Cache<ImageKey, ()>,
    refusals: moka::sync::Cache<ImageKey, Error>,
    /// Facts from the headers of sources, as each size needs them.
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
            registry.register("delivery_images_rendered", "Images decoded, resized and encoded", this.rendered.clone());
            registry.register("delivery_originals_decoded", "Sources decoded to render images", this.decoded.clone());
            registry.register("delivery_images_refused", "Images that could not be rendered", this.refusals.clone());
            registry.register(
                "delivery_renders_cancelled",
                "Renders that no request waited for any more",
                this.cancelled.clone(),
            );
            registry.register(
                "delivery_render_requests_evicted",
                "Waiting requests that gave way to one with a smaller share",
                this.evicted.clone(),
            );
            registry.register(
                "delivery_renders_in_flight",
                "Images that are requested and not rendered yet",
                this.in_flight.clone(),
            );
            registry.register("delivery_renders_running", "Renders that are running", this.running.clone());
            registry.register(
                "delivery_render_requests_waiting",
                "Requests that wait for an image",
                this.waiting.clone(),
            );
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
            rendered: moka::sync::Cache::builder()
                .max_capacity(20_000)
                .time_to_live(READ_AT_PRECISION.to_std().unwrap_or_default())
                .build(),
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

    /// Returns the image, rendered if need be. Waits for its turn. [`Error::Busy`] if too many requests wait already,
    /// or after too long.
    pub async fn get(
        &self,
        id: &MediaId,
        variant: Variant,
        original: SourceImage,
        client: Client,
    ) -> Result<RenderedImage, Error> {
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

    /// Counts a read of a fallback in a larger format. After a number of reads, the AVIF is rendered while no other
    /// image is.
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

    /// Joins the flight for an image: the current one, or a new one.
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
            // On the heap: this future is large, and the other branches are short.
            outcome = Box::pin(self.render_product(&leader, original)) => outcome,
            () = leader.cancelled.cancelled() => {
                self.0.metrics.cancelled.inc();
                Err(Error::Busy)
            }
            () = stopping.cancelled() => Err(Error::Busy),
        };
        let result = match outcome {
            Ok(RenderOutcome::AlreadyStored(rendered)) => Ok(rendered),
            // A rendered image is stored whether a request still waits for it or not: otherwise the sweep would have to
            // remove a half-stored one.
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
