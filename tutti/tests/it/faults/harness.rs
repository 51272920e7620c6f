//! The harness of the fault tests: engines of the test's own, a proxy before each, and a fleet behind the proxies.
//!
//! Invariant: the fleet connects to the engines through the proxies only; the verification connects directly.

use std::collections::BTreeMap;
use std::path::Path;

use testkit::engines::{Nats, NetworkFault, Postgres, Proxy, S3, S3Account};
use testkit::fleet::{EngineUrls, Fleet, Topology};

/// Settings of every fleet here: no rate limit for one client, cheap passwords, scheduled jobs every second, and their
/// log lines.
pub(super) const SETTINGS: [&str; 7] = [
    "gateway.writes_per_second=0",
    "gateway.reads_per_second=0",
    "gateway.anonymous_writes_per_second=0",
    "accounts.argon2_memory_kib=512",
    "accounts.argon2_passes=1",
    "accounts.maintenance_seconds=1",
    "server.log_filter=info,db::schedule=debug,objects::keys=debug",
];

pub(super) struct Harness {
    pub(super) fleet: Fleet,
    pub(super) postgres: Postgres,
    pub(super) nats: Nats,
    pub(super) s3: S3,
    pub(super) proxies: Proxies,
}

/// The proxies between the fleet and its engines.
pub(super) struct Proxies {
    pub(super) postgres: Proxy,
    pub(super) nats: Proxy,
    pub(super) s3: Proxy,
}

impl Proxies {
    pub(super) fn all(&self) -> [&Proxy; 3] {
        [&self.postgres, &self.nats, &self.s3]
    }
}

impl Harness {
    /// Starts engines and a fleet, and waits until all are ready.
    pub(super) fn start(topology: &Topology) -> Self {
        Self::start_with(topology, |_| {})
    }

    /// Starts the same after a last change to the fleet, before its processes start.
    pub(super) fn start_with(topology: &Topology, configure: impl FnOnce(&mut Fleet)) -> Self {
        base::tls::install_provider();
        tokio::task::block_in_place(|| {
            let (postgres, nats, s3) = (Postgres::start(), Nats::start(), S3::start());
            let proxies = Proxies {
                postgres: Proxy::before(postgres.port()),
                nats: Proxy::before(nats.port()),
                s3: Proxy::before(s3.port()),
            };
            // URLs are signed for the host and port of the request, so every process uses the proxy.
            let urls = EngineUrls {
                postgres: postgres.url_through(proxies.postgres.port()),
                nats: format!("nats://127.0.0.1:{}", proxies.nats.port()),
                s3: S3Account { endpoint: format!("http://127.0.0.1:{}", proxies.s3.port()), ..s3.account.clone() },
            };
            let mut fleet =
                Fleet::prepare(Path::new(env!("CARGO_BIN_EXE_tutti")), &urls, topology, &SETTINGS.map(str::to_owned));
            configure(&mut fleet);
            fleet.ensure_running();
            Self { fleet, postgres, nats, s3, proxies }
        })
    }

    /// Returns the URLs of the gateways.
    pub(super) fn gateway_urls(&self) -> Vec<String> {
        self.fleet.with_role("gateway").map(|process| process.url.clone()).collect()
    }

    /// Removes the faults of all proxies.
    pub(super) fn clear_faults(&self) {
        self.proxies.all().iter().for_each(|proxy| proxy.set(NetworkFault::None));
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("errors of the fleet:\n{}", summarize_errors(&self.fleet.logs()).join("\n"));
        }
    }
}

/// Returns errors and panics, each kind of a process once, with its count, the first time and the last: few lines at
/// the end of a failed run.
fn summarize_errors(logs: &str) -> Vec<String> {
    let mut kinds: BTreeMap<String, (usize, &str, &str)> = BTreeMap::new();
    for line in logs.lines().filter(|line| line.contains(" ERROR ") || line.contains("panicked at")) {
        let (process, message) = line.split_once(" | ").unwrap_or(("", line));
        let (at, message) = message.split_once(' ').unwrap_or(("", message));
        let kind = kinds.entry(format!("{process} {message}")).or_insert((0, at, at));
        (kind.0, kind.2) = (kind.0 + 1, at);
    }
    kinds.into_iter().map(|(message, (times, first, last))| format!("{times} × {message} ({first} … {last})")).collect()
}
