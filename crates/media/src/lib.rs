//! The role that receives: uploads, their checks, what is known of each item, claims and quotas.
//!
//! Owns items, unfinished uploads and the originals' objects. Does not own a pixel after the upload: converting is
//! `transcode`'s, reading is `delivery`'s. Invariant: every byte of an original comes in through [`ingest`], whichever way it was
//! sent, and an item's row, its event and its place in the quota are one transaction, after the bytes are safe.

mod api;
mod config;
mod error;
mod events;
mod figures;
mod ingest;
mod jobs;
mod keys;
mod migration;
mod model;
mod quota;
mod store;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;

pub use config::Config;
use kit::service::BootError;
use kit::{Context, Part, Service};
pub use model::view::OWNER_ONLY_FIELDS;
use tokio::sync::Semaphore;

/// The row of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "media",
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
struct Media(Arc<Inner>);

struct Inner {
    context: Context,
    config: Config,
    keys: keys::Keys,
    quota: quota::Quota,
    heads: ingest::HeadMemory,
    places: Arc<Semaphore>,
    turns: ingest::Turns,
    inspections: Semaphore,
    figures: figures::Figures,
    holds: uploads::Holds,
}

impl std::ops::Deref for Media {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

async fn start(context: Context) -> Result<Part, BootError> {
    let media = build(context).await?;
    Ok(Part { router: api::router(&media), consumers: events::consumers(&media), jobs: jobs::jobs(&media), ..Part::default() })
}

async fn build(context: Context) -> Result<Media, BootError> {
    let config: Config = context.config.section("media")?;
    let keys = keys::Keys::open(&context).await?;
    let media = Media(Arc::new(Inner {
        quota: quota::Quota::new(&context, &config),
        heads: ingest::HeadMemory::new(config.head_memory_bytes),
        places: Arc::new(Semaphore::new(config.uploads_at_once)),
        turns: ingest::Turns::new(config.bodies_at_once),
        inspections: Semaphore::new(ingest::INSPECTIONS),
        holds: uploads::Holds::default(),
        figures: figures::Figures::new(&context.metrics),
        keys,
        context,
        config,
    }));
    media.keys.orphans().start(&media.context.tasks);
    Ok(media)
}
