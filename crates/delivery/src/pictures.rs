//! Pictures in the sizes that were asked for: made once, kept, and made by few at a time.
//!
//! Owns the making: one flight per picture however many ask, a bounded number of requests that wait, a bounded number of
//! workers, and a memory budget that every picture pays into before it is decoded. A picture that can't be made is remembered for a
//! while, so that asking again costs nothing. Invariant: an object is noted as loose before its first byte is written and until its
//! row stands, so a process that dies leaves nothing that the sweep would not find.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use codec::pixels::{self, Encoding, LOOK_BYTES, Limits, Look};
use contract::{MediaId, ObjectKey};
use futures::FutureExt as _;
use futures::TryStreamExt as _;
use futures::future::{BoxFuture, Shared};
use kit::Context;
use kit::bus::MayBeAway as _;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::Config;
use crate::error::Error;
use crate::model::Variant;
use crate::shelf::Shelf;
use crate::store;

/// Longest wait for a picture; the making goes on, so that asking again finds it.
const PATIENCE: Duration = Duration::from_secs(25);
/// A picture that can't be made is not tried again for this long.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// A picture that another process has made is found this much later at most.
const ABSENT_FOR: Duration = Duration::from_secs(30);
/// Reading times are written down this exactly.
const READ_AT: TimeDelta = TimeDelta::hours(1);
/// Unit of the memory budget.
const MIB: u64 = 1 << 20;

type Key = (MediaId, Variant);
type Flight = Shared<BoxFuture<'static, Result<Kept, Error>>>;

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

/// The maker and keeper.
#[derive(Clone)]
pub(crate) struct Pictures(Arc<Inner>);

struct Inner {
    context: Context,
    shelf: Shelf,
    limits: Limits,
    kept: moka::sync::Cache<Key, Kept>,
    /// Pictures that the table did not have a moment ago: asking for a WebP looks for its AVIF every time.
    absent: moka::sync::Cache<Key, ()>,
    refused: moka::sync::Cache<Key, Error>,
    readings: moka::sync::Cache<Key, Arc<AtomicUsize>>,
    flights: Mutex<HashMap<Key, Flight>>,
    waiting: AtomicUsize,
    most_waiting: usize,
    workers: Semaphore,
    memory: Arc<Semaphore>,
    memory_mib: u32,
    avif_after: usize,
    made: Counter,
    refusals: Counter,
}

impl Pictures {
    pub fn new(context: &Context, config: &Config, shelf: Shelf) -> Self {
        let (made, refusals) = (Counter::default(), Counter::default());
        context.metrics.register(|registry| {
            registry.register("delivery_pictures_made", "Pictures decoded, resized and encoded", made.clone());
            registry.register("delivery_pictures_refused", "Pictures that could not be made", refusals.clone());
        });
        let memory_mib = u32::try_from(config.picture_memory_bytes / MIB).unwrap_or(u32::MAX).max(1);
        Self(Arc::new(Inner {
            context: context.clone(),
            shelf,
            limits: config.limits(),
            kept: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(READ_AT.to_std().unwrap_or_default()).build(),
            absent: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(ABSENT_FOR).build(),
            refused: moka::sync::Cache::builder().max_capacity(10_000).time_to_live(REFUSED_FOR).build(),
            readings: moka::sync::Cache::builder().max_capacity(20_000).time_to_live(REFUSED_FOR).build(),
            flights: Mutex::default(),
            waiting: AtomicUsize::new(0),
            most_waiting: config.picture_waiters,
            workers: Semaphore::new(config.workers()),
            memory: Arc::new(Semaphore::new(memory_mib as usize)),
            memory_mib,
            avif_after: config.avif_after_readings as usize,
            made,
            refusals,
        }))
    }

    /// The picture if it is kept, without making it.
    pub async fn find(&self, id: &MediaId, variant: Variant) -> Result<Option<Kept>, Error> {
        let key = (id.clone(), variant);
        if let Some(kept) = self.0.kept.get(&key) {
            return Ok(Some(kept));
        }
        if self.0.absent.contains_key(&key) {
            return Ok(None);
        }
        let found = self.find_in_table(id, variant).await?;
        if found.is_none() {
            self.0.absent.insert(key, ());
        }
        Ok(found)
    }

    async fn find_in_table(&self, id: &MediaId, variant: Variant) -> Result<Option<Kept>, Error> {
        let (key, name) = ((id.clone(), variant), variant.key());
        let Some(image) = store::find_image(self.0.context.db.read(), id, &name).await? else { return Ok(None) };
        let now = self.0.context.clock.now();
        if now - image.read_at > READ_AT {
            let id = id.clone();
            match self.0.context.db.write(move |tx| Box::pin(async move { store::touch_image(tx, &id, &name, now).await })).await {
                // When it was read last matters to the sweep alone.
                Err(error) if error.is_away() => tracing::warn!(%error, "a reading could not be noted"),
                touched => {
                    touched?;
                }
            }
        }
        let kept = Kept { object: image.object, bytes: image.bytes };
        self.0.kept.insert(key, kept.clone());
        Ok(Some(kept))
    }

    /// The picture, made if need be. Waits its turn; with too many waiting already, or for too long, it is [`Error::Busy`].
    pub async fn get(&self, id: &MediaId, variant: Variant, original: Original) -> Result<Kept, Error> {
        if let Some(kept) = self.find(id, variant).await? {
            return Ok(kept);
        }
        let key = (id.clone(), variant);
        if let Some(error) = self.0.refused.get(&key) {
            return Err(error);
        }
        let _place = Place::take(&self.0)?;
        let flight = self.board(key, original)?;
        tokio::time::timeout(PATIENCE, flight).await.unwrap_or(Err(Error::Busy))
    }

    /// Forgets a kept picture whose object is not there any more.
    pub async fn lost(&self, id: &MediaId, variant: Variant, lost: &Kept) -> Result<(), Error> {
        let (item, name, object) = (id.clone(), variant.key(), lost.object.clone());
        self.0.context.db.write(move |tx| Box::pin(async move { store::remove_image(tx, &item, &name, &object).await })).await?;
        self.0.kept.invalidate(&(id.clone(), variant));
        Ok(())
    }

    /// Notes that a picture was read in a larger format; from a number of readings on, the AVIF is made while nobody waits.
    pub fn read_instead_of_avif(&self, id: &MediaId, frame: pixels::Frame, original: &Original) {
        let key = (id.clone(), Variant { frame, encoding: Encoding::Avif });
        let readings = self.0.readings.get_with(key.clone(), Arc::default);
        let enough = readings.fetch_add(1, Ordering::Relaxed) + 1 == self.0.avif_after;
        let idle = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !enough || self.0.refused.contains_key(&key) {
            return;
        }
        if idle {
            // Whether it boards or not, nobody waits for it.
            let _ = self.board(key, original.clone());
        } else {
            readings.store(0, Ordering::Relaxed);
        }
    }

    /// The flight to a picture: the one that is on its way, or a new one, which goes on even if its passengers leave.
    fn board(&self, key: Key, original: Original) -> Result<Flight, Error> {
        let mut flights = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return Ok(flight.clone());
        }
        if flights.len() >= self.0.most_waiting {
            return Err(Error::Busy);
        }
        let (land, landed) = oneshot::channel();
        let flight = async move { landed.await.unwrap_or(Err(Error::Worker)) }.boxed().shared();
        flights.insert(key.clone(), flight.clone());
        drop(flights);
        let this = self.clone();
        self.0.context.tasks.spawn(async move {
            let result = tokio::select! {
                result = this.make(&key, original) => result,
                () = this.0.context.tasks.stopping() => Err(Error::Busy),
            };
            match &result {
                Ok(kept) => {
                    this.0.kept.insert(key.clone(), kept.clone());
                    this.0.absent.invalidate(&key);
                }
                Err(error @ Error::Picture(_)) => {
                    this.0.refusals.inc();
                    this.0.refused.insert(key.clone(), error.clone());
                }
                Err(_) => {}
            }
            this.0.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            // All passengers may have left.
            let _ = land.send(result);
        });
        Ok(flight)
    }

    async fn make(&self, (id, variant): &Key, original: Original) -> Result<Kept, Error> {
        let _worker = self.0.workers.acquire().await.map_err(|_| Error::Busy)?;
        // Another process, or a flight that landed just before this one left, may have made it.
        if let Some(kept) = self.find_in_table(id, *variant).await? {
            return Ok(kept);
        }
        let picture = self.render(*variant, &original).await?;
        self.keep(id, *variant, picture).await
    }

    /// Decodes, resizes and encodes, after paying for the memory.
    async fn render(&self, variant: Variant, original: &Original) -> Result<Bytes, Error> {
        let look = self.look(original).await?;
        look.check(original.bytes, original.orientation, variant.frame, self.0.limits)?;
        let cost = look.cost(original.bytes, original.orientation, variant.frame, Some(variant.encoding));
        let paid = self.pay(cost).await?;
        let source = self.read(original, original.bytes).await?;
        let (orientation, limits) = (original.orientation, self.0.limits);
        let work = move || {
            // Paid back when the work is done, even if nobody waits for it any more.
            let _paid = paid;
            let picture = pixels::render(&source, orientation, variant.frame, limits)?;
            drop(source);
            picture.encode(variant.encoding)
        };
        self.0.made.inc();
        let encoded = kit::tasks::on_own_thread(work).await.ok_or(Error::Worker)??;
        Ok(encoded.into())
    }

    /// Waits until `bytes` of the budget are free.
    async fn pay(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Error> {
        let mib = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX).min(self.0.memory_mib);
        self.0.memory.clone().acquire_many_owned(mib).await.map_err(|_| Error::Busy)
    }

    /// The header's facts. Phones put depth maps of megabytes before a JPEG's; then all of the file is looked at.
    async fn look(&self, original: &Original) -> Result<Look, Error> {
        let head = self.read(original, original.bytes.min(LOOK_BYTES as u64)).await?;
        match pixels::look(&head) {
            Err(pixels::Error::Truncated) if original.bytes > head.len() as u64 => {
                drop(head);
                // Paid back before the picture's own cost is paid, so that two of these can't wait for each other.
                let _paid = self.pay(original.bytes).await?;
                Ok(pixels::look(&self.read(original, original.bytes).await?)?)
            }
            look => Ok(look?),
        }
    }

    async fn read(&self, original: &Original, bytes: u64) -> Result<Vec<u8>, Error> {
        let mut pieces = self.0.context.objects.read(&original.object, 0..bytes).await?;
        let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    async fn keep(&self, id: &MediaId, variant: Variant, picture: Bytes) -> Result<Kept, Error> {
        let Inner { context, shelf, .. } = &*self.0;
        let (now, bytes) = (context.clock.now(), picture.len() as u64);
        let object = ObjectKey::random();
        let loose = vec![object.clone()];
        context.db.write(move |tx| Box::pin(async move { store::loosen(tx, &loose, now).await })).await?;
        let mut writer = context.objects.create_as(object.clone()).await?;
        writer.write(picture.clone()).await?;
        writer.finish().await?;
        let (item, name) = (id.clone(), variant.key());
        let image = store::Image { object: object.clone(), bytes, read_at: now };
        let mine = context.db.write(move |tx| Box::pin(async move { store::insert_image(tx, &item, &name, &image).await })).await?;
        if mine {
            shelf.put(object.clone(), picture).await;
            return Ok(Kept { object, bytes });
        }
        // The item went while its picture was made, or another process was faster.
        self.remove(vec![object]).await?;
        self.find_in_table(id, variant).await?.ok_or(Error::NotFound)
    }

    /// Removes loose objects: bytes first, then what remembers them.
    pub async fn remove(&self, objects: Vec<ObjectKey>) -> Result<(), Error> {
        for object in &objects {
            self.0.context.objects.remove(object).await?;
            self.0.shelf.forget(object).await;
        }
        self.0.context.db.write(move |tx| Box::pin(async move { store::remove_loose(tx, &objects).await })).await?;
        Ok(())
    }
}

/// A request that waits for a picture.
struct Place(Arc<Inner>);

impl Place {
    fn take(inner: &Arc<Inner>) -> Result<Self, Error> {
        let place = Self(inner.clone());
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= inner.most_waiting {
            return Err(Error::Busy);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
