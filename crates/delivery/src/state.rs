//! What every handler of the role shares, and how it is put together.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use kit::Context;
use kit::objects::Orphans;
use kit::objects::orphans::Policy;
use kit::service::BootError;

use crate::config::Config;
use crate::{api, library, pictures, shelf, store};

/// A picture whose maker never came back goes after this.
const ABANDONED: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Delivery(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) context: Context,
    pub(crate) library: Arc<library::Library>,
    pub(crate) shelf: shelf::Shelf,
    pub(crate) pictures: pictures::Pictures,
    pub(crate) playlists: api::Playlists,
}

impl std::ops::Deref for Delivery {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Delivery {
    pub(crate) async fn new(context: Context, config: &Config) -> Result<Self, BootError> {
        let library = library::Library::new(&context, config);
        let shelf = shelf::Shelf::new(context.objects.clone(), config);
        let policy = Policy { names: store::NAMES, abandoned_after: ABANDONED };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
        let orphans = orphans.map_err(|error| BootError::Io("who this instance is".into(), error))?;
        orphans.start(&context.tasks);
        let pictures = pictures::Pictures::new(&context, config, shelf.clone(), orphans);
        let playlists = api::Playlists::new(config);
        Ok(Self(Arc::new(Inner { context, library, shelf, pictures, playlists })))
    }
}
