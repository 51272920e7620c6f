//! Delivery: the service that serves originals, scrubbed files, archives of them, images in every size, and streams.
//!
//! Owns its copy of the facts that `media` and `transcode` have published, the image sizes that it rendered, and the
//! caches in front of both. Does not own originals or renditions, and does not authenticate members. Invariant: every
//! byte leaves through [`api`]'s `Readable` (may this caller read it?) and `respond` (ranges, validators, safe
//! headers), or as part of an [`archive`] whose files are all authorized. Every use of memory has a bound in
//! [`config`].
//!
//! The lanes of its writes:
//!
//! | write | lane | what it protects |
//! |---|---|---|
//! | receive, change, publish and delete an item | the item | a deleted item is never written again |
//! | insert, touch and remove a rendered image | the item | an image has an item, and its object one row |
//! | evict the least recently read images | all | it removes images of items that it does not know before |
//! | record the standing of a member | the member | nothing: one statement |
//! | remove old tombstones | `tombstones` | nothing: no other write needs these rows |
//! | forget members who were erased long ago | `erased_members` | nothing: no other write needs these rows |

mod api;
mod archive;
mod archive_permits;
mod cache;
mod catalog;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod image_renderer;
mod jobs;
mod migration;
mod model;
mod object_cache;
mod peer_queries;
mod personal_data;
mod playlist_cache;
mod queries;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use config::Config;
use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};
use state::Delivery;

/// Returns the service definition of delivery, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "delivery",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        personal_data: PersonalData::Kept(personal_data::KEPT),
        codes: codes::CODES,
        openapi: api::openapi,
        sections: config::sections,
        subscriptions: |config| events::subscriptions(config).declared(),
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section("delivery")?;
    let (delivery, reloads) = Delivery::new(context, &config).await?;
    events::listen_for_invalidations(&delivery);
    events::reload_invalidated(&delivery, reloads);
    Ok(RoleInstance {
        router: api::router(delivery.clone()),
        consumers: events::subscriptions(&delivery.context.config).consumers(&delivery),
        jobs: jobs::jobs(&delivery, &config),
        ..RoleInstance::default()
    })
}
