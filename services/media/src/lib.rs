//! Media: the service that receives uploads, checks them, and keeps the library, claims and quotas.
//!
//! Owns items, unfinished uploads and the objects of originals. Does not change a picture or a sound after the upload:
//! `transcode` converts it and `delivery` serves it; the night shift only stores photos in fewer bytes. Invariant:
//! every byte of an original arrives through [`ingest`], whatever protocol carried it, or is made of one that did with
//! the same pixels. An item's row, its event and its quota charge are one transaction, which runs after the bytes are
//! durable.
//!
//! | write | lanes |
//! |---|---|
//! | begin an upload, erase an account, privacy, record a standing, check whether a row names an object | owner |
//! | create an item | owner, and the upload that it was |
//! | make a link to an item; revoke it; remove expired ones | owner, item; owner; `expired links` |
//! | reset, cancel or expire an upload; take it over, save its progress | owner, upload; upload |
//! | change, claim, delete, restore, remove or withhold items, put and remove captions | owner, each item |
//! | create, change or remove an album; add, move, number anew or take out its items | owner |
//! | progress, playable, ready, failed, retry; indexing, placing | each item |
//! | another original of the night shift | owner, each item of the object |
//! | removing replaced originals; refusing files, listing pictures | `replaced objects`; decision, `listed pictures` |
//!
//! The lane of an owner protects the quota, the library, the links, and which rows name an object: only rows of one
//! owner name it. That of an upload protects its epoch and offset. That of an item orders the locks on its row: the
//! columns that events change and those that owners change are not the same.

mod api;
mod cleanup;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod ingest;
mod item_topic;
mod jobs;
mod list_limiter;
mod metrics;
mod migration;
mod model;
mod object_keys;
mod personal_data;
mod queries;
mod quota;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod upload_locks;

pub use config::Config;
pub use model::view::OWNER_ONLY_FIELDS;
use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};
use state::{Media, build};

/// Returns the service definition of media, one row in the table of roles.
pub fn service() -> Service {
    Service {
        name: "media",
        migrations: Some(migration::MIGRATIONS),
        objects: store::OBJECT_COLUMNS,
        personal_data: PersonalData::Kept(personal_data::KEPT),
        openapi: api::openapi,
        codes: codes::CODES,
        sections: config::sections,
        subscriptions: |_| events::subscriptions().declared(),
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let media = build(context).await?;
    Ok(RoleInstance {
        router: api::router(&media),
        consumers: events::subscriptions().consumers(&media),
        jobs: jobs::jobs(&media),
        personal_data: Some(std::sync::Arc::new(media)),
        ..RoleInstance::default()
    })
}
