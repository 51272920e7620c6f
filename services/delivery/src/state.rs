//! The state that all handlers of delivery share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use objects::Orphans;
use objects::orphans::Policy;
use service::BootError;
use service::Context;
use tokio::sync::mpsc;

use crate::archive_permits::ArchivePermits;
use crate::catalog::{Catalog, Reload};
use crate::config::Config;
use crate::image_renderer::ImageRenderer;
use crate::object_cache::ObjectCache;
use crate::peer_queries::PeerQueries;
use crate::playlist_cache::PlaylistCache;
use crate::store;

/// The key of an image whose process never came back is an orphan after this.
const ABANDONED_AFTER: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// The shared state. Clones refer to the same state.
#[derive(Clone)]
pub(crate) struct Delivery(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) catalog: Catalog,
    pub(crate) peer_queries: PeerQueries,
    pub(crate) object_cache: ObjectCache,
    pub(crate) image_renderer: ImageRenderer,
    pub(crate) playlist_cache: PlaylistCache,
    pub(crate) archive_permits: ArchivePermits,
}

impl std::ops::Deref for Delivery {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Delivery {
    /// Returns the state, and the reloads that its catalog requests.
    pub(crate) async fn new(context: Context, config: &Config) -> Result<(Self, mpsc::Receiver<Reload>), BootError> {
        let (catalog, reloads) = Catalog::new(&context, config);
        let peer_queries = PeerQueries::new(context.peers.clone());
        let object_cache = ObjectCache::new(context.objects.clone(), config);
        let policy = Policy { columns: store::OBJECT_COLUMNS, abandoned_after: ABANDONED_AFTER };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
        let orphans = orphans.map_err(|error| BootError::Io("the identity of this instance".into(), error))?;
        orphans.start(&context.tasks);
        let image_renderer = ImageRenderer::new(&context, config, object_cache.clone(), orphans);
        let playlist_cache = PlaylistCache::new(config);
        let archive_permits = ArchivePermits::new(&context, config);
        let inner =
            Inner { context, catalog, peer_queries, object_cache, image_renderer, playlist_cache, archive_permits };
        Ok((Self(Arc::new(inner)), reloads))
    }
}
