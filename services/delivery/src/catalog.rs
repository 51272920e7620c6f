//! The catalog of items, their playback and the standing of their owners, in memory.
//!
//! Owns invalidation. An event invalidates what it changes, here and in the other processes of this role, and an entry
//! that was in use is loaded again at once. So what people look at stays readable when the database becomes
//! unavailable. Does not own loading: [`crate::queries`] does. Invariant: after an invalidation in this process, no
//! entry is returned that was loaded before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bus::Broadcast;
use contract::{AccountId, MediaId};
use service::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::cache::Cache;
use crate::config::Config;
use crate::model::{Item, MemberStanding, Playback};

/// Invalidated items that are loaded again at once; the others wait for a reader.
const MAX_CONCURRENT_RELOADS: usize = 8;
/// How long transcode is not asked again about an item that it did not know.
const UNPUBLISHED_TTL: Duration = Duration::from_secs(2);
/// The largest number of items that transcode did not know.
const MAX_UNPUBLISHED: u64 = 10_000;
/// What a member's standing takes in the cache, in bytes.
const STANDING_BYTES: usize = 96;
/// The topic on which processes of this role publish invalidations: ids of items, and of members.
pub(crate) const INVALIDATE: &str = "delivery.invalidate";

/// Items and playbacks.
pub(crate) struct Catalog {
    /// Items by id.
    pub items: Cache<MediaId, Arc<Item>>,
    /// What of an item can be read besides its file. An empty playback is not cached.
    pub playbacks: Cache<MediaId, Arc<Playback>>,
    /// The standing of members, on which it depends whether their items can be read.
    pub standings: Cache<AccountId, MemberStanding>,
    /// Items that transcode did not know a moment ago.
    pub unpublished: moka::future::Cache<MediaId, ()>,
    broadcast: Broadcast,
    reload_permits: Arc<Semaphore>,
    reloads: mpsc::Sender<Reload>,
    generations: AtomicU64,
}

/// An invalidated item that was in use, to be loaded again.
pub(crate) struct Reload {
    pub id: MediaId,
    /// Whether its facts were cached.
    pub item: bool,
    /// Whether its playback was cached.
    pub playback: bool,
    /// Counts this reload until it is dropped.
    _permit: OwnedSemaphorePermit,
}

impl Catalog {
    /// Returns an empty catalog, and the reloads that its invalidations request.
    pub fn new(context: &Context, config: &Config) -> (Self, mpsc::Receiver<Reload>) {
        let (reloads, requested_reloads) = mpsc::channel(MAX_CONCURRENT_RELOADS);
        let catalog = Self {
            items: Cache::new(config.catalog_cache_bytes / 4, |item: &Arc<Item>| item.weight()),
            playbacks: Cache::new(config.catalog_cache_bytes / 2, |playback: &Arc<Playback>| playback.weight()),
            standings: Cache::new(config.catalog_cache_bytes / 16, |_| STANDING_BYTES),
            unpublished: moka::future::Cache::builder()
                .max_capacity(MAX_UNPUBLISHED)
                .time_to_live(UNPUBLISHED_TTL)
                .build(),
            broadcast: context.bus.broadcast().clone(),
            reload_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_RELOADS)),
            reloads,
            generations: AtomicU64::new(0),
        };
        (catalog, requested_reloads)
    }

    /// Returns a number that distinguishes a playback from all others that this process loaded.
    pub fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    /// Invalidates an item: in this process at once, and in the other processes of this role as soon as they receive
    /// the message.
    pub fn invalidate(&self, id: &MediaId) {
        self.invalidate_local(id);
        self.broadcast.publish(INVALIDATE, id.as_str());
    }

    /// Invalidates an item in this process, and requests that it is loaded again if it was cached.
    pub fn invalidate_local(&self, id: &MediaId) {
        let (item, playback) = (self.items.invalidate(id), self.playbacks.invalidate(id));
        if !item && !playback {
            return;
        }
        let Ok(permit) = self.reload_permits.clone().try_acquire_owned() else { return };
        // There are as many places as permits. Without a receiver, the item waits for a reader.
        let _ = self.reloads.try_send(Reload { id: id.clone(), item, playback, _permit: permit });
    }

    /// Invalidates the standing of a member, here and in the other processes of this role.
    pub fn invalidate_standing(&self, owner: AccountId) {
        self.standings.invalidate(&owner);
        self.broadcast.publish(INVALIDATE, &owner.to_string());
    }

    /// Invalidates in this process what a message of another one names. No id of an item is as long as a member's.
    pub fn invalidate_named(&self, name: &str) {
        if let Ok(id) = name.parse::<MediaId>() {
            self.invalidate_local(&id);
        } else if let Ok(owner) = name.parse() {
            self.standings.invalidate(&AccountId(owner));
        }
    }

    /// Invalidates everything in this process.
    pub fn invalidate_all_local(&self) {
        self.standings.invalidate_all();
        self.items.invalidate_all();
        self.playbacks.invalidate_all();
    }
}
