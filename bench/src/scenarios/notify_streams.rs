//! Notices to 5,000 connected clients at 1,000 a second, and what a client that waits costs.
//!
//! Invariant: each client is a member of its own with a connection of its own through the public listener, and a notice
//! that does not arrive fails the row.

mod clients;

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use self::clients::Clients;
use crate::community::pace::{Exchange, Times, run};
use crate::engines::{self, Engines};
use crate::installation::{Installation, Member};
use crate::notices;
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

const P99_GOAL_MS: f64 = 100.0;
const MEMORY_GOAL_KIB: f64 = 20.0;
/// The clients that follow each author.
const CLIENTS_PER_AUTHOR: usize = 100;
const POSTS_PER_SECOND: f64 = 10.0;
const POSTS_EACH: usize = 6;
const NOTICES_PER_SECOND: f64 = POSTS_PER_SECOND * CLIENTS_PER_AUTHOR as f64;
/// How long the clients wait before memory is read.
const IDLE: Duration = Duration::from_secs(15);
/// More streams than the default of 4,000, and hashes for tests: 5,000 members sign up.
const SETTINGS: [&str; 3] =
    ["gateway.streams_at_once=8000", "accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];

/// The results of one run, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Delivered {
    p50_ms: f64,
    p99_ms: f64,
    worst_ms: f64,
    arrived: usize,
    expected: usize,
}

/// The results of one installation.
#[derive(Debug, Serialize)]
struct Measured {
    runs: Vec<Delivered>,
    /// The memory of the processes of gateway and notify for each client that waits.
    kib_per_client: f64,
}

/// Measures an installation and stops it.
async fn measure_in(bench: &Bench, installation: Installation, clients: usize, runs: usize) -> Result<Measured, Error> {
    let authors = installation.sign_up(0..clients / CLIENTS_PER_AUTHOR).await?;
    let members = installation.sign_up(authors.len()..authors.len() + clients).await?;
    let db = installation.database("notify").await?;
    for (author, followers) in authors.iter().zip(members.chunks(CLIENTS_PER_AUTHOR)) {
        let followers: Vec<Uuid> = followers.iter().map(|member| member.account).collect();
        notices::insert_followers(&db, author.account, &followers, Utc::now()).await?;
    }
    installation.analyze(&db, &notices::TABLES).await?;
    drop(db);
    // What the sign-ups have used and freed would hide what the streams use.
    let installation = installation.restart(bench).await?;
    drop(Clients::open(installation.gateway, members.get(..1).unwrap_or_default()).await?);
    tokio::time::sleep(IDLE).await;
    let before = resident_kib(&installation)?;
    let mut open = Clients::open(installation.gateway, &members).await?;
    tokio::time::sleep(IDLE).await;
    let kib_per_client = resident_kib(&installation)?.saturating_sub(before) as f64 / clients as f64;
    let mut delivered = Vec::with_capacity(runs);
    for _ in 0..runs {
        delivered.push(deliver(&installation, &authors, &mut open).await?);
    }
    drop(open);
    installation.stop().await?;
    Ok(Measured { runs: delivered, kib_per_client })
}

/// Returns the memory of gateway and notify, which are one process or two.
fn resident_kib(installation: &Installation) -> Result<u64, Error> {
    let of = |role: &str| Ok::<_, Error>(installation.memory(role)?.resident_kib);
    let gateway = of("gateway")?;
    Ok(if installation.is_fleet() { gateway + of("notify")? } else { gateway })
}

/// Lets the authors post, and collects what their followers receive.
async fn deliver(installation: &Installation, authors: &[Member], clients: &mut Clients) -> Result<Delivered, Error> {
    let body = json!({ "text": "A quiet evening, and a song.", "audience": "public" }).to_string().into_bytes();
    let post = Exchange { method: "POST", path: "/v1/posts".into(), body, status: 201 };
    let mut connections = Vec::with_capacity(authors.len());
    for author in authors {
        connections.push((installation.connect(author).await?, vec![post.clone(); POSTS_EACH]));
    }
    let expected = authors.len() * POSTS_EACH * CLIENTS_PER_AUTHOR;
    run(connections, POSTS_PER_SECOND).await?;
    let times = Times::from(clients.collect(expected).await);
    Ok(Delivered {
        p50_ms: times.percentile(50),
        p99_ms: times.percentile(99),
        worst_ms: times.worst(),
        arrived: times.count(),
        expected,
    })
}

fn delivery_row(place: &str, clients: usize, runs: &[Delivered]) -> Row {
    let of = |value: fn(&Delivered) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let p99 = of(|run| run.p99_ms);
    let (arrived, expected): (usize, usize) =
        (runs.iter().map(|run| run.arrived).sum(), runs.iter().map(|run| run.expected).sum());
    Row {
        what: format!("{place}: from commit to each of {clients} clients at {NOTICES_PER_SECOND:.0} notices/s, p99"),
        goal: format!("≤ {P99_GOAL_MS:.0} ms, none missing"),
        measured: format!(
            "{} ms (p50 {:.0}, worst {:.0})",
            spread(&p99, 0),
            median(&of(|run| run.p50_ms)),
            median(&of(|run| run.worst_ms))
        ),
        beside: format!("{arrived} of {expected} arrived"),
        passes: median(&p99) <= P99_GOAL_MS && arrived == expected,
    }
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (runs, clients) = (bench.runs(3), bench.accounts() / 2_000 * CLIENTS_PER_AUTHOR);
    let mut settings: Vec<String> = SETTINGS.map(str::to_owned).into();
    let alone = Installation::alone(bench, "notify-streams", &settings).await?;
    let alone = measure_in(bench, alone, clients, runs).await?;
    std::fs::remove_dir_all(bench.temp.join("notify-streams"))?;
    settings.push("bus.replicas=3".into());
    let fleet = Installation::fleet(bench, Engines::start_clustered().await?, &settings).await?;
    let fleet = measure_in(bench, fleet, clients, runs).await?;
    let rows = vec![
        delivery_row("one process, embedded", clients, &alone.runs),
        delivery_row("fleet, PostgreSQL and three NATS servers", clients, &fleet.runs),
        Row {
            what: format!("one process: memory for each of {clients} clients that wait"),
            goal: format!("≤ {MEMORY_GOAL_KIB:.0} KiB"),
            measured: format!("{:.1} KiB", alone.kib_per_client),
            beside: format!("fleet, gateway and notify together {:.1} KiB", fleet.kib_per_client),
            passes: alone.kib_per_client <= MEMORY_GOAL_KIB,
        },
    ];
    let method = vec![
        format!(
            "{clients} members, each with one `GET /v1/notifications/stream` through the gateway. {} authors, each \
             followed by {CLIENTS_PER_AUTHOR} of them, post {POSTS_PER_SECOND:.0} times a second in all, evenly, \
             {POSTS_EACH} times each; notify tells the followers, {NOTICES_PER_SECOND:.0} notices a second. Median of \
             {runs} runs.",
            clients / CLIENTS_PER_AUTHOR
        ),
        "A time counts from the milliseconds in the notice's id, which is drawn before the write, so it includes the \
         wait for the database and the commit, until the generator has read the whole event. The generator runs on the \
         same cores."
            .into(),
        format!(
            "Memory: VmRSS {} s after all had received their first event, less that before, divided by the clients. \
             The one process was started anew after the sign-ups; the fleet was not, so that memory which its sign-ups \
             have freed may be used again.",
            IDLE.as_secs()
        ),
        format!("Not defaults: `--set {}`.", SETTINGS.join(" --set ")),
        engines::CLUSTERED_METHOD.into(),
    ];
    let runs = json!({ "alone": alone, "fleet": fleet });
    Ok(Scenario { place: 19, title: "Live notices".into(), method, rows, runs })
}
