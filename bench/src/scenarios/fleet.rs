//! The time until twenty processes are ready that are started at once on an empty database.
//!
//! Invariant: each run has new schemas, a new stream and new folders; every process must report that it is ready.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::fleet::{Fleet, Topology};

use crate::engines::{self, Engines};
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

const GOAL: f64 = 10.0;
/// Processes of each role.
const OF_EACH: usize = 4;
const READY_TIMEOUT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(10);

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let engines = Engines::start().await?;
    let topology =
        Topology::ROLES.into_iter().fold(Topology::one_of_each(), |topology, role| topology.with(role, OF_EACH));
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs(3) {
        let fleet = engines.prepare(bench, topology.clone(), &[]).await?;
        let ready = engines::blocking(move || launch(fleet)).await??;
        first.extend(ready.first().map(Duration::as_secs_f64));
        last.extend(ready.last().map(Duration::as_secs_f64));
    }
    engines::blocking(move || drop(engines)).await?;
    let processes = OF_EACH * Topology::ROLES.len();
    let rows = vec![Row {
        what: format!("{processes} processes at once, empty database: until all are ready"),
        goal: format!("≤ {GOAL:.0} s"),
        measured: format!("{} s", spread(&last, 2)),
        beside: format!("{:.2} s until the first of them", median(&first)),
        passes: median(&last) <= GOAL,
    }];
    let method = vec![
        format!(
            "{OF_EACH} of each role ({}); from spawning the first to the moment at which each had responded to \
             `/readyz` at its operations listener with 200, requested in turn every 10 ms; that waits for peers too, \
             so the first are hardly earlier than the last. Median of {}.",
            Topology::ROLES.join(", "),
            last.len()
        ),
        "The schemas, the stream and its consumers are created by the first process; the others wait for it. All \
         settings at their defaults but the pool of four connections per service that fits a small server."
            .into(),
        engines::METHOD.into(),
    ];
    Ok(Scenario {
        place: 9,
        title: "A fleet's start".into(),
        method,
        rows,
        runs: json!({ "first_s": first, "all_s": last }),
    })
}

/// Starts every process. Returns when each was ready, in ascending order.
fn launch(mut fleet: Fleet) -> Result<Vec<Duration>, Error> {
    let began = Instant::now();
    for process in &mut fleet.processes {
        process.program.spawn();
    }
    let mut waiting: Vec<usize> = (0..fleet.processes.len()).collect();
    let mut ready = Vec::new();
    while !waiting.is_empty() {
        waiting.retain(|&at| {
            let is_ready = fleet.processes[at].program.is_ready();
            ready.extend(is_ready.then(|| began.elapsed()));
            !is_ready
        });
        if began.elapsed() > READY_TIMEOUT {
            let names: Vec<&str> = waiting.iter().map(|&at| fleet.processes[at].program.name()).collect();
            return Err(format!("not ready within {} s: {}", READY_TIMEOUT.as_secs(), names.join(", ")).into());
        }
        std::thread::sleep(POLL);
    }
    Ok(ready)
}
