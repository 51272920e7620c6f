//! PostgreSQL, NATS and an S3 server, and fleets of the binary on them.
//!
//! All of them are `testkit`'s, which blocks threads and panics on failure; this module makes both asynchronous and
//! fallible. Invariant: the engines keep what they acknowledge through a power cut, as in production: PostgreSQL with
//! `fsync`, NATS with `sync_interval: always`.

use std::net::SocketAddr;
use std::time::Duration;

use db::{Db, PostgresOptions};
use testkit::engines::{Nats, Postgres, S3};
use testkit::fleet::{EngineUrls, Fleet, Topology};

use crate::server::NO_PROOF_OF_WORK;
use crate::{Bench, Error};

/// Running engines.
#[derive(Debug)]
pub struct Engines {
    urls: EngineUrls,
    _engines: (Postgres, Vec<Nats>, S3),
}

/// The sentence about the engines in a scenario's method.
pub const METHOD: &str =
    "PostgreSQL with `fsync=on`, one NATS server with `sync_interval: always` and SeaweedFS, all on the same machine.";

/// The same for [`Engines::start_clustered`].
pub const CLUSTERED_METHOD: &str = "PostgreSQL with `fsync=on`, three NATS servers that each have every event \
    (`--set bus.replicas=3`) and SeaweedFS, all on the same machine.";

impl Engines {
    /// Starts the engines, empty.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(|| vec![Nats::start_syncing("always")]).await
    }

    /// Starts the engines, empty, with three NATS servers. A fleet finds them by the URL of the first; it should have
    /// `bus.replicas=3`.
    pub async fn start_clustered() -> Result<Self, Error> {
        Self::start_with(|| Nats::cluster().into()).await
    }

    async fn start_with(nats: fn() -> Vec<Nats>) -> Result<Self, Error> {
        blocking(move || {
            let engines = (postgres(), nats(), S3::start());
            Self { urls: EngineUrls::of(&engines.0, &engines.1[0], &engines.2), _engines: engines }
        })
        .await
    }

    /// Returns a fleet that does not run yet, in schemas, streams and folders of its own.
    pub async fn prepare(&self, bench: &Bench, topology: Topology, settings: &[String]) -> Result<Fleet, Error> {
        let (binary, urls, mut settings) = (bench.server.clone(), self.urls.clone(), settings.to_vec());
        settings.push(NO_PROOF_OF_WORK.to_owned());
        blocking(move || Fleet::prepare(&binary, &urls, &topology, &settings)).await
    }

    /// Opens a service's schema of a fleet, beside the fleet's own connections.
    pub async fn database(&self, fleet: &Fleet, service: &str) -> Result<Db, Error> {
        let options = PostgresOptions {
            url: self.urls.postgres.clone(),
            schema: format!("{}_{service}", fleet.name),
            readers: 2,
            writers: 2,
            statement_timeout: Duration::from_secs(30),
        };
        Ok(Db::postgres(&options).await?)
    }
}

/// Starts a PostgreSQL server with `fsync`.
pub fn postgres() -> Postgres {
    Postgres::start_with(&["fsync=on"])
}

/// Starts every process of a fleet that is not running and waits until all are ready.
pub async fn ensure_running(mut fleet: Fleet) -> Result<Fleet, Error> {
    blocking(move || {
        fleet.ensure_running();
        fleet
    })
    .await
}

/// Runs blocking work on a thread of its own. A panic becomes an error.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_default()
            .into(),
        Err(error) => error.into(),
    })
}

/// Returns the socket address of a URL such as `http://127.0.0.1:20001`.
pub fn socket_address(url: &str) -> Result<SocketAddr, Error> {
    Ok(url.trim_start_matches("http://").parse()?)
}

/// Returns the socket addresses of a role's processes.
pub fn socket_addresses(fleet: &Fleet, role: &str) -> Result<Vec<SocketAddr>, Error> {
    fleet.with_role(role).map(|process| socket_address(&process.url)).collect()
}
