//! The role that converts: videos and audio to streams, photos to a format that every browser displays.
//!
//! Owns the work: probing, planning, chunks, audio, posters, storyboards, waveforms, and the resulting objects. Does
//! not own originals (`media`) nor serving (`delivery`). Invariant: a task that runs twice, in any process, has the
//! same result as a task that runs once.
//!
//! | write | lane | what it protects |
//! |---|---|---|
//! | outputs, progress, failures, the finish | the item | its state, plan, tasks and outputs are read, then written |
//! | accept, plan, complete, fail, delete … | the item and the fair queue | they make tasks ready, or release them |
//! | claim, charge, sweep | the fair queue | the member with the lowest virtual time is read, then advanced |
//! | the score of a classifier | the item | nothing is said about one that is deleted |
//! | forget deleted items | none | one statement that checks its `where` again |
//!
//! The fair queue is one fixed lane: see `commands::lanes`.

mod api;
mod classifier;
mod codes;
mod commands;
mod config;
mod error;
mod events;
mod fair_queue;
mod ffmpeg;
mod jobs;
mod metrics;
mod migration;
mod model;
mod mp4;
mod personal_data;
mod state;
mod store;
mod work;

pub use config::{Config, SandboxMode};

use service::BootError;
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};

use crate::state::Worker;

/// The entry of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "transcode",
        migrations: Some(migration::MIGRATIONS),
        objects: store::NAMES,
        personal_data: PersonalData::Kept(personal_data::KEPT),
        openapi: api::openapi,
        codes: codes::CODES,
        sections: config::sections,
        subscriptions: |config| events::subscriptions(config).declared(),
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section("transcode")?;
    let worker = Worker::open(context, config).await?;
    worker.start();
    worker.context.tasks.spawn(jobs::update_metrics(worker.clone()));
    Ok(RoleInstance {
        router: api::router(worker.clone()),
        consumers: events::subscriptions(&worker.context.config).consumers(&worker),
        jobs: jobs::jobs(&worker),
        personal_data: Some(std::sync::Arc::new(worker)),
        ..RoleInstance::default()
    })
}
