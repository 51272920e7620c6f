//! Messages: how many are stored and delivered a second, how long one takes to the other members of its group, and what
//! a member who waits costs.
//!
//! Invariant: each member has a connection of their own through the public listener; a message that is not stored fails
//! the run, and one that does not arrive is counted as missing.

mod followers;
mod writers;

use std::time::{Duration, Instant};

use base::Random;
use chrono::Utc;
use serde::Serialize;
use serde_json::json;
use testkit::fleet::Topology;
use uuid::Uuid;

use self::followers::{Delivery, Followers};
use self::writers::{WRITING_AT_ONCE, Writer};
use crate::community::pace::Times;
use crate::conversations;
use crate::engines::{self, Engines};
use crate::installation::{Installation, Member};
use crate::report::{NOT_MEASURED, Row, Scenario, median, spread};
use crate::{Bench, Error};

const ALONE_GOAL: f64 = 2_000.0;
const FLEET_GOAL: f64 = 5_000.0;
const DELIVERIES_GOAL: f64 = 20_000.0;
const P99_GOAL_MS: f64 = 50.0;
const MEMORY_GOAL_KIB: f64 = 20.0;
const GROUP_SIZE: usize = 20;
/// The processes of chat in a fleet.
const PROCESSES: usize = 4;
/// Messages of a member into a conversation of two: as many as a new member may write at once.
const EACH_OF_TWO: u32 = 10;
/// The same into a group.
const EACH_OF_GROUP: u32 = 5;
/// After this time a new member may write one message more.
const NEXT_MESSAGE: Duration = Duration::from_secs(3);
/// How long the members wait before memory is read.
const IDLE: Duration = Duration::from_secs(15);
/// Hashes for tests: 2,000 members sign up and in.
const SETTINGS: [&str; 2] = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];

/// Deliveries of messages that were written without a pause.
#[derive(Debug, Clone, Copy, Serialize)]
struct Delivered {
    per_second: f64,
    arrived: usize,
    expected: usize,
}

/// Times from when messages were due until they arrived, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Latency {
    p50_ms: f64,
    p99_ms: f64,
    worst_ms: f64,
    arrived: usize,
    expected: usize,
}

/// The results of one installation.
#[derive(Debug, Serialize)]
struct Measured {
    stored_per_second: Vec<f64>,
    delivered: Vec<Delivered>,
    /// Messages a second at which the times were measured.
    paced_per_second: f64,
    latencies: Vec<Latency>,
    /// The memory of the one process for each member who waits; `None` of a fleet.
    kib_per_member: Option<f64>,
}

/// Members and their conversations at a running installation.
struct Talk {
    installation: Installation,
    members: Vec<Member>,
    pairs: Vec<Uuid>,
    groups: Vec<Uuid>,
    began: Instant,
}

impl Talk {
    /// Signs members up and gives each a conversation of two and a group.
    async fn begin(bench: &Bench, installation: Installation, members: usize) -> Result<Self, Error> {
        let members = installation.sign_up(0..members).await?;
        let accounts: Vec<Uuid> = members.iter().map(|member| member.account).collect();
        let (random, now) = (Random::system(), Utc::now());
        let db = installation.database("chat").await?;
        let pairs: Vec<&[Uuid]> = accounts.chunks(2).collect();
        let pairs = conversations::insert_each(&db, &pairs, &random, now).await?;
        let groups: Vec<&[Uuid]> = accounts.chunks(GROUP_SIZE).collect();
        let groups = conversations::insert_each(&db, &groups, &random, now).await?;
        installation.analyze(&db, &conversations::TABLES).await?;
        drop(db);
        // What the sign-ups have used and freed would hide what the streams use.
        let installation = installation.restart(bench).await?;
        Ok(Self { installation, members, pairs, groups, began: Instant::now() })
    }

    async fn follow(&self, members: &[Member]) -> Result<Followers, Error> {
        Followers::open(self.installation.gateway, members, self.began).await
    }

    /// Signs all in again and lets them follow: access tokens, and the streams that they open, end after 15 minutes.
    async fn follow_anew(&mut self) -> Result<Followers, Error> {
        self.installation.sign_in(&mut self.members).await?;
        self.follow(&self.members).await
    }

    /// Returns the memory of the one process for each member who waits.
    async fn kib_per_member(&self) -> Result<f64, Error> {
        let resident = || Ok::<_, Error>(self.installation.memory("chat")?.resident_kib);
        drop(self.follow(self.members.get(..1).unwrap_or_default()).await?);
        tokio::time::sleep(IDLE).await;
        let before = resident()?;
        let followers = self.follow(&self.members).await?;
        tokio::time::sleep(IDLE).await;
        let kib = resident()?.saturating_sub(before) as f64 / self.members.len() as f64;
        drop(followers);
        Ok(kib)
    }

    /// Returns a writer for each member, so that neighbours write into different conversations of `size` members.
    fn writers(&self, conversations: &[Uuid], size: usize) -> Vec<Writer> {
        let mut writers = Vec::with_capacity(self.members.len());
        for place in 0..size {
            for (members, conversation) in self.members.chunks(size).zip(conversations) {
                if let Some(member) = members.get(place) {
                    writers.push(Writer::new(self.installation.gateway, member, *conversation));
                }
            }
        }
        writers
    }

    /// Returns how many messages into conversations of two are stored a second.
    async fn store(&self) -> Result<f64, Error> {
        let stored = writers::flat_out(self.writers(&self.pairs, 2), EACH_OF_TWO, self.began).await?;
        tokio::time::sleep(NEXT_MESSAGE * EACH_OF_TWO).await;
        Ok(stored)
    }

    /// Returns how many deliveries one message of each member into their group makes, all together.
    fn expected(&self) -> usize {
        self.members.len() * (GROUP_SIZE - 1) * EACH_OF_GROUP as usize
    }

    /// Lets all write into their groups without a pause.
    async fn deliver(&self, followers: &mut Followers) -> Result<Delivered, Error> {
        let since = self.began.elapsed();
        writers::flat_out(self.writers(&self.groups, GROUP_SIZE), EACH_OF_GROUP, self.began).await?;
        let deliveries = followers.collect(self.expected(), since).await;
        let last = deliveries.iter().map(|delivery| delivery.arrived).max().unwrap_or(since);
        let seconds = last.saturating_sub(since).as_secs_f64().max(1e-6);
        tokio::time::sleep(NEXT_MESSAGE * EACH_OF_GROUP).await;
        let arrived = deliveries.len();
        Ok(Delivered { per_second: arrived as f64 / seconds, arrived, expected: self.expected() })
    }

    /// Lets all write into their groups at a rate.
    async fn deliver_at(&self, per_second: f64, followers: &mut Followers) -> Result<Latency, Error> {
        let since = self.began.elapsed();
        writers::paced(self.writers(&self.groups, GROUP_SIZE), EACH_OF_GROUP, per_second, self.began).await?;
        let deliveries = followers.collect(self.expected(), since).await;
        let time = |delivery: &Delivery| delivery.arrived.saturating_sub(delivery.sent).as_secs_f64() * 1000.0;
        let times = Times::from(deliveries.iter().map(time).collect::<Vec<f64>>());
        tokio::time::sleep(NEXT_MESSAGE * EACH_OF_GROUP).await;
        Ok(Latency {
            p50_ms: times.percentile(50),
            p99_ms: times.percentile(99),
            worst_ms: times.worst(),
            arrived: times.count(),
            expected: self.expected(),
        })
    }
}

/// Measures an installation and stops it.
async fn measure_in(bench: &Bench, installation: Installation, members: usize, runs: usize) -> Result<Measured, Error> {
    let mut talk = Talk::begin(bench, installation, members).await?;
    let kib_per_member = if talk.installation.is_fleet() { None } else { Some(talk.kib_per_member().await?) };
    let mut stored_per_second = Vec::with_capacity(runs);
    for _ in 0..runs {
        stored_per_second.push(talk.store().await?);
    }
    let mut followers = talk.follow_anew().await?;
    let (mut delivered, mut latencies) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for _ in 0..runs {
        delivered.push(talk.deliver(&mut followers).await?);
    }
    let rates: Vec<f64> = delivered.iter().map(|run| run.per_second).collect();
    let paced_per_second = (median(&rates) / (GROUP_SIZE - 1) as f64 / 2.0).max(1.0);
    drop(followers);
    let mut followers = talk.follow_anew().await?;
    for _ in 0..runs {
        latencies.push(talk.deliver_at(paced_per_second, &mut followers).await?);
    }
    drop(followers);
    talk.installation.stop().await?;
    Ok(Measured { stored_per_second, delivered, paced_per_second, latencies, kib_per_member })
}

/// Returns the rows of an installation.
fn rows(place: &str, members: usize, goal: f64, measured: &Measured) -> [Row; 3] {
    let stored = &measured.stored_per_second;
    let rates: Vec<f64> = measured.delivered.iter().map(|run| run.per_second).collect();
    let of = |value: fn(&Latency) -> f64| measured.latencies.iter().map(value).collect::<Vec<f64>>();
    let p99 = of(|run| run.p99_ms);
    let arrived: usize = measured.delivered.iter().map(|run| run.arrived).sum();
    let expected: usize = measured.delivered.iter().map(|run| run.expected).sum();
    let timed_arrived: usize = measured.latencies.iter().map(|run| run.arrived).sum();
    let timed_expected: usize = measured.latencies.iter().map(|run| run.expected).sum();
    [
        Row {
            what: format!("{place}: messages stored a second, conversations of two"),
            goal: format!("≥ {goal:.0}/s"),
            measured: format!("{}/s", spread(stored, 0)),
            beside: String::new(),
            passes: median(stored) >= goal,
        },
        Row {
            what: format!("{place}: deliveries a second in groups of {GROUP_SIZE}"),
            goal: format!("≥ {DELIVERIES_GOAL:.0}/s, none missing"),
            measured: format!("{}/s", spread(&rates, 0)),
            beside: format!("{arrived} of {expected} arrived"),
            passes: median(&rates) >= DELIVERIES_GOAL && arrived == expected,
        },
        Row {
            what: format!(
                "{place}: end to end at half of that ({:.0} messages/s), {members} connected, p99",
                measured.paced_per_second
            ),
            goal: format!("≤ {P99_GOAL_MS:.0} ms, none missing"),
            measured: format!(
                "{} ms (p50 {:.0}, worst {:.0})",
                spread(&p99, 0),
                median(&of(|run| run.p50_ms)),
                median(&of(|run| run.worst_ms))
            ),
            beside: format!("{timed_arrived} of {timed_expected} arrived"),
            passes: median(&p99) <= P99_GOAL_MS && timed_arrived == timed_expected,
        },
    ]
}

/// Returns the rows of the comparisons for which this machine has no peer.
fn peer_rows() -> [Row; 2] {
    [("sockudo", "≥ 0.5 × sockudo"), ("matrix-synapse", "≥ 20 × matrix-synapse")].map(|(peer, goal)| Row {
        what: format!("deliveries a second beside {peer}"),
        goal: goal.into(),
        measured: NOT_MEASURED.into(),
        beside: String::new(),
        passes: false,
    })
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (runs, members) = (bench.runs(3), bench.accounts() / 1_000 * GROUP_SIZE);
    let mut settings: Vec<String> = SETTINGS.map(str::to_owned).into();
    let alone = Installation::alone(bench, "chat-sends", &settings).await?;
    let alone = measure_in(bench, alone, members, runs).await?;
    std::fs::remove_dir_all(bench.temp.join("chat-sends"))?;
    settings.push("bus.replicas=3".into());
    let topology = Topology::one_of_each().with("chat", PROCESSES);
    let fleet = Installation::fleet_of(bench, Engines::start_clustered().await?, topology, &settings).await?;
    let fleet = measure_in(bench, fleet, members, runs).await?;
    let mut all: Vec<Row> = rows("one process, SQLite", members, ALONE_GOAL, &alone).into();
    all.extend(rows("four processes of chat, PostgreSQL", members, FLEET_GOAL, &fleet));
    all.extend(peer_rows());
    let kib = alone.kib_per_member.unwrap_or(f64::INFINITY);
    all.push(Row {
        what: format!("one process: memory for each of {members} streams that wait"),
        goal: format!("≤ {MEMORY_GOAL_KIB:.0} KiB"),
        measured: format!("{kib:.1} KiB"),
        beside: String::new(),
        passes: kib <= MEMORY_GOAL_KIB,
    });
    let method = vec![
        format!(
            "{members} members, each in a conversation of two and a group of {GROUP_SIZE}, whose rows were inserted. \
             Stored: each writes {EACH_OF_TWO} messages to the other one through the gateway, {WRITING_AT_ONCE} \
             members at once without a pause, while no stream is open; a message counts with its 201, and a \
             connection is opened with the first one. That \
             many a new member may write at once, so each run is followed by {} s of rest. Median of {runs} runs.",
            (NEXT_MESSAGE * EACH_OF_TWO).as_secs()
        ),
        format!(
            "Deliveries: all follow `GET /v1/chat/stream` through the gateway, and each writes {EACH_OF_GROUP} \
             messages into the group; a delivery counts when one of the {} others has read the whole event. They \
             are divided by the time from the first request to the last delivery.",
            GROUP_SIZE - 1
        ),
        "End to end: the same messages, evenly, at half of the median rate. A time counts from when a message was due \
         to be sent until another member has read its event. The generator runs on the same cores, and so does notify, \
         which takes each message over for those who are away."
            .into(),
        format!(
            "Memory: VmRSS {} s after all streams have received their first event, less that before, divided by the \
             streams. The server was started anew after the sign-ups. The streams are server-sent events.",
            IDLE.as_secs()
        ),
        "sockudo and matrix-synapse were not started: the crate of the one takes longer to build than all of Tutti, \
         and for the other this tree has no list of packages that would install it. So the two ratios are unknown, not \
         met."
            .into(),
        format!("Not defaults: `--set {}`.", SETTINGS.join(" --set ")),
        engines::CLUSTERED_METHOD.into(),
    ];
    let runs = json!({ "alone": alone, "fleet": fleet });
    Ok(Scenario { place: 23, title: "Messages".into(), method, rows: all, runs })
}
