//! Writes per second on PostgreSQL: each in a lane of its own, beside all of them in one.
//!
//! No listener serves it, so the `Db` port itself is measured, as a role uses it. "Processes" are `Db`s in this
//! process: to PostgreSQL each has its own connections and its own queue. Invariant: a run fails unless every write
//! that was acknowledged is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use db::{Db, Lane, Migration, PostgresOptions, Sql as _};
use serde::Serialize;
use serde_json::json;
use testkit::engines::{NetworkFault, Postgres, Proxy};

use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, engines, machine};

/// The time that each direction takes longer: 2 ms for a round trip, as between two zones of a data centre.
const DELAY: Duration = Duration::from_millis(1);
/// Callers that write one row after the other, in each process.
const CALLERS: usize = 64;
const WINDOW: Duration = Duration::from_secs(6);
const WARM_UP: Duration = Duration::from_secs(2);
const FOUR_GOAL: f64 = 4.0;
const ONE_GOAL: f64 = 2.0;

const NOTES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table note (id uuid primary key, owner text not null, at timestamptz not null)",
}];

/// Which lane each write takes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lanes {
    /// One for all: the lock that all writes of a service shared before there were lanes.
    One,
    /// One of 10,000 owners, at random.
    Random,
}

/// The results of one run.
#[derive(Debug, Clone, Copy, Serialize)]
struct Run {
    writes_per_second: f64,
    p99_ms: f64,
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let postgres = engines::blocking(engines::postgres).await?;
    let port = postgres.port();
    let proxy = engines::blocking(move || Proxy::before(port)).await?;
    proxy.set(NetworkFault::Delay(DELAY));
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    for (processes, goal) in [(4, FOUR_GOAL), (1, ONE_GOAL)] {
        let (mut one, mut random) = (Vec::new(), Vec::new());
        for round in 0..bench.runs(3) {
            let schema = format!("lanes_{processes}_{round}");
            one.push(run_once(&postgres, &proxy, &format!("{schema}_one"), processes, Lanes::One).await?);
            random.push(run_once(&postgres, &proxy, &format!("{schema}_random"), processes, Lanes::Random).await?);
        }
        let rates = |runs: &[Run]| runs.iter().map(|run| run.writes_per_second).collect::<Vec<f64>>();
        let p99 = |runs: &[Run]| median(&runs.iter().map(|run| run.p99_ms).collect::<Vec<f64>>());
        let ratios: Vec<f64> = rates(&random).iter().zip(rates(&one)).map(|(random, one)| random / one).collect();
        let name = if processes == 1 { "one process" } else { "four processes" };
        rows.push(Row {
            what: format!("{name}: writes per second on random lanes beside one lane for all"),
            goal: format!("≥ {goal:.0} ×"),
            measured: format!(
                "{} × ({}/s, p99 {:.0} ms)",
                spread(&ratios, 1),
                spread(&rates(&random), 0),
                p99(&random)
            ),
            beside: format!("{}/s, p99 {:.0} ms", spread(&rates(&one), 0), p99(&one)),
            passes: median(&ratios) >= goal,
        });
        all.insert(name.replace(' ', "_"), json!({ "one_lane": one, "random_lanes": random }));
    }
    engines::blocking(move || drop((proxy, postgres))).await?;
    let method = vec![
        format!(
            "PostgreSQL with `fsync=on` behind a proxy that adds {} ms in each direction. Each process is a `Db` with \
             four writing connections and {CALLERS} callers that insert one row after the other, for {} s after {} s; \
             each run has an empty schema. Runs alternate; ratios are of adjacent runs.",
            DELAY.as_millis(),
            WINDOW.as_secs(),
            WARM_UP.as_secs()
        ),
        format!(
            "\"One lane for all\" is `Lane::ALL`, which is how all writes of a service ran before. Writing 4 KiB and \
             `fdatasync` takes {:.2} ms on this disk; processes, proxy and server share its two cores.",
            machine::fdatasync_time().as_secs_f64() * 1000.0
        ),
    ];
    Ok(Scenario { place: 11, title: "Writes in lanes".into(), method, rows, runs: all.into() })
}

async fn run_once(
    postgres: &Postgres,
    proxy: &Proxy,
    schema: &str,
    processes: usize,
    lanes: Lanes,
) -> Result<Run, Error> {
    let options = PostgresOptions {
        url: postgres.url_through(proxy.port()),
        schema: schema.to_owned(),
        readers: 2,
        writers: 4,
        statement_timeout: Duration::from_secs(30),
    };
    let counters = Arc::new(Counters::default());
    let mut callers = tokio::task::JoinSet::new();
    let mut reader = None;
    for process in 0..processes {
        let db = Db::postgres(&options).await?;
        db.migrate("bench", NOTES).await?;
        for caller in 0..CALLERS {
            let seed = (process * CALLERS + caller) as u64;
            callers.spawn(call(db.clone(), lanes, seed, counters.clone()));
        }
        reader = Some(db);
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), counters.written.load(Ordering::Relaxed));
    counters.measures.store(true, Ordering::Relaxed);
    tokio::time::sleep(WINDOW).await;
    let written = counters.written.load(Ordering::Relaxed) - before;
    let rate = written as f64 / began.elapsed().as_secs_f64();
    counters.stops.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    while let Some(ended) = callers.join_next().await {
        times.extend(ended??);
    }
    times.sort_unstable_by(f64::total_cmp);
    let acknowledged = counters.written.load(Ordering::Relaxed);
    let there = count(&reader.ok_or("there is no process")?).await?;
    if there != acknowledged {
        return Err(format!("{acknowledged} writes were acknowledged and {there} rows are there").into());
    }
    let p99_ms = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Run { writes_per_second: rate, p99_ms })
}

/// What the callers of a run share.
#[derive(Default)]
struct Counters {
    written: AtomicU64,
    measures: AtomicBool,
    stops: AtomicBool,
}

/// Inserts rows until the run ends. Returns the times of those within the window, in milliseconds.
async fn call(db: Db, lanes: Lanes, seed: u64, counters: Arc<Counters>) -> Result<Vec<f64>, db::Error> {
    let random = base::Random::seeded(seed);
    let mut times = Vec::new();
    while !counters.stops.load(Ordering::Relaxed) {
        let owner = format!("owner {}", random.below(10_000));
        let lane = if lanes == Lanes::One { Lane::ALL } else { Lane::of(&owner) };
        let began = Instant::now();
        let written: Result<u64, db::Error> = db
            .write(lane, async move |tx| {
                let values = vec![base::Random::system().uuid_v4().into(), owner.into(), Utc::now().into()];
                tx.execute("insert into note (id, owner, at) values ($1, $2, $3)", values).await
            })
            .await;
        written?;
        counters.written.fetch_add(1, Ordering::Relaxed);
        if counters.measures.load(Ordering::Relaxed) {
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}

/// Removes the rows and returns how many there were.
async fn count(db: &Db) -> Result<u64, Error> {
    let removed: Result<u64, db::Error> =
        db.write(Lane::ALL, async |tx| tx.execute("delete from note", vec![]).await).await;
    Ok(removed?)
}
