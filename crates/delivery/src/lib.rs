//! The role that reads: originals, scrubbed files, pictures in every size, and streams.
//!
//! Owns its copy of what `media` and `transcode` have announced, the picture sizes it made, and the caches in front of
//! both. Does not own originals, renditions or who somebody is. Invariant: every byte leaves through
//! [`api`]'s `Readable` (may this reader?) and `respond` (ranges, validators, safe headers), and nothing asked for makes
//! memory grow without a bound that stands in [`config`].

mod api;
mod cache;
mod config;
mod error;
mod events;
mod jobs;
mod library;
mod migration;
mod model;
mod pictures;
mod respond;
mod shelf;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use config::Config;
use kit::objects::Orphans;
use kit::objects::orphans::Policy;
use kit::service::BootError;
use kit::{Context, Part, Service};

/// A picture whose maker never came back goes after this.
const ABANDONED: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// The row of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "delivery",
        migrations: Some(migration::MIGRATIONS),
        objects: store::NAMES,
        openapi: api::openapi,
        sections: config::sections,
        hears: events::hears,
        start: |context| Box::pin(start(context)),
    }
}

/// What every handler shares.
#[derive(Clone)]
struct Delivery(Arc<Inner>);

struct Inner {
    context: Context,
    library: Arc<library::Library>,
    shelf: shelf::Shelf,
    pictures: pictures::Pictures,
    playlists: api::Playlists,
}

impl std::ops::Deref for Delivery {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Delivery {
    async fn new(context: Context, config: &Config) -> Result<Self, BootError> {
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

async fn start(context: Context) -> Result<Part, BootError> {
    let config: Config = context.config.section("delivery")?;
    let delivery = Delivery::new(context, &config).await?;
    events::listen(&delivery);
    Ok(Part { router: api::router(delivery.clone()), consumers: events::consumers(&delivery), jobs: jobs::jobs(&delivery, &config), ..Part::default() })
}
