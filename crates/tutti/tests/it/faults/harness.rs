//! Where faults are played: engines of the test's own, a proxy before each, a fleet behind them.
//!
//! Invariant: the fleet knows the engines by their proxies alone; verdicts look past them.

use std::collections::BTreeMap;
use std::path::Path;

use testkit::engines::{Nats, NetworkFault, Postgres, Proxy, S3, S3Account};
use testkit::fleet::{EngineUrls, Fleet, Topology};

/// Settings of every fleet here: no limit on how fast one person sends, cheap passwords, timed work every second, said in the log.
pub(super) const SETTINGS: [&str; 7] = [
    "gateway.writes_per_second=0",
    "gateway.reads_per_second=0",
    "gateway.anonymous_writes_per_second=0",
    "accounts.argon2_memory_kib=512",
    "accounts.argon2_passes=1",
    "accounts.maintenance_seconds=1",
    "server.log_filter=info,kit::schedule=debug,objects::keys=debug",
];

pub(super) struct Harness {
    pub(super) fleet: Fleet,
    pub(super) postgres: Postgres,
    pub(super) nats: Nats,
    pub(super) s3: S3,
    pub(super) proxies: Proxies,
}

/// The ways from the fleet to its engines.
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

    /// The same, with a last word before the processes start.
    pub(super) fn start_with(topology: &Topology, configure: impl FnOnce(&mut Fleet)) -> Self {
        kit::tls::provider();
        tokio::task::block_in_place(|| {
            let (postgres, nats, s3) = (Postgres::start(), Nats::start(), S3::start());
            let proxies = Proxies { postgres: Proxy::before(postgres.port()), nats: Proxy::before(nats.port()), s3: Proxy::before(s3.port()) };
            // Addresses are signed for the host and port that they are asked at: everybody goes by the proxy.
            let urls = EngineUrls {
                postgres: postgres.url_through(proxies.postgres.port()),
                nats: format!("nats://127.0.0.1:{}", proxies.nats.port()),
                s3: S3Account { endpoint: format!("http://127.0.0.1:{}", proxies.s3.port()), ..s3.account.clone() },
            };
            let mut fleet = Fleet::prepare(Path::new(env!("CARGO_BIN_EXE_tutti")), &urls, topology, &SETTINGS.map(str::to_owned));
            configure(&mut fleet);
            fleet.ensure_running();
            Self { fleet, postgres, nats, s3, proxies }
        })
    }

    /// The public doors.
    pub(super) fn gateway_urls(&self) -> Vec<String> {
        self.fleet.with_role("gateway").map(|process| process.url.clone()).collect()
    }

    /// Fair weather everywhere.
    pub(super) fn clear_faults(&self) {
        self.proxies.all().iter().for_each(|proxy| proxy.set(NetworkFault::None));
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what the fleet complained of:\n{}", summarize_errors(&self.fleet.logs()).join("\n"));
        }
    }
}

/// Errors and panics, each kind of a process once, with how often it came and when first and last: few lines, for whoever reads a
/// failed run's end.
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
