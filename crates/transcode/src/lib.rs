//! The role that converts: videos and audio to streams, photos to a format that every browser displays.
//!
//! Owns the work: probing, planning, chunks, audio, posters, storyboards, waveforms, and the resulting objects. Does
//! not own originals (`media`) nor serving (`delivery`). Invariant: a task that runs twice, in any process, has the
//! same result as a task that runs once.

mod api;
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
mod store;
mod transitions;
mod work;

pub use config::{Config, SandboxMode};

use kit::objects::Orphans;
use kit::objects::orphans::Policy;
use kit::service::BootError;
use kit::{Context, RoleInstance, Service};
use work::Worker;

/// Objects of a process that never came back are removed after this time. A task that takes this long for one batch of
/// files is not alive.
const ABANDONED: chrono::TimeDelta = chrono::TimeDelta::hours(6);

/// The entry of this role in the table of roles.
pub fn service() -> Service {
    Service {
        name: "transcode",
        migrations: Some(migration::MIGRATIONS),
        objects: store::NAMES,
        openapi: api::openapi,
        sections: config::sections,
        subscriptions: events::subscriptions,
        start: |context| Box::pin(start(context)),
    }
}

async fn start(context: Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section("transcode")?;
    let policy = Policy { columns: store::NAMES, abandoned_after: ABANDONED };
    let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
    let worker = Worker::new(
        context,
        config,
        orphans.map_err(|error| BootError::Io("the identity of this instance".into(), error))?,
    );
    worker.orphans.start(&worker.context.tasks);
    let detector = worker.clone();
    let (copies, stop) = (worker.staging.clone(), worker.context.tasks.token());
    worker.context.tasks.spawn(async move { copies.sweep(stop).await });
    worker.context.tasks.spawn(async move {
        if !detector.tools().await.works {
            tracing::warn!("ffmpeg or ffprobe cannot be run, so nothing can be converted: install them (see `tutti doctor`), or list the folders of their libraries in transcode.sandbox_readable");
        }
    });
    worker.context.tasks.spawn(jobs::update_metrics(worker.clone()));
    Ok(RoleInstance {
        router: api::router(worker.clone()),
        consumers: events::consumers(&worker),
        jobs: jobs::jobs(&worker),
        ..RoleInstance::default()
    })
}
