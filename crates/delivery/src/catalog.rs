//! The catalog of items and their playback: own tables first, a peer on a miss, memory in front.
//!
//! An event invalidates what it changes, and an entry that was in use is loaded again at once. So what people look at
//! stays readable when the database becomes unavailable. Invariant: responses of peers are written by the same
//! functions as their events, so both lead to the same rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::MediaId;
use contract::media::{Changed, Deleted, Received};
use contract::transcode::Published;
use kit::Context;
use kit::bus::Transient as _;
use kit::db::Db;
use kit::peer::Peers;
use kit::tasks::Tasks;
use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::config::Config;
use crate::error::Error;
use crate::model::{Item, Playback};
use crate::store;

/// Requests to peers at once.
const MAX_CONCURRENT_QUERIES: usize = 32;
/// Invalidated items that are loaded again at once; the others wait for a reader.
const MAX_CONCURRENT_RELOADS: usize = 8;
/// How long transcode is not asked again about an item that it did not know.
const UNPUBLISHED_TTL: Duration = Duration::from_secs(2);
/// The topic on which processes of this role publish invalidations.
pub(crate) const INVALIDATE: &str = "delivery.invalidate";

/// Items and playbacks.
pub(crate) struct Catalog {
    db: Db,
    peers: Peers,
    clock: kit::Clock,
    tasks: Tasks,
    live: kit::bus::Broadcast,
    items: Cache<MediaId, Arc<Item>>,
    playbacks: Cache<MediaId, Arc<Playback>>,
    unpublished: moka::future::Cache<MediaId, ()>,
    query_permits: Semaphore,
    reload_permits: Arc<Semaphore>,
    generations: AtomicU64,
}

impl Catalog {
    pub fn new(context: &Context, config: &Config) -> Arc<Self> {
        Arc::new(Self {
            db: context.db.clone(),
            peers: context.peers.clone(),
            clock: context.clock.clone(),
            tasks: context.tasks.clone(),
            live: context.bus.broadcast().clone(),
            items: Cache::new(config.catalog_cache_bytes / 4, |item: &Arc<Item>| item.weight()),
            playbacks: Cache::new(config.catalog_cache_bytes / 2, |playback: &Arc<Playback>| playback.weight()),
            unpublished: moka::future::Cache::builder().max_capacity(10_000).time_to_live(UNPUBLISHED_TTL).build(),
            query_permits: Semaphore::new(MAX_CONCURRENT_QUERIES),
            reload_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_RELOADS)),
            generations: AtomicU64::new(0),
        })
    }

    /// Returns the item, or [`Error::NotFound`].
    pub async fn item(self: &Arc<Self>, id: &MediaId) -> Result<Arc<Item>, Error> {
        self.items.get(id, || self.load_item(id)).await
    }

    async fn load_item(self: &Arc<Self>, id: &MediaId) -> Result<Arc<Item>, Error> {
        if let Some(item) = store::find_item(self.db.read(), id).await? {
            return Ok(Arc::new(item));
        }
        if store::is_deleted(self.db.read(), id).await? {
            return Err(Error::NotFound);
        }
        let received = self.fetch_received(id).await?.ok_or(Error::NotFound)?;
        let announced = Item::from(&received);
        match self.on_received(received, 0).await {
            Ok(_) => store::find_item(self.db.read(), id).await?.map(Arc::new).ok_or(Error::NotFound),
            // The disk is full or writers wait: reading continues, and the event will bring the row.
            Err(error) if error.is_transient() => {
                tracing::warn!(media.id = %id, %error, "an item could not be written; it is served all the same");
                Ok(Arc::new(announced))
            }
            Err(error) => Err(error),
        }
    }

    async fn fetch_received(&self, id: &MediaId) -> Result<Option<Received>, Error> {
        let _permit = self.query_permits.acquire().await.map_err(|_| Error::Busy)?;
        Ok(self.peers.get_json("media", &format!("/internal/media/{id}")).await?)
    }

    /// Returns what of the item can be read besides its file; empty if nothing can.
    pub async fn playback(&self, id: &MediaId) -> Result<Arc<Playback>, Error> {
        match self.playbacks.get(id, || self.load_playback(id)).await {
            Err(Error::NotReady) => Ok(Arc::default()),
            other => other,
        }
    }

    async fn load_playback(&self, id: &MediaId) -> Result<Arc<Playback>, Error> {
        let mut published = store::list_published(self.db.read(), id).await?;
        let nothing = published.renditions.is_empty() && published.assets.is_empty();
        if nothing && !self.unpublished.contains_key(id) {
            let fetched = self.fetch_published(id).await;
            // The entry begins now, as an unresponsive peer may have taken longer than its lifetime.
            self.unpublished.insert(id.clone(), ()).await;
            if let Some(fetched) = fetched {
                let announced = fetched.clone();
                match self
                    .db
                    .write(move |tx| Box::pin(async move { store::upsert_published(tx, &announced).await }))
                    .await
                {
                    Err(error) if !error.is_transient() => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(media.id = %id, %error, "the playback of an item could not be written; it is served all the same");
                    }
                    Ok(()) => {}
                }
                published = fetched;
            }
        }
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let playback = Playback::of(generation, published.renditions, published.segments, published.assets);
        // An empty result is not cached but loaded every time, so that a lost event cannot hide what was published
        // since.
        if playback.is_empty() { Err(Error::NotReady) } else { Ok(Arc::new(playback)) }
    }

    /// Returns what transcode has published. `None` also where it does not respond: for a photo nothing published is
    /// the normal state.
    async fn fetch_published(&self, id: &MediaId) -> Option<Published> {
        let _permit = self.query_permits.acquire().await.ok()?;
        match self.peers.get_json::<Published>("transcode", &format!("/internal/playback/{id}")).await {
            Ok(fetched) => fetched.filter(|fetched| fetched.id == *id),
            Err(error) => {
                tracing::debug!(media.id = %id, %error, "transcode did not respond");
                None
            }
        }
    }

    /// Inserts an announced item. Returns `false` if it exists or was deleted.
    pub async fn on_received(self: &Arc<Self>, received: Received, version: u64) -> Result<bool, Error> {
        let id = received.id.clone();
        // A known item stays cached: invalidating it would send the next reader to the database for nothing.
        let new =
            self.db.write(move |tx| Box::pin(async move { store::insert_item(tx, &received, version).await })).await?;
        if new {
            self.invalidate(&id);
        }
        Ok(new)
    }

    /// Applies a change. A change that arrives before its item fetches the item.
    pub async fn on_changed(self: &Arc<Self>, changed: Changed) -> Result<(), Error> {
        let (id, version, again) = (changed.id.clone(), changed.version, changed.clone());
        let known = self.db.write(move |tx| Box::pin(async move { store::update_item(tx, &changed).await })).await?;
        if known {
            self.invalidate(&id);
        } else if let Some(received) = self.fetch_received(&id).await?
            && !self.on_received(received, version).await?
        {
            // The item arrived meanwhile, in its state before the change.
            self.db.write(move |tx| Box::pin(async move { store::update_item(tx, &again).await })).await?;
            self.invalidate(&id);
        }
        Ok(())
    }

    /// Applies published renditions, segments and files.
    pub async fn on_published(self: &Arc<Self>, published: Published) -> Result<(), Error> {
        let id = published.id.clone();
        self.db.write(move |tx| Box::pin(async move { store::upsert_published(tx, &published).await })).await?;
        self.invalidate(&id);
        Ok(())
    }

    /// Deletes an item. Returns the objects of its rendered images.
    pub async fn on_deleted(self: &Arc<Self>, deleted: &Deleted) -> Result<Vec<contract::ObjectKey>, Error> {
        let (id, now) = (deleted.id.clone(), self.clock.now());
        let objects = self.db.write(move |tx| Box::pin(async move { store::remove_item(tx, &id, now).await })).await?;
        self.invalidate(&deleted.id);
        Ok(objects)
    }

    /// Invalidates an item: in this process at once, and in the other processes of this role as soon as they receive
    /// the message.
    pub fn invalidate(self: &Arc<Self>, id: &MediaId) {
        self.invalidate_local(id);
        self.live.publish(INVALIDATE, id.as_str());
    }

    /// Invalidates an item in this process, and loads it again if it was cached.
    pub fn invalidate_local(self: &Arc<Self>, id: &MediaId) {
        let (item, playback) = (self.items.invalidate(id), self.playbacks.invalidate(id));
        if !item && !playback {
            return;
        }
        let Ok(permit) = self.reload_permits.clone().try_acquire_owned() else { return };
        let (catalog, id) = (self.clone(), id.clone());
        self.tasks.spawn(async move {
            let _permit = permit;
            // The next reader receives the error, if there is one.
            if item {
                let _ = catalog.item(&id).await;
            }
            if playback {
                let _ = catalog.playback(&id).await;
            }
        });
    }

    /// Invalidates everything in this process.
    pub fn invalidate_all_local(&self) {
        self.items.invalidate_all();
        self.playbacks.invalidate_all();
    }
}
