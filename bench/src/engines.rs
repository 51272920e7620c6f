//! PostgreSQL, NATS and an S3 server, and fleets of the binary that play on them.
//!
//! All of them are `testkit`'s, which waits on threads and fails by panicking; here both become what the figures expect. Invariant: the
//! engines keep what they acknowledge through a power cut, as in production: PostgreSQL with `fsync`, NATS with `sync_interval: always`.

use std::net::SocketAddr;

use testkit::engines::{Nats, Postgres, S3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

use crate::{Bench, Failure};

/// Running engines.
#[derive(Debug)]
pub struct Engines {
    addresses: EngineUrls,
    _all: (Postgres, Nats, S3),
}

/// What a figure says about them.
pub const METHOD: &str = "PostgreSQL with `fsync=on`, one NATS server with `sync_interval: always` and SeaweedFS, all on the same machine.";

impl Engines {
    /// Starts them, empty.
    pub async fn start() -> Result<Self, Failure> {
        blocking(|| {
            let all = (postgres(), Nats::start_syncing("always"), S3::start());
            Self { addresses: EngineUrls::of(&all.0, &all.1, &all.2), _all: all }
        })
        .await
    }

    /// A fleet in schemas, streams and folders of its own that does not run yet.
    pub async fn prepare(&self, bench: &Bench, shape: Topology, settings: &[String]) -> Result<Fleet, Failure> {
        let (binary, addresses, settings) = (bench.server.clone(), self.addresses.clone(), settings.to_vec());
        blocking(move || Fleet::prepare(&binary, &addresses, &shape, &settings)).await
    }
}

/// A PostgreSQL server that waits for the disk.
pub fn postgres() -> Postgres {
    Postgres::start_with(&["fsync=on"])
}

/// Starts what does not run of a fleet and waits until all of it is ready.
pub async fn again(mut fleet: Fleet) -> Result<Fleet, Failure> {
    blocking(move || {
        fleet.ensure_running();
        fleet
    })
    .await
}

/// Does what waits or panics on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default().into(),
        Err(error) => error.into(),
    })
}

/// The door behind a URL such as `http://127.0.0.1:20001`.
pub fn door(url: &str) -> Result<SocketAddr, Failure> {
    Ok(url.trim_start_matches("http://").parse()?)
}

/// The doors of a role's processes.
pub fn doors(fleet: &Fleet, role: &str) -> Result<Vec<SocketAddr>, Failure> {
    fleet.with_role(role).map(|player| door(&player.url)).collect()
}
