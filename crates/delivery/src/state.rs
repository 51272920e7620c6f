//! The state that all handlers of delivery share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use kit::Context;
use kit::objects::Orphans;
use kit::objects::orphans::Policy;
use kit::service::BootError;

use crate::config::Config;
use crate::{api, catalog, image_renderer, object_cache, store};

/// The key of an image whose process never came back is an orphan after this.
const ABANDONED_AFTER: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// The shared state. Clones refer to the same state.
#[derive(Clone)]
pub(crate) struct Delivery(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) catalog: Arc<catalog::Catalog>,
    pub(crate) object_cache: object_cache::ObjectCache,
    pub(crate) image_renderer: image_renderer::ImageRenderer,
    pub(crate) playlist_cache: api::PlaylistCache,
}

impl std::ops::Deref for Delivery {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Delivery {
    pub(crate) async fn new(context: Context, config: &Config) -> Result<Self, BootError> {
        let catalog = catalog::Catalog::new(&context, config);
        let object_cache = object_cache::ObjectCache::new(context.objects.clone(), config);
        let policy = Policy { columns: store::OBJECT_COLUMNS, abandoned_after: ABANDONED_AFTER };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
        let orphans = orphans.map_err(|error| BootError::Io("the identity of this instance".into(), error))?;
        orphans.start(&context.tasks);
        let image_renderer = image_renderer::ImageRenderer::new(&context, config, object_cache.clone(), orphans);
        let playlist_cache = api::PlaylistCache::new(config);
        Ok(Self(Arc::new(Inner { context, catalog, object_cache, image_renderer, playlist_cache })))
    }
}
