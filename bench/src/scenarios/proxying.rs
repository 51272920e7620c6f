//! The cost of the gateway when it forwards responses of another process, beside nginx in its place.
//!
//! Invariant: the same delivery process serves all requests: sent directly, through the gateway, and through nginx, in
//! turns.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::fleet::Topology;

use crate::engines::{self, Engines, ensure_running, socket_addresses};
use crate::http::sign_up;
use crate::item::{Item, Page, mean_bytes};
use crate::nginx::Nginx;
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, wrk};

const GOAL: f64 = 0.8;
const ADDED_GOAL_MS: f64 = 0.3;
/// The limiter stays on with a limit out of reach, because all connections come from one address.
const SETTING: &str = "gateway.reads_per_second=100000000";

/// Connections, and for how many seconds each target is measured with them. With one connection no request waits in a
/// queue, so the difference of the medians is the cost of the path; with 64 the cores are busy and every median is
/// mostly waiting.
const LOADS: [(u32, u64); 3] = [(64, 3), (1, 1), (4, 1)];

/// The delivery process itself, and the proxies before it.
struct Targets {
    delivery: SocketAddr,
    gateway: SocketAddr,
    nginx: SocketAddr,
}

/// The results of each target under one load, run by run.
#[derive(Default)]
struct Throughputs {
    delivery: Vec<wrk::Throughput>,
    gateway: Vec<wrk::Throughput>,
    nginx: Vec<wrk::Throughput>,
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let engines = Engines::start().await?;
    let fleet = ensure_running(engines.prepare(bench, Topology::one_of_each(), &[SETTING.to_owned()]).await?).await?;
    let delivery = *socket_addresses(&fleet, "delivery")?.first().ok_or("the fleet has no delivery")?;
    let gateway = engines::socket_address(fleet.gateway_url())?;
    let nginx = Nginx::before(&bench.temp.join("proxying"), delivery).await?;
    let item = Item::publish(bench, gateway, &sign_up(gateway, "reader").await?).await?;
    let targets = Targets { delivery, gateway, nginx: nginx.address };
    for target in [targets.delivery, targets.nginx] {
        item.compare(target).await?;
    }
    let (mut rows, mut added, mut all) = (Vec::new(), Vec::new(), serde_json::Map::new());
    let mut told = Vec::new();
    for (what, pages) in [("small playlists", &item.playlists), ("1 MB segments", &item.segments)] {
        let script = bench.temp.join("paths.lua");
        std::fs::write(&script, wrk::lua_script(pages.iter().map(|page| page.path.as_str())))?;
        for (connections, seconds) in LOADS {
            let throughputs = targets.measure(&script, connections, seconds, bench.runs(5)).await?;
            match connections {
                64 => rows.push(rate(what, pages, &throughputs)),
                1 => added.push(latency(what, &throughputs)),
                _ => {}
            }
            if connections > 1 {
                let (ours, theirs) = (
                    added_ms(&throughputs.gateway, &throughputs.delivery),
                    added_ms(&throughputs.nginx, &throughputs.delivery),
                );
                told.push(format!(
                    "{what} with {connections}: {:.3} ms (nginx {:.3} ms) more than {:.3} ms",
                    median(&ours),
                    median(&theirs),
                    median(&medians(&throughputs.delivery))
                ));
            }
            all.insert(format!("{what}, {connections}"), throughputs.json());
        }
    }
    rows.append(&mut added);
    drop(nginx);
    engines::blocking(move || drop((fleet, engines))).await?;
    let method = vec![
        format!(
            "A fleet with a process per role; the same delivery process is asked by `wrk` directly, through the \
             gateway and through nginx, in turns, median of {} rounds ({} s with 64 connections, {} s with 1 and \
             4), on the same cores as everything else.",
            bench.runs(5),
            LOADS[0].1,
            LOADS[1].1
        ),
        "nginx: `proxy_pass` over HTTP/1.1 with kept connections, a worker per core, no logs, and buffers that \
         hold a whole answer. The gateway also limits, names requests, counts and logs."
            .into(),
        format!("Added at other loads, p50 through the gateway less p50 of delivery itself: {}.", told.join("; ")),
        format!(
            "The item is public and was compared byte by byte on each way. Not a default: `--set {SETTING}`, \
             because all of `wrk`'s connections come from one address."
        ),
        engines::METHOD.into(),
    ];
    Ok(Scenario { place: 6, title: "Passing on from process to process".into(), method, rows, runs: all.into() })
}

impl Targets {
    /// Measures all targets in turns; the first round is to warm up.
    async fn measure(&self, script: &Path, connections: u32, seconds: u64, runs: usize) -> Result<Throughputs, Error> {
        let mut throughputs = Throughputs::default();
        for run in 0..=runs {
            let time = Duration::from_secs(if run == 0 { 1 } else { seconds });
            let delivery = wrk::run(script, self.delivery, connections, time).await?;
            let gateway = wrk::run(script, self.gateway, connections, time).await?;
            let nginx = wrk::run(script, self.nginx, connections, time).await?;
            if run > 0 {
                throughputs.delivery.push(delivery);
                throughputs.gateway.push(gateway);
                throughputs.nginx.push(nginx);
            }
        }
        Ok(throughputs)
    }
}

impl Throughputs {
    fn json(&self) -> Value {
        let target = |throughputs: &[wrk::Throughput]| -> Value {
            json!({ "per_second": rates(throughputs), "p50_ms": medians(throughputs) })
        };
        json!({ "delivery": target(&self.delivery), "gateway": target(&self.gateway), "nginx": target(&self.nginx) })
    }
}

fn rate(what: &str, pages: &[Page], throughputs: &Throughputs) -> Row {
    let (ours, theirs) = (rates(&throughputs.gateway), rates(&throughputs.nginx));
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    Row {
        what: format!(
            "{what}, 64 connections ({} addresses of {:.0} bytes on average)",
            pages.len(),
            mean_bytes(pages)
        ),
        goal: format!("≥ {GOAL} × nginx `proxy_pass`"),
        measured: format!("{} × ({:.0}/s)", spread(&ratios, 2), median(&ours)),
        beside: format!(
            "nginx {:.0}/s; delivery itself {:.0}/s",
            median(&theirs),
            median(&rates(&throughputs.delivery))
        ),
        passes: median(&ratios) >= GOAL,
    }
}

fn latency(what: &str, throughputs: &Throughputs) -> Row {
    let (ours, theirs) =
        (added_ms(&throughputs.gateway, &throughputs.delivery), added_ms(&throughputs.nginx, &throughputs.delivery));
    Row {
        what: format!("{what}, 1 connection: added to the p50"),
        goal: format!("≤ {ADDED_GOAL_MS} ms"),
        measured: format!("{} ms", spread(&ours, 3)),
        beside: format!(
            "nginx adds {:.3} ms; delivery itself {:.3} ms",
            median(&theirs),
            median(&medians(&throughputs.delivery))
        ),
        passes: median(&ours) <= ADDED_GOAL_MS,
    }
}

/// Returns the difference of the medians, round by round.
fn added_ms(through: &[wrk::Throughput], directly: &[wrk::Throughput]) -> Vec<f64> {
    through.iter().zip(directly).map(|(through, directly)| through.p50_ms - directly.p50_ms).collect()
}

fn rates(throughputs: &[wrk::Throughput]) -> Vec<f64> {
    throughputs.iter().map(|throughput| throughput.per_second).collect()
}

fn medians(throughputs: &[wrk::Throughput]) -> Vec<f64> {
    throughputs.iter().map(|throughput| throughput.p50_ms).collect()
}
