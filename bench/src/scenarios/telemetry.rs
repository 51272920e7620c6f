//! What logs and metrics cost at full load, and how many series a process has.
//!
//! Invariant: both sides answer the same requests, and processor time is that of the server alone, so that neither the
//! generator nor a slower moment of the machine counts.

use std::net::SocketAddr;

use serde_json::json;

use crate::community::pace::{Exchange, run};
use crate::http::Connection;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error};

const CPU_GOAL_PERCENT: f64 = 2.0;
const SERIES_GOAL: usize = 5_000;
/// Members, each on a connection of their own.
const MEMBERS: usize = 16;
/// Requests of a member in a run, each after the answer to the one before.
const REQUESTS: usize = 2_500;
/// More requests a second than can be answered, so that none waits.
const WITHOUT_A_PAUSE: f64 = 1e9;
/// Readings of the metrics of which the cost of one is taken: the kernel counts in hundredths of a second.
const SCRAPES: u32 = 200;
/// The interval in `deploy/prometheus`.
const SCRAPE_INTERVAL_SECONDS: f64 = 15.0;
/// What turns the log off. Metrics can't be turned off.
const WITHOUT_LOGS: &str = "server.log_filter=off";
const PATHS: [&str; 3] = ["/v1/me", "/v1/media?limit=20", "/v1/conversations"];

/// A server and its members.
struct Loaded {
    server: Server,
    tokens: Vec<String>,
}

impl Loaded {
    async fn start(bench: &Bench, name: &str, settings: &[String]) -> Result<Self, Error> {
        let server = Server::start(bench, &bench.temp.join(name), settings).await?;
        let mut tokens = Vec::with_capacity(MEMBERS);
        for number in 0..MEMBERS {
            tokens.push(server.sign_up(&format!("member{number}")).await?);
        }
        let loaded = Self { server, tokens };
        // Once to fill the caches.
        loaded.cpu_per_request(REQUESTS / 10).await?;
        Ok(loaded)
    }

    /// Lets each member send requests without a pause. Returns the processor time of one, in microseconds.
    async fn cpu_per_request(&self, each: usize) -> Result<f64, Error> {
        let mut connections = Vec::with_capacity(MEMBERS);
        for token in &self.tokens {
            let exchanges = PATHS.iter().cycle().take(each).map(|path| Exchange::get(path)).collect::<Vec<_>>();
            connections.push((Connection::of_member(self.server.public, token).await?, exchanges));
        }
        let before = self.server.process.cpu();
        run(connections, WITHOUT_A_PAUSE).await?;
        let used = self.server.process.cpu().saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / (MEMBERS * each) as f64)
    }

    /// Returns the processor time of reading the metrics once, in milliseconds.
    async fn cpu_per_scrape(&self) -> Result<f64, Error> {
        let mut connection = Connection::open(self.server.operations).await?;
        let before = self.server.process.cpu();
        for _ in 0..SCRAPES {
            connection.get("/metrics").await?.expect(200)?;
        }
        let used = self.server.process.cpu().saturating_sub(before);
        Ok(used.as_secs_f64() * 1e3 / f64::from(SCRAPES))
    }

    async fn stop(self) {
        self.server.kill().await;
    }
}

/// Returns the number of series in the metrics of an operations listener.
async fn count_series(operations: SocketAddr) -> Result<usize, Error> {
    let body = Connection::open(operations).await?.get("/metrics").await?.expect(200)?.body;
    Ok(series(&String::from_utf8(body)?))
}

/// Returns the number of series in a text of Prometheus: its lines that are no comments.
fn series(metrics: &str) -> usize {
    metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let runs = bench.runs(5);
    let logging = Loaded::start(bench, "telemetry", &[]).await?;
    let silent = Loaded::start(bench, "telemetry-silent", &[WITHOUT_LOGS.to_owned()]).await?;
    let (mut with, mut without, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..runs {
        let (first, second) = if at % 2 == 0 { (&logging, &silent) } else { (&silent, &logging) };
        let (one, other) = (first.cpu_per_request(REQUESTS).await?, second.cpu_per_request(REQUESTS).await?);
        let (logged, unlogged) = if at % 2 == 0 { (one, other) } else { (other, one) };
        shares.push(100.0 * (logged - unlogged) / logged.max(1e-9));
        with.push(logged);
        without.push(unlogged);
    }
    let series = count_series(logging.server.operations).await?;
    let scrape_ms = logging.cpu_per_scrape().await?;
    logging.stop().await;
    silent.stop().await;
    for name in ["telemetry", "telemetry-silent"] {
        std::fs::remove_dir_all(bench.temp.join(name))?;
    }
    let scrape_percent = 100.0 * scrape_ms / 1e3 / SCRAPE_INTERVAL_SECONDS;
    let percent = median(&shares) + scrape_percent;
    let rows = vec![
        Row {
            what: "logs and reading the metrics: share of the server's processor time at full load".into(),
            goal: format!("≤ {CPU_GOAL_PERCENT:.0} %"),
            measured: format!("{percent:.2} % (logs {} %, metrics {scrape_percent:.3} %)", spread(&shares, 2)),
            beside: format!("{} µs a request with logs, {} µs without", spread(&with, 1), spread(&without, 1)),
            passes: percent <= CPU_GOAL_PERCENT,
        },
        Row {
            what: "series of one process with all roles".into(),
            goal: format!("≤ {SERIES_GOAL}"),
            measured: series.to_string(),
            beside: String::new(),
            passes: series <= SERIES_GOAL,
        },
    ];
    let method = vec![
        format!(
            "Two servers, one with the default log (JSON into a file) and one with `--set {WITHOUT_LOGS}`, answer the \
             same {} requests in turns: {MEMBERS} members ask for {} without a pause. Processor time of the server \
             alone, median of {runs} alternating runs; shares are of adjacent runs, so a negative one is noise.",
            MEMBERS * REQUESTS,
            PATHS.map(|path| format!("`{path}`")).join(", ")
        ),
        format!(
            "Metrics: the processor time of reading `/metrics` once ({scrape_ms:.2} ms, mean of {SCRAPES}), every \
             {SCRAPE_INTERVAL_SECONDS:.0} s as in `deploy/prometheus`, as a share of one core. Counting itself can't \
             be turned off and is in both sides."
        ),
        "Series: lines of `/metrics` after these requests. A route has its series from its first request on.".into(),
    ];
    let runs = json!({
        "with_logs_us": with, "without_logs_us": without, "shares_percent": shares, "scrape_ms": scrape_ms,
        "series": series,
    });
    Ok(Scenario { place: 26, title: "Telemetry".into(), method, rows, runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_series() {
        let metrics = "# TYPE a counter\na_total{role=\"chat\"} 1\na_total{role=\"media\"} 2\n# EOF\n";
        assert_eq!(series(metrics), 2);
    }
}
