//! Media: the service that receives uploads, checks them, and keeps the library, claims and quotas.
//!
//! Owns items, unfinished uploads and the objects of originals. Does not touch a file after the upload: `transcode`
//! converts it and `delivery` serves it. Invariant: every byte of an original arrives through [`ingest`], whatever
//! protocol carried it. An item's row, its event and its quota charge are one transaction, which runs after the bytes
//! are durable.

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
use kit::{Context, RoleInstance, Service};
pub use model::view::OWNER_ONLY_FIELDS;
use state::{Media, build};

/// Returns the service definition of media, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "media",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        openapi: api::openapi,
        sections: config::sections,
        subscriptions: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let media = build(context).await?;
    Ok(RoleInstance {
        router: api::router(&media),
        consumers: events::consumers(&media),
        jobs: jobs::jobs(&media),
        ..RoleInstance::default()
    })
}
