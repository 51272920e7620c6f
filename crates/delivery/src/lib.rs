//! Delivery: the service that serves originals, scrubbed files, images in every size, and streams.
//!
//! Owns its copy of the facts that `media` and `transcode` have published, the image sizes that it rendered, and the
//! caches in front of both. Does not own originals or renditions, and does not authenticate members. Invariant: every
//! byte leaves through [`api`]'s `Readable` (may this caller read it?) and `respond` (ranges, validators, safe
//! headers). Every use of memory has a bound in [`config`].

mod api;
mod cache;
mod catalog;
mod config;
mod error;
mod events;
mod image_renderer;
mod jobs;
mod migration;
mod model;
mod object_cache;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use config::Config;
use kit::service::BootError;
use kit::{Context, RoleInstance, Service};
use state::Delivery;

/// Returns the service definition of delivery, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "delivery",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        openapi: api::openapi,
        sections: config::sections,
        subscriptions: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section("delivery")?;
    let delivery = Delivery::new(context, &config).await?;
    events::listen_for_invalidations(&delivery);
    Ok(RoleInstance {
        router: api::router(delivery.clone()),
        consumers: events::consumers(&delivery),
        jobs: jobs::jobs(&delivery, &config),
        ..RoleInstance::default()
    })
}
