//! Idle memory, and the time from start to ready.
//!
//! Invariant: "warm" means a data folder of an earlier start, as after an update; the first start, which creates the
//! databases, is reported separately.

use std::time::Duration;

use serde_json::json;

use crate::report::{Row, Scenario, median, seconds, spread};
use crate::server::Server;
use crate::{Bench, Error};

const MEMORY_GOAL_MIB: f64 = 80.0;
const READY_GOAL: f64 = 0.5;

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("start");
    let mut first = None;
    let mut ready = Vec::new();
    let mut idle = Vec::new();
    let starts = bench.runs(10) + 1;
    for start in 0..starts {
        let server = Server::start(bench, &data, &[]).await?;
        if start == 0 {
            first = Some(server.ready_after);
        } else {
            ready.push(server.ready_after.as_secs_f64());
        }
        // Three are enough for memory, which hardly varies.
        if start < 3 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            idle.push(server.process.memory().resident_kib as f64 / 1024.0);
        }
        server.stop().await;
    }
    std::fs::remove_dir_all(&data)?;
    let rows = vec![
        Row {
            what: "start to ready, warm".into(),
            goal: format!("≤ {READY_GOAL} s"),
            measured: format!("{} s", spread(&ready, 3)),
            beside: format!("{} on an empty folder", seconds(first.unwrap_or_default())),
            passes: median(&ready) <= READY_GOAL,
        },
        Row {
            what: "idle memory, all roles".into(),
            goal: format!("≤ {MEMORY_GOAL_MIB} MiB"),
            measured: format!("{} MiB", spread(&idle, 1)),
            beside: String::new(),
            passes: median(&idle) <= MEMORY_GOAL_MIB,
        },
    ];
    let method = vec![
        format!(
            "`tutti serve` with its defaults; from spawning the process to the first 200 of `/readyz` at the \
             operations listener, requested every millisecond; median of {}.",
            ready.len()
        ),
        format!("Resident memory (VmRSS) 5 s after ready, without a connection; median of {}.", idle.len()),
    ];
    Ok(Scenario {
        place: 5,
        title: "Start and idle".into(),
        method,
        rows,
        runs: json!({ "ready_s": ready, "idle_mib": idle }),
    })
}
