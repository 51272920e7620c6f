//! The role that reads: originals, scrubbed files, pictures in every size, and streams.
//!
//! Owns its copy of what `media` and `transcode` have announced, the picture sizes it made, and the caches in front of
//! both. Does not own originals, renditions or who somebody is. Invariant: every byte leaves through
//! [`api`]'s `Readable` (may this reader?) and `respond` (ranges, validators, safe headers), and nothing asked for makes
//! memory grow without a bound that stands in [`config`].

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
use kit::{Context, Part, Service};
use state::Delivery;

/// The row of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "delivery",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        openapi: api::openapi,
        sections: config::sections,
        hears: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<Part, BootError> {
    let config: Config = context.config.section("delivery")?;
    let delivery = Delivery::new(context, &config).await?;
    events::listen_for_invalidations(&delivery);
    Ok(Part { router: api::router(delivery.clone()), consumers: events::consumers(&delivery), jobs: jobs::jobs(&delivery, &config), ..Part::default() })
}
