//! PostgreSQL, NATS and an S3 server, and fleets of the binary that play on them.
//!
//! All of them are `testkit`'s, which waits on threads and fails by panicking; here both become what the figures expect. Invariant: the
//! engines keep what they acknowledge through a power cut, as in production: PostgreSQL with `fsync`, NATS with `sync_interval: always`.

use std::net::SocketAddr;

use testkit::engines::{Nats, Postgres, S3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

use crate::{Bench, Error};

/// Running engines.
#[derive(Debug)]
pub struct Engines {
    urls: EngineUrls,
    _engines: (Postgres, Nats, S3),
}

/// What a figure says about them.
pub const METHOD: &str = "PostgreSQL with `fsync=on`, one NATS server with `sync_interval: always` and SeaweedFS, all on the same machine.";

impl Engines {
    /// Starts them, empty.
    pub async fn start() -> Result<Self, Error> {
        blocking(|| {
            let engines = (postgres(), Nats::start_syncing("always"), S3::start());
            Self { urls: EngineUrls::of(&engines.0, &engines.1, &engines.2), _engines: engines }
        })
        .await
    }

    /// A fleet in schemas, streams and folders of its own that does not run yet.
    pub async fn prepare(&self, bench: &Bench, topology: Topology, settings: &[String]) -> Result<Fleet, Error> {
        let (binary, urls, settings) = (bench.server.clone(), self.urls.clone(), settings.to_vec());
        blocking(move || Fleet::prepare(&binary, &urls, &topology, &settings)).await
    }
}

/// A PostgreSQL server that waits for the disk.
pub fn postgres() -> Postgres {
    Postgres::start_with(&["fsync=on"])
}

/// Starts what does not run of a fleet and waits until all of it is ready.
pub async fn ensure_running(mut fleet: Fleet) -> Result<Fleet, Error> {
    blocking(move || {
        fleet.ensure_running();
        fleet
    })
    .await
}

/// Does what waits or panics on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default().into(),
        Err(error) => error.into(),
    })
}

/// The door behind a URL such as `http://127.0.0.1:20001`.
pub fn socket_address(url: &str) -> Result<SocketAddr, Error> {
    Ok(url.trim_start_matches("http://").parse()?)
}

/// The doors of a role's processes.
pub fn socket_addresses(fleet: &Fleet, role: &str) -> Result<Vec<SocketAddr>, Error> {
    fleet.with_role(role).map(|process| socket_address(&process.url)).collect()
}
