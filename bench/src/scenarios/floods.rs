//! Members while anonymous clients ask for ten times what the server can respond to, and while 5,000 connections send
//! their heads slowly.
//!
//! Each is measured beside the same server without it, in turns. Invariant: the attackers have a core of their own, so
//! that what members lose is the server's doing and not the generator's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::text;
use crate::community::pace::Times;
use crate::cores::Reserved;
use crate::flood::{BATCH, Flood, FloodPattern};
use crate::http::Connection;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error};

const SERVED_GOAL_PERCENT: f64 = 99.9;
const FLOOD_GOAL: f64 = 5.0;
const SLOW_GOAL: f64 = 1.5;
/// How many times the capacity is offered.
const OVERLOAD: f64 = 10.0;
/// Connections of the flood.
const ATTACKERS: usize = 64;
/// How often a slow connection sends a line.
const DRIP: Duration = Duration::from_secs(2);
/// How long a flood lasts before members are measured.
const ONSET: Duration = Duration::from_secs(3);
/// How long the server has between a flood and the next measurement.
const REST: Duration = Duration::from_secs(3);
/// Members' connections.
const MEMBERS: usize = 4;
const MEMBER_PAUSE: Duration = Duration::from_millis(5);
/// A member's request that takes longer counts as not served.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const PATHS: [&str; 3] = ["/v1/me", "/v1/media?limit=20", "/v1/conversations"];

/// What members' requests met.
#[derive(Debug, Clone, Copy, Serialize)]
struct Served {
    p50_ms: f64,
    p99_ms: f64,
    requests: usize,
    failed: usize,
}

/// Members' requests without an attack and under it, and how many requests or connections the attack had a second.
#[derive(Debug, Clone, Copy, Serialize)]
struct Pair {
    unloaded: Served,
    attacked: Served,
    attack_per_second: f64,
}

/// A server whose attackers have a core of their own.
struct Target<'a> {
    server: &'a Server,
    token: String,
    reserved: Reserved,
    time: Duration,
}

impl Target<'_> {
    fn start(&self, connections: usize, pattern: FloodPattern) -> Result<Flood, Error> {
        let max_time = self.time + ONSET + REQUEST_TIMEOUT;
        Flood::start_on(Some(self.reserved.core), self.server.public, connections, pattern, max_time)
    }

    /// Returns how many anonymous requests a second are answered if each connection waits for its answer.
    async fn capacity(&self, path: &str) -> Result<f64, Error> {
        let flood = self.start(ATTACKERS, FloodPattern::Ask(vec![path.to_owned()]))?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (before, began) = (flood.done(), Instant::now());
        tokio::time::sleep(ONSET).await;
        let per_second = (flood.done() - before) as f64 / began.elapsed().as_secs_f64();
        end(flood).await?;
        if per_second < 1.0 {
            return Err("the anonymous requests are not answered, so that there is no capacity to exceed".into());
        }
        Ok(per_second)
    }

    /// Measures members without an attack and under it.
    async fn attack(&self, connections: usize, pattern: FloodPattern) -> Result<Pair, Error> {
        let unloaded = self.members().await?;
        let (flood, began) = (self.start(connections, pattern)?, Instant::now());
        tokio::time::sleep(ONSET).await;
        let attacked = self.members().await?;
        let attack_per_second = flood.done() as f64 / began.elapsed().as_secs_f64();
        end(flood).await?;
        tokio::time::sleep(REST).await;
        Ok(Pair { unloaded, attacked, attack_per_second })
    }

    async fn members(&self) -> Result<Served, Error> {
        let until = Instant::now() + self.time;
        let mut members = JoinSet::new();
        for first in 0..MEMBERS {
            members.spawn(ask(self.server.public, self.token.clone(), first, until));
        }
        let (mut times, mut failed) = (Vec::new(), 0);
        while let Some(ended) = members.join_next().await {
            let (own, refused) = ended?;
            times.extend(own);
            failed += refused;
        }
        let times = Times::from(times);
        Ok(Served { p50_ms: times.percentile(50), p99_ms: times.percentile(99), requests: times.count(), failed })
    }
}

/// Ends a flood; its thread needs a moment.
async fn end(flood: Flood) -> Result<(), Error> {
    Ok(tokio::task::spawn_blocking(move || drop(flood)).await?)
}

/// Asks as a member does until a moment. Returns the times in milliseconds, and how many requests had no 200.
async fn ask(address: SocketAddr, token: String, first: usize, until: Instant) -> (Vec<f64>, usize) {
    let (mut times, mut failed, mut open) = (Vec::new(), 0, None);
    for path in PATHS.iter().cycle().skip(first) {
        let began = Instant::now();
        if began >= until {
            break;
        }
        match timeout(REQUEST_TIMEOUT, request(address, &token, open.take(), path)).await {
            Ok(Ok(connection)) => open = Some(connection),
            _ => failed += 1,
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(MEMBER_PAUSE).await;
    }
    (times, failed)
}

/// Sends a request, and returns its connection if the response is a 200.
async fn request(address: SocketAddr, token: &str, open: Option<Connection>, path: &str) -> Result<Connection, Error> {
    let mut connection = match open {
        Some(connection) => connection,
        None => Connection::of_member(address, token).await?,
    };
    connection.get(path).await?.expect(200)?;
    Ok(connection)
}

/// Returns the two rows of an attack: who was served, and how much later.
fn rows(attack: &str, pairs: &[Pair], max_ratio: f64, beside: &str) -> [Row; 2] {
    let requests: usize = pairs.iter().map(|pair| pair.attacked.requests).sum();
    let failed: usize = pairs.iter().map(|pair| pair.attacked.failed).sum();
    let served_percent = 100.0 * (requests - failed) as f64 / requests.max(1) as f64;
    let of = |value: fn(&Pair) -> f64| pairs.iter().map(value).collect::<Vec<f64>>();
    let ratios = of(|pair| pair.attacked.p99_ms / pair.unloaded.p99_ms.max(1e-3));
    [
        Row {
            what: format!("members served under {attack}"),
            goal: format!("≥ {SERVED_GOAL_PERCENT} %"),
            measured: format!("{served_percent:.2} % of {requests}"),
            beside: beside.to_owned(),
            passes: served_percent >= SERVED_GOAL_PERCENT,
        },
        Row {
            what: format!("members' p99 under {attack}"),
            goal: format!("≤ {max_ratio} × unloaded"),
            measured: format!("{} × ({} ms)", spread(&ratios, 2), spread(&of(|pair| pair.attacked.p99_ms), 1)),
            beside: format!("unloaded {} ms", spread(&of(|pair| pair.unloaded.p99_ms), 1)),
            passes: median(&ratios) <= max_ratio,
        },
    ]
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (runs, time, slow) = if bench.is_quick() {
        (1, Duration::from_secs(4), 500)
    } else {
        (bench.runs(3), Duration::from_secs(10), 5_000)
    };
    let reserved = Reserved::last()?;
    let data = bench.temp.join("floods");
    // The server inherits the other cores.
    let server = Server::start(bench, &data, &[]).await?;
    let token = server.sign_up("member").await?;
    let post = json!({ "text": "A quiet evening, and a song.", "audience": "public" }).to_string();
    let mut connection = Connection::of_member(server.public, &token).await?;
    let posted = connection.send("POST", "/v1/posts", "application/json", post.as_bytes()).await?.expect(201)?;
    let path = format!("/v1/posts/{}", text(&posted.json()?["id"], "id")?);
    let target = Target { server: &server, token, reserved, time };
    // Once to fill the caches.
    target.members().await?;
    let capacity = target.capacity(&path).await?;
    tokio::time::sleep(REST).await;
    let interval = Duration::from_secs_f64((BATCH * ATTACKERS) as f64 / (OVERLOAD * capacity));
    let (mut floods, mut slow_heads) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        floods.push(target.attack(ATTACKERS, FloodPattern::Offer(path.clone(), interval)).await?);
        slow_heads.push(target.attack(slow, FloodPattern::Drip(DRIP)).await?);
    }
    drop(target);
    server.kill().await;
    std::fs::remove_dir_all(&data)?;
    let sent: Vec<f64> = floods.iter().map(|pair| pair.attack_per_second).collect();
    let sent = format!("capacity {capacity:.0}/s; the flood has sent {}/s", spread(&sent, 0));
    let attack = format!("{OVERLOAD:.0} × the capacity of anonymous requests");
    let mut all: Vec<Row> = rows(&attack, &floods, FLOOD_GOAL, &sent).into();
    all.extend(rows(&format!("{slow} connections with slow heads"), &slow_heads, SLOW_GOAL, ""));
    let method = vec![
        format!(
            "Members: {MEMBERS} connections that ask for {} in turns, {} ms after each answer, for {} s, unloaded and \
             under each attack in turns; median of {runs} runs. A request is served with a 200 within {} s.",
            PATHS.map(|path| format!("`{path}`")).join(", "),
            MEMBER_PAUSE.as_millis(),
            time.as_secs(),
            REQUEST_TIMEOUT.as_secs()
        ),
        format!(
            "The attackers run on the last core, and nothing else does (`sched_setaffinity`); the server and the \
             members share the others, unloaded too. Capacity: what {ATTACKERS} anonymous connections from 32 \
             addresses are answered a second for a public post, each waiting for its answer."
        ),
        format!(
            "Flood: the same connections send {BATCH} requests at a time without waiting for answers, so often that \
             {OVERLOAD:.0} times the capacity is due. What the server does not read stays in the buffers of the \
             kernel, so the rate that was sent may be lower; a connection that takes nothing for a second is opened \
             again."
        ),
        format!(
            "Slow heads: {slow} connections that send a line of a head every {} s and never end it; one that the \
             server closes is opened again. All settings at their defaults.",
            DRIP.as_secs()
        ),
    ];
    let runs = json!({ "capacity_per_second": capacity, "floods": floods, "slow_heads": slow_heads });
    Ok(Scenario { place: 24, title: "Floods".into(), method, rows: all, runs })
}
