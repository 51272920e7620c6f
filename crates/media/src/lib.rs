//! The role that receives: uploads, their checks, what is known of each item, claims and quotas.
//!
//! Owns items, unfinished uploads and the originals' objects. Does not own a pixel after the upload: converting is
//! `transcode`'s, reading is `delivery`'s. Invariant: every byte of an original comes in through [`ingest`], whichever way it was
//! sent, and an item's row, its event and its place in the quota are one transaction, after the bytes are safe.

mod api;
mod config;
mod error;
mod events;
mod ingest;
mod jobs;
mod metrics;
mod migration;
mod model;
mod object_keys;
mod quota;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod uploads;

pub use config::Config;
use kit::service::BootError;
use kit::{Context, Part, Service};
pub use model::view::OWNER_ONLY_FIELDS;
use state::{Media, build};

/// The row of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "media",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        openapi: api::openapi,
        sections: config::sections,
        hears: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<Part, BootError> {
    let media = build(context).await?;
    Ok(Part { router: api::router(&media), consumers: events::consumers(&media), jobs: jobs::jobs(&media), ..Part::default() })
}
