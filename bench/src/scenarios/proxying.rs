//! What the gateway costs where it passes answers on from another process, beside nginx in its place.
//!
//! Invariant: one and the same delivery process answers everybody: asked directly, through the gateway, and through nginx, in turns.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::fleet::Topology;

use crate::engines::{self, Engines, again, doors};
use crate::http::sign_up;
use crate::item::{Item, Page, mean_bytes};
use crate::nginx::Nginx;
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Failure, wrk};

const GOAL: f64 = 0.8;
const ADDED_GOAL_MS: f64 = 0.3;
/// The limiter stays on; only its figure is out of reach, since all connections come from one address.
const SETTING: &str = "gateway.reads_per_second=100000000";

/// Connections, and for how many seconds each way is asked with them. With one nothing ever waits in a queue, so what the median
/// gains is what the way costs; with 64 the cores are full and every median is mostly waiting.
const LOADS: [(u32, u64); 3] = [(64, 3), (1, 1), (4, 1)];

/// The delivery process itself, and what can stand before it.
struct Ways {
    delivery: SocketAddr,
    gateway: SocketAddr,
    nginx: SocketAddr,
}

/// What came of each way under one load, run by run.
#[derive(Default)]
struct Paces {
    delivery: Vec<wrk::Pace>,
    gateway: Vec<wrk::Pace>,
    nginx: Vec<wrk::Pace>,
}

/// Measures.
pub async fn measure(bench: &Bench) -> Result<Scenario, Failure> {
    let engines = Engines::start().await?;
    let fleet = again(engines.prepare(bench, Topology::one_of_each(), &[SETTING.to_owned()]).await?).await?;
    let delivery = *doors(&fleet, "delivery")?.first().ok_or("the fleet has no delivery")?;
    let gateway = engines::door(fleet.gateway_url())?;
    let nginx = Nginx::before(&bench.temp.join("proxying"), delivery).await?;
    let item = Item::publish(bench, gateway, &sign_up(gateway, "reader").await?).await?;
    let ways = Ways { delivery, gateway, nginx: nginx.address };
    for way in [ways.delivery, ways.nginx] {
        item.compare(way).await?;
    }
    let (mut rows, mut added, mut all) = (Vec::new(), Vec::new(), serde_json::Map::new());
    let mut told = Vec::new();
    for (what, pages) in [("small playlists", &item.playlists), ("1 MB segments", &item.segments)] {
        let script = bench.temp.join("paths.lua");
        std::fs::write(&script, wrk::lua(pages.iter().map(|page| page.path.as_str())))?;
        for (connections, seconds) in LOADS {
            let paces = ways.ask(&script, connections, seconds, bench.runs(5)).await?;
            match connections {
                64 => rows.push(rate(what, pages, &paces)),
                1 => added.push(latency(what, &paces)),
                _ => {}
            }
            if connections > 1 {
                let (ours, theirs) = (added_ms(&paces.gateway, &paces.delivery), added_ms(&paces.nginx, &paces.delivery));
                told.push(format!("{what} with {connections}: {:.3} ms (nginx {:.3} ms) more than {:.3} ms", median(&ours), median(&theirs), median(&medians(&paces.delivery))));
            }
            all.insert(format!("{what}, {connections}"), paces.json());
        }
    }
    rows.append(&mut added);
    drop(nginx);
    engines::blocking(move || drop((fleet, engines))).await?;
    let method = vec![
        format!(
            "A fleet with a process per role; the same delivery process is asked by `wrk` directly, through the gateway and through nginx, in turns, median of {} rounds ({} s with 64 connections, {} s with 1 and 4), on the same cores as everything else.",
            bench.runs(5),
            LOADS[0].1,
            LOADS[1].1
        ),
        "nginx: `proxy_pass` over HTTP/1.1 with kept connections, a worker per core, no logs, and buffers that hold a whole answer. The gateway also limits, names requests, counts and logs.".into(),
        format!("Added at other loads, p50 through the gateway less p50 of delivery itself: {}.", told.join("; ")),
        format!("The item is public and was compared byte by byte on each way. Not a default: `--set {SETTING}`, because all of `wrk`'s connections come from one address."),
        engines::METHOD.into(),
    ];
    Ok(Scenario { place: 6, title: "Passing on from process to process".into(), method, rows, runs: all.into() })
}

impl Ways {
    /// Asks all ways in turns; the first round is to warm up.
    async fn ask(&self, script: &Path, connections: u32, seconds: u64, runs: usize) -> Result<Paces, Failure> {
        let mut paces = Paces::default();
        for run in 0..=runs {
            let time = Duration::from_secs(if run == 0 { 1 } else { seconds });
            let delivery = wrk::run(script, self.delivery, connections, time).await?;
            let gateway = wrk::run(script, self.gateway, connections, time).await?;
            let nginx = wrk::run(script, self.nginx, connections, time).await?;
            if run > 0 {
                paces.delivery.push(delivery);
                paces.gateway.push(gateway);
                paces.nginx.push(nginx);
            }
        }
        Ok(paces)
    }
}

impl Paces {
    fn json(&self) -> Value {
        let way = |paces: &[wrk::Pace]| json!({ "per_second": rates(paces), "p50_ms": medians(paces) });
        json!({ "delivery": way(&self.delivery), "gateway": way(&self.gateway), "nginx": way(&self.nginx) })
    }
}

fn rate(what: &str, pages: &[Page], paces: &Paces) -> Row {
    let (ours, theirs) = (rates(&paces.gateway), rates(&paces.nginx));
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    Row {
        what: format!("{what}, 64 connections ({} addresses of {:.0} bytes on average)", pages.len(), mean_bytes(pages)),
        goal: format!("≥ {GOAL} × nginx `proxy_pass`"),
        measured: format!("{} × ({:.0}/s)", spread(&ratios, 2), median(&ours)),
        beside: format!("nginx {:.0}/s; delivery itself {:.0}/s", median(&theirs), median(&rates(&paces.delivery))),
        passes: median(&ratios) >= GOAL,
    }
}

fn latency(what: &str, paces: &Paces) -> Row {
    let (ours, theirs) = (added_ms(&paces.gateway, &paces.delivery), added_ms(&paces.nginx, &paces.delivery));
    Row {
        what: format!("{what}, 1 connection: added to the p50"),
        goal: format!("≤ {ADDED_GOAL_MS} ms"),
        measured: format!("{} ms", spread(&ours, 3)),
        beside: format!("nginx adds {:.3} ms; delivery itself {:.3} ms", median(&theirs), median(&medians(&paces.delivery))),
        passes: median(&ours) <= ADDED_GOAL_MS,
    }
}

/// How much longer half of the answers took, round by round.
fn added_ms(through: &[wrk::Pace], directly: &[wrk::Pace]) -> Vec<f64> {
    through.iter().zip(directly).map(|(through, directly)| through.p50_ms - directly.p50_ms).collect()
}

fn rates(paces: &[wrk::Pace]) -> Vec<f64> {
    paces.iter().map(|pace| pace.per_second).collect()
}

fn medians(paces: &[wrk::Pace]) -> Vec<f64> {
    paces.iter().map(|pace| pace.p50_ms).collect()
}
