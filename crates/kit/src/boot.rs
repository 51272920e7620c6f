//! Starting the services of a process on its engines, and ending them.
//!
//! Invariant: every consumer is declared before the first event is sent, so nobody who plays here misses one.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;

use crate::auth::Verifier;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::http::{Wear, wear};
use crate::objects::Objects;
use crate::peer::Peers;
use crate::schedule;
use crate::service::{BootError, Context, Service};
use crate::sign::Grants;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;

/// What a process starts with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the embedded engines keep everything.
    pub data: PathBuf,
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The whole product's interface, OpenAPI 3.1 as JSON.
    pub interface: std::sync::Arc<str>,
}

/// A process with its services playing.
#[derive(Debug)]
pub struct Process {
    /// The roles, ready to be called.
    pub peers: Peers,
    /// The bus.
    pub bus: Bus,
    /// The figures.
    pub metrics: Metrics,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Owner of every background task.
    pub tasks: Tasks,
    /// The services' contexts, by name.
    pub contexts: Vec<(&'static str, Context)>,
    /// The durable consumers that run here, by name.
    pub consumers: Vec<String>,
    /// The routers of the services, by name, with their layers on.
    pub routers: Vec<(&'static str, Router)>,
    _lock: std::fs::File,
}

impl Process {
    /// Opens the engines, migrates, builds every service, then lets events flow.
    pub async fn start(services: &[Service], options: &Options) -> Result<Self, BootError> {
        private_folder(&options.data)?;
        // Children (ffmpeg) work in folders of their own, where a relative path would lead nowhere.
        let data = &options.data.canonicalize().map_err(|error| BootError::Io(format!("the folder {} can't be found", options.data.display()), error))?;
        let lock = lock(data)?;
        let grants = Grants::new(secret(&data.join("secrets"), "addresses.key")?);
        let (clock, tasks, metrics, peers) = (options.clock.clone(), Tasks::default(), Metrics::default(), Peers::default());
        let bus = Bus::sqlite(&data.join("bus.db"), clock.clone()).await?;
        bus.end_leases().await?;
        let objects = Objects::folder(&data.join("objects")).await?;
        let verifier = Verifier::new(peers.clone(), clock.clone());
        let contexts = futures::future::try_join_all(services.iter().map(|service| {
            let base = (bus.clone(), objects.clone(), peers.clone(), verifier.clone(), grants.clone(), clock.clone(), metrics.clone(), tasks.clone());
            async move {
                let (bus, objects, peers, verifier, grants, clock, metrics, tasks) = base;
                let db = Db::sqlite(&data.join(format!("{}.db", service.name))).await?;
                db.migrate(service.name, service.migrations).await?;
                let folder = data.join(service.name);
                private_folder(&folder)?;
                let context =
                    Context { db, bus, objects, peers, verifier, grants, clock, config: options.config.clone(), metrics, tasks, interface: options.interface.clone(), folder };
                empty(&context.scratch())?;
                Ok::<_, BootError>((service.name, context))
            }
        }))
        .await?;
        let (mut routers, mut consumers, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
        for (service, (name, context)) in services.iter().zip(&contexts) {
            let part = (service.start)(context.clone()).await?;
            let worn = wear(part.router, Wear { role: name, metrics: metrics.clone(), verifier: verifier.clone() });
            peers.plays_here(name, worn.clone());
            routers.push((*name, worn));
            consumers.extend(part.consumers);
            jobs.push((context.db.clone(), part.jobs));
        }
        let names = consumers.iter().map(|consumer| consumer.name().to_owned()).collect();
        bus.run(consumers, &tasks).await?;
        for (name, context) in &contexts {
            bus.relay(name, context.db.clone(), clock.clone(), &tasks);
        }
        for (db, jobs) in jobs {
            schedule::start(&db, jobs, &clock, &tasks);
        }
        Ok(Self { peers, bus, metrics, verifier, tasks, contexts, consumers: names, routers, _lock: lock })
    }

    /// What is missing for this process to serve, as sentences; empty when it is ready.
    pub async fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (name, context) in &self.contexts {
            let ping = tokio::time::timeout(Duration::from_secs(2), context.db.ping()).await;
            if !matches!(ping, Ok(Ok(()))) {
                missing.push(format!("the {name} database does not answer"));
            }
        }
        if !matches!(tokio::time::timeout(Duration::from_secs(2), self.bus.ping()).await, Ok(Ok(()))) {
            missing.push("the event bus does not answer".to_owned());
        }
        if self.tasks.is_stopping() {
            missing.push("the process is shutting down".to_owned());
        }
        missing
    }

    /// Ends every task, waiting at most `grace`; `true` if all ended in time.
    pub async fn stop(self, grace: Duration) -> bool {
        self.tasks.stop(grace).await
    }
}

/// Makes a folder that only this user can read.
fn private_folder(path: &Path) -> Result<(), BootError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| BootError::Io(format!("the folder {} can't be made", path.display()), error))
}

fn empty(path: &Path) -> Result<(), BootError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(BootError::Io(format!("the folder {} can't be emptied", path.display()), error));
        }
        _ => {}
    }
    private_folder(path)
}

/// Two processes on one data folder would each believe that the log is theirs.
fn lock(data: &Path) -> Result<std::fs::File, BootError> {
    let path = data.join("lock");
    let failed = |error| BootError::Io(format!("{} can't be opened", path.display()), error);
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| BootError::Other(format!("another Tutti process already uses the data folder {}. Stop it, or choose another with --data.", data.display())))?;
    Ok(file)
}

/// Reads a secret of 32 bytes, or makes it at the first start.
fn secret(folder: &Path, name: &str) -> Result<[u8; 32], BootError> {
    private_folder(folder)?;
    let path = folder.join(name);
    let failed = |error| BootError::Io(format!("the secret {} can't be read or made", path.display()), error);
    match std::fs::File::open(&path) {
        Ok(mut file) => {
            let mut secret = [0; 32];
            file.read_exact(&mut secret).map_err(failed)?;
            Ok(secret)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret: [u8; 32] = rand::random();
            // Written whole under another name first: a crash leaves the old state or the new one.
            let fresh = path.with_extension("new");
            let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh).map_err(failed)?;
            file.write_all(&secret).and_then(|()| file.sync_all()).map_err(failed)?;
            std::fs::rename(&fresh, &path).map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}
