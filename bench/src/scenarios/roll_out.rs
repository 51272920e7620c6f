//! A release under 200 requests a second, its way back, and the way back with databases and objects.
//!
//! The binary is the same before and after, as there is one; what is measured is what replacing its processes costs.
//! Invariant: the requests go to gateways that a load balancer would choose, and every one that fails counts.

mod commands;
mod traffic;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::engines::Postgres;
use testkit::fleet::{Fleet, Topology};

use self::commands::Commands;
use self::traffic::{Outcome, PATHS, PER_SECOND, Traffic};
use super::backups::{Members, PHOTO_BYTES};
use crate::community::pace::Times;
use crate::engines::{self, Engines};
use crate::photos::Photos;
use crate::report::{Row, Scenario};
use crate::server::Server;
use crate::{Bench, Error, installation, process};

const ROLL_BACK_GOAL: Duration = Duration::from_mins(2);
/// The roles that are asked, with two processes each; the others have one.
const ASKED: [&str; 4] = ["accounts", "media", "chat", "gateway"];
/// How long a process that ends is not ready before it takes no more requests.
const DRAIN_NOTICE: &str = "server.drain_notice_seconds=3";
/// From when a gateway is out of balance until it is ended: for requests that are on their way.
const ON_THEIR_WAY: Duration = Duration::from_secs(1);
/// From when a process is ready until the next one is ended: callers check every second.
const CHECKED: Duration = Duration::from_secs(2);
/// Failures that are kept in the results.
const KEPT_FAILURES: usize = 20;
/// What a roll-back of the databases loses here.
const LOST_PHOTOS: usize = 100;
const TIMEOUT: Duration = Duration::from_mins(1);

/// A release and its way back under load.
struct RolledOut {
    outcome: Outcome,
    replaced: usize,
    start: Duration,
    roll_back: Duration,
}

/// A roll-back of one process with its databases and objects.
struct RolledBack {
    bytes: u64,
    command: Duration,
    ready: Duration,
}

/// Replaces each process that is asked, or all of them, in the order of the fleet: the gateways last.
async fn replace_each(mut fleet: Fleet, all: bool, traffic: &Traffic) -> Result<(Fleet, usize), Error> {
    let mut replaced = 0;
    for at in 0..fleet.processes.len() {
        let Some(process) = fleet.processes.get(at).filter(|process| all || ASKED.contains(&process.role)) else {
            continue;
        };
        let (gateway, is_gateway) = (engines::socket_address(&process.url)?, process.role == "gateway");
        if is_gateway {
            traffic.remove(gateway);
            tokio::time::sleep(ON_THEIR_WAY).await;
        }
        fleet = engines::blocking(move || {
            let program = &mut fleet.processes[at].program;
            program.terminate();
            program.restart();
            fleet
        })
        .await?;
        tokio::time::sleep(CHECKED).await;
        if is_gateway {
            traffic.add(gateway);
        }
        replaced += 1;
    }
    Ok((fleet, replaced))
}

/// Returns the commands of a fleet's releases.
async fn fleet_commands(bench: &Bench, fleet: &Fleet) -> Result<Commands, Error> {
    let home = bench.temp.join("roll-out");
    let data = home.join("data").display().to_string();
    let config = fleet.config_path().display().to_string();
    let arguments = ["--config".to_owned(), config, "--data".to_owned(), data].into();
    let mut commands = Commands::prepare(bench, home, arguments).await?;
    for program in ["pg_dump", "pg_restore"] {
        let path = engines::blocking(move || Postgres::client_program(program)).await?;
        commands.set(&format!("backup.{program}={}", path.display()));
    }
    let gateways: Vec<String> =
        fleet.with_role("gateway").map(|process| format!("\"{}\"", process.operations_url)).collect();
    commands.set(&format!("release.watch=[{}]", gateways.join(", ")));
    commands.set("release.watch_minutes=0");
    commands.set("release.canary=[\"true\"]");
    commands.wait_in("promote");
    commands.wait_in("roll_back");
    Ok(commands)
}

async fn roll_out(bench: &Bench) -> Result<RolledOut, Error> {
    let engines = Engines::start().await?;
    let topology = ASKED.into_iter().fold(Topology::one_of_each(), |topology, role| topology.with(role, 2));
    let fleet = engines.prepare(bench, topology, &[DRAIN_NOTICE.to_owned()]).await?;
    let mut fleet = engines::ensure_running(fleet).await?;
    let commands = fleet_commands(bench, &fleet).await?;
    let gateways = engines::socket_addresses(&fleet, "gateway")?;
    let first = gateways.first().copied().ok_or("the fleet has no gateway")?;
    let member = installation::sign_up(first, 0).await?;
    let traffic = Traffic::start(gateways, &member.token);
    commands.run(&["release", "prepare"]).await?;
    let (mut times, mut replaced) = (Vec::new(), 0);
    for (command, step) in [(&["release", "start"], "promote"), (&["release", "rollback"], "roll_back")] {
        let began = Instant::now();
        let running = commands.start(command, step).await?;
        (fleet, replaced) = replace_each(fleet, !bench.is_quick(), &traffic).await?;
        commands.finish(running, step).await?;
        times.push(began.elapsed());
    }
    let outcome = traffic.end().await?;
    engines::blocking(move || drop((fleet, engines))).await?;
    std::fs::remove_dir_all(bench.temp.join("roll-out"))?;
    let [start, roll_back] = times.try_into().map_err(|_| "a release has two steps")?;
    Ok(RolledOut { outcome, replaced, start, roll_back })
}

async fn roll_back(bench: &Bench) -> Result<RolledBack, Error> {
    let (data, home): (PathBuf, PathBuf) = (bench.temp.join("roll-back"), bench.temp.join("roll-back-release"));
    let server = Server::start(bench, &data, &[]).await?;
    let mut members = Members::sign_up(&server, Photos::make(&bench.temp.join("roll-back-bases")).await?).await?;
    members.upload(bench.items()).await?;
    let arguments = vec!["--data".to_owned(), data.display().to_string()];
    let commands = Commands::prepare(bench, home.clone(), arguments).await?;
    commands.run(&["release", "prepare"]).await?;
    members.upload(LOST_PHOTOS).await?;
    server.stop().await;
    let size = process::run("du", ["-sb", &data.display().to_string()], TIMEOUT).await?.output;
    let bytes = size.split_whitespace().next().and_then(|bytes| bytes.parse().ok()).ok_or("du printed no size")?;
    let command = commands.run(&["release", "rollback", "--database", "--yes"]).await?.wall;
    let server = Server::start(bench, &data, &[]).await?;
    let ready = server.ready_after;
    server.kill().await;
    for folder in [data, home] {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(RolledBack { bytes, command, ready })
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let RolledOut { outcome, replaced, start, roll_back: back } = roll_out(bench).await?;
    let RolledBack { bytes, command, ready } = roll_back(bench).await?;
    let (Outcome { times, failures }, gigabytes) = (outcome, bytes as f64 / 1e9);
    let times = Times::from(times);
    let whole = command + ready;
    let rows = vec![
        Row {
            what: format!(
                "requests that failed while {replaced} processes were replaced and taken back, {PER_SECOND}/s"
            ),
            goal: "0".into(),
            measured: format!("{} of {}", failures.len(), times.count()),
            beside: format!("p99 {:.0} ms, longest {:.0} ms", times.percentile(99), times.worst()),
            passes: failures.is_empty(),
        },
        Row {
            what: format!("roll-back of {gigabytes:.2} GB of databases and objects, until the server is ready"),
            goal: format!("≤ {} s", ROLL_BACK_GOAL.as_secs()),
            measured: format!("{:.1} s", whole.as_secs_f64()),
            beside: format!("of which {:.1} s from start to ready", ready.as_secs_f64()),
            passes: whole <= ROLL_BACK_GOAL,
        },
    ];
    let method = vec![
        format!(
            "A fleet with two processes of {} and one of each other role, with `--set {DRAIN_NOTICE}`. {PER_SECOND} \
             requests a second, each on a new connection, ask for {} in turns at the gateways in balance, during \
             `tutti release prepare`, `start` and `rollback`. A request fails without a 200 within 20 s.",
            ASKED.join(", "),
            PATHS.map(|path| format!("`{path}`")).join(", ")
        ),
        format!(
            "The step `promote` ends and starts one process after the other, with {} s between them; a gateway is \
             taken out of balance before. The canary is no process and is watched for no minute. The roll-out took \
             {:.0} s, the roll-back of the binary {:.0} s, most of which is the drain of {replaced} processes in turn.",
            CHECKED.as_secs(),
            start.as_secs_f64(),
            back.as_secs_f64()
        ),
        "The binary is the same before and after, so no schema changes.".into(),
        format!(
            "The roll-back with databases is that of one process on SQLite and a folder: {} photos of {PHOTO_BYTES} \
             bytes, a restore point, {LOST_PHOTOS} photos more, the server is stopped, `tutti release rollback \
             --database --yes`, start. Objects stay where they are and are compared; databases are restored. Most of \
             the bytes are objects.",
            bench.items()
        ),
        engines::METHOD.into(),
    ];
    let some: Vec<&String> = failures.iter().take(KEPT_FAILURES).collect();
    let runs = json!({
        "requests": times.count(), "failed": failures.len(), "failures": some, "start_s": start.as_secs_f64(),
        "roll_back_s": back.as_secs_f64(), "database_roll_back_s": command.as_secs_f64(),
        "ready_s": ready.as_secs_f64(), "bytes": bytes,
    });
    Ok(Scenario { place: 25, title: "Releases".into(), method, rows, runs })
}
