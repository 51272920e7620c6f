//! Videos per minute of one, two and four converting processes, each limited to the same share of the processor.
//!
//! The shares leave room for all four beside the engines, so that a machine with few cores can show whether another
//! worker adds what it should. Invariant: the queue is full before a worker starts, every clip becomes ready, and the
//! report has how much of their shares the workers used.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::fleet::{Fleet, Topology};

use super::{text, wait_for};
use crate::clips::{Clip, Clips};
use crate::engines::{self, Engines, ensure_running};
use crate::http::{Connection, sign_up};
use crate::quota::{CpuQuota, LimitedProcess};
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

/// Numbers of workers, and the goal of each: a multiple of the videos per minute of one worker.
const GOALS: [(usize, f64); 3] = [(1, 1.0), (2, 1.9), (4, 3.6)];
const MAX_WORKERS: usize = 4;
/// Clips in the queue: enough that the last ones, when some workers are idle, weigh little.
const CLIPS: usize = 20;
/// Each worker's share of all cores: four leave a fifth of the machine to everything else, which needs less.
const SHARE: f64 = 0.2;
const SETTING: &str = "transcode.workers=1";
const POLL: Duration = Duration::from_millis(50);
const READY_TIMEOUT: Duration = Duration::from_mins(10);

/// The results of one run.
struct Run {
    per_minute: f64,
    /// Seconds of CPU time per clip.
    cpu_each: f64,
    /// How much of their shares the workers used.
    used: f64,
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let cores = std::thread::available_parallelism()?.get() as f64;
    let share = (cores * SHARE).min(1.0);
    let quota = CpuQuota::of(share);
    let engines = Engines::start().await?;
    let topology = Topology::one_of_each().with("transcode", MAX_WORKERS);
    let mut fleet = ensure_running(engines.prepare(bench, topology, &[SETTING.to_owned()]).await?).await?;
    let gateway = engines::socket_address(fleet.gateway_url())?;
    let token = sign_up(gateway, "director").await?;
    let clip = std::fs::read(bench.clips.get(Clip::Short).await?)?.len();
    let mut runs: [Vec<Run>; GOALS.len()] = Default::default();
    let mut number = 0;
    for _ in 0..bench.runs(1) {
        for (runs, (workers, _)) in runs.iter_mut().zip(GOALS) {
            fleet = stop_workers(fleet).await?;
            let items = upload(bench, gateway, &token, &mut number).await?;
            runs.push(convert(&mut fleet, &quota, share, workers, gateway, &token, &items).await?);
        }
    }
    engines::blocking(move || drop((fleet, engines))).await?;
    let alone: Vec<f64> = runs[0].iter().map(|run| run.per_minute).collect();
    let mut rows = Vec::new();
    for (runs, (workers, goal)) in runs.iter().zip(GOALS).skip(1) {
        let rates: Vec<f64> = runs.iter().map(|run| run.per_minute).collect();
        let times: Vec<f64> = rates.iter().zip(&alone).map(|(rate, alone)| rate / alone).collect();
        rows.push(Row {
            what: format!("{workers} workers: videos per minute"),
            goal: format!("≥ {goal} × one worker"),
            measured: format!("{} × ({:.1}/min)", spread(&times, 2), median(&rates)),
            beside: format!("one worker {:.1}/min", median(&alone)),
            passes: median(&times) >= goal,
        });
    }
    let told: Vec<String> = runs.iter().zip(GOALS).map(|(runs, (workers, _))| costs(workers, runs)).collect();
    let method = vec![
        format!(
            "Each worker is a process with all its ffmpegs, limited to {share:.2} of {cores:.0} cores from its start \
             by {}; everything else of the fleet (accounts, media, delivery, gateway, engines) has what is left.",
            quota.method()
        ),
        format!(
            "{CLIPS} clips ({}, {clip} bytes, each with other bytes) are uploaded while no worker runs; then the \
             workers are started, and the time counts from before their start, which is a few tenths of a second, to \
             the last clip's `ready`.",
            Clip::Short.name()
        ),
        format!(
            "{}. CPU time per clip that grows with the workers is cores that disturb each other; shares that are not \
             used are workers that wait.",
            told.join("; ")
        ),
        format!("Not a default: `--set {SETTING}`, so that a worker does the same whatever the machine has."),
        engines::METHOD.into(),
    ];
    let all: serde_json::Map<String, Value> = runs
        .iter()
        .zip(GOALS)
        .map(|(runs, (workers, _))| (workers.to_string(), runs.iter().map(Run::json).collect()))
        .collect();
    Ok(Scenario { place: 7, title: "More workers, more videos".into(), method, rows, runs: all.into() })
}

impl Run {
    fn json(&self) -> Value {
        json!({ "per_minute": self.per_minute, "cpu_s_each": self.cpu_each, "used_of_the_share": self.used })
    }
}

fn costs(workers: usize, runs: &[Run]) -> String {
    let middle = |of: fn(&Run) -> f64| median(&runs.iter().map(of).collect::<Vec<f64>>());
    format!(
        "{workers} at work: {:.2} s of CPU time per clip, {:.0} % of the shares used",
        middle(|run| run.cpu_each),
        middle(|run| run.used) * 100.0
    )
}

/// Stops the converting processes, which have finished their work.
async fn stop_workers(mut fleet: Fleet) -> Result<Fleet, Error> {
    engines::blocking(move || {
        for process in fleet.processes.iter_mut().filter(|process| process.role == "transcode") {
            process.program.terminate();
        }
        fleet
    })
    .await
}

/// Fills the queue. Returns the items' paths.
async fn upload(bench: &Bench, gateway: SocketAddr, token: &str, number: &mut u64) -> Result<Vec<String>, Error> {
    let path = bench.clips.get(Clip::Short).await?;
    let mut member = Connection::of_member(gateway, token).await?;
    let mut items = Vec::new();
    for _ in 0..CLIPS {
        *number += 1;
        let clip = Clips::unique(&path, *number)?;
        let item = member.send("POST", "/v1/media?name=clip.mp4", "video/mp4", &clip).await?.expect(201)?.json()?;
        items.push(format!("/v1/media/{}", text(&item["id"], "id")?));
    }
    Ok(items)
}

/// Starts workers, each within its share, and waits until every item is ready.
async fn convert(
    fleet: &mut Fleet,
    quota: &CpuQuota,
    share: f64,
    workers: usize,
    gateway: SocketAddr,
    token: &str,
    items: &[String],
) -> Result<Run, Error> {
    let began = Instant::now();
    let mut limited: Vec<LimitedProcess> = Vec::new();
    for process in fleet.processes.iter_mut().filter(|process| process.role == "transcode").take(workers) {
        process.program.spawn();
        limited.push(quota.limit(process.program.id().ok_or("a worker did not start")?)?);
    }
    let mut member = Connection::of_member(gateway, token).await?;
    for item in items {
        wait_for(&mut member, item, &["ready"], POLL, READY_TIMEOUT).await?;
    }
    let took = began.elapsed().as_secs_f64();
    let cpu: f64 = limited.iter().map(|limited| limited.cpu().as_secs_f64()).sum();
    let clips = items.len() as f64;
    Ok(Run { per_minute: clips * 60.0 / took, cpu_each: cpu / clips, used: cpu / (share * took * workers as f64) })
}
