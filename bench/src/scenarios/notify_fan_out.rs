//! A post to 100,000 followers: until the last of their notices is stored, beside multi-row inserts into the same
//! table.
//!
//! Invariant: a run fails unless every follower has the notice; the others' writes come at a steady rate, before,
//! during and after the post, and each is a 200.

use std::time::{Duration, Instant};

use base::Random;
use chrono::Utc;
use db::{Db, Sql as _};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::text;
use crate::community::pace::{Exchange, run};
use crate::engines::{self, Engines};
use crate::http::Connection;
use crate::installation::{Installation, Member};
use crate::notices::{self, SHARED_ROWS};
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

const STORED_GOAL_S: f64 = 5.0;
const RATIO_GOAL: f64 = 0.5;
const MEMORY_GOAL_MIB: f64 = 150.0;
const WAIT_GOAL_MS: f64 = 100.0;
/// The author, and followers who write at the same time.
const MEMBERS: usize = 1 + OTHERS;
const OTHERS: usize = 20;
/// The writes of each of these followers.
const WRITES_EACH: usize = 8;
const WRITES_PER_SECOND: f64 = 20.0;
/// When the post is written after the others have begun.
const POST_AFTER: Duration = Duration::from_secs(2);
/// The pause between two checks whether all is stored.
const POLL_PAUSE: Duration = Duration::from_millis(20);
const STORED_TIMEOUT: Duration = Duration::from_secs(120);
const JSON: &str = "application/json";
const PREFERENCES: &str = "/v1/notifications/preferences";

/// The results of one run.
#[derive(Debug, Clone, Copy, Serialize)]
struct Run {
    /// From sending the post until its last notice is stored.
    stored_after_s: f64,
    /// For as many rows in multi-row inserts, right afterwards.
    inserted_after_s: f64,
    /// The longest wait of another write.
    worst_other_ms: f64,
    /// Their 99th percentile.
    p99_other_ms: f64,
    /// The peak of the memory of the process that runs notify, since just before the post.
    peak_mib: f64,
}

/// Measures an installation and stops it.
async fn measure_in(installation: Installation, followers: usize, runs: usize) -> Result<Vec<Run>, Error> {
    let db = installation.database("notify").await?;
    let signed_up = installation.sign_up(0..MEMBERS).await?;
    let (author, others) = signed_up.split_first().ok_or("there is no author")?;
    let random = Random::seeded(13);
    let mut members: Vec<Uuid> = others.iter().map(|other| other.account).collect();
    members.extend((members.len()..followers).map(|_| random.uuid_v4()));
    // The order in which a fan-out walks them.
    members.sort_unstable();
    notices::insert_followers(&db, author.account, &members, Utc::now()).await?;
    installation.analyze(&db, &notices::TABLES).await?;
    let mut measured = Vec::with_capacity(runs);
    for round in 0..runs {
        installation.forget_peak("notify")?;
        let mut connections = Vec::with_capacity(others.len());
        for other in others {
            connections.push((installation.connect(other).await?, vec![set_preferences(); WRITES_EACH]));
        }
        let posted = stored_after(&installation, author, &db, followers);
        let (times, stored_after) = tokio::try_join!(run(connections, WRITES_PER_SECOND), posted)?;
        let peak_kib = installation.memory("notify")?.peak_kib;
        let began = Instant::now();
        notices::insert_shared(&db, author.account, &format!("bench:{round}"), &members, &random, Utc::now()).await?;
        measured.push(Run {
            stored_after_s: stored_after.as_secs_f64(),
            inserted_after_s: began.elapsed().as_secs_f64(),
            worst_other_ms: times.worst(),
            p99_other_ms: times.percentile(99),
            peak_mib: peak_kib as f64 / 1024.0,
        });
    }
    drop(db);
    installation.stop().await?;
    Ok(measured)
}

fn set_preferences() -> Exchange {
    let body = json!({ "quiet_hours": { "from": "22:00", "until": "07:30", "zone": "UTC" } });
    Exchange { method: "PUT", path: PREFERENCES.into(), body: body.to_string().into_bytes(), status: 200 }
}

const DONE: &str = "
    select cast(count(*) as text) as found
      from fan_out
     where post = $1
       and is_done = true";

const NOTICES: &str = "
    select cast(count(*) as text) as found
      from notice
     where subject = $1";

async fn count(db: &Db, query: &str, value: db::Value) -> Result<usize, Error> {
    let row: Option<Value> = db.read().row(query, vec![value]).await?;
    let row = row.ok_or("the count has no row")?;
    Ok(text(&row["found"], "count")?.parse()?)
}

/// Posts, and waits until the fan-out is over.
async fn stored_after(
    installation: &Installation,
    author: &Member,
    db: &Db,
    followers: usize,
) -> Result<Duration, Error> {
    let mut author: Connection = installation.connect(author).await?;
    tokio::time::sleep(POST_AFTER).await;
    let began = Instant::now();
    let body = json!({ "text": "On stage tonight!", "audience": "public" }).to_string();
    let created = author.send("POST", "/v1/posts", JSON, body.as_bytes()).await?.expect(201)?.json()?;
    let id = text(&created["id"], "id")?.to_owned();
    let post: Uuid = id.parse()?;
    while count(db, DONE, post.into()).await? == 0 {
        if began.elapsed() > STORED_TIMEOUT {
            return Err(format!("the notices are not stored after {} s", STORED_TIMEOUT.as_secs()).into());
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
    let took = began.elapsed();
    let stored = count(db, NOTICES, id.into()).await?;
    if stored != followers {
        return Err(format!("{stored} of {followers} followers have the notice").into());
    }
    Ok(took)
}

fn rows(place: &str, followers: usize, runs: &[Run]) -> [Row; 4] {
    let of = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let rate = |times: &[f64]| median(&times.iter().map(|seconds| followers as f64 / seconds).collect::<Vec<f64>>());
    let (stored, inserted) = (of(|run| run.stored_after_s), of(|run| run.inserted_after_s));
    let ratios: Vec<f64> = inserted.iter().zip(&stored).map(|(inserted, stored)| inserted / stored).collect();
    let (worst, peak) = (of(|run| run.worst_other_ms), of(|run| run.peak_mib));
    let highest = peak.iter().copied().fold(0.0, f64::max);
    let what = format!("{place}: a post to {followers} followers");
    [
        Row {
            what: format!("{what}, until all notices are stored"),
            goal: format!("≤ {STORED_GOAL_S:.0} s"),
            measured: format!("{} s", spread(&stored, 2)),
            beside: format!("{:.0} notices/s", rate(&stored)),
            passes: median(&stored) <= STORED_GOAL_S,
        },
        Row {
            what: format!("{what}, beside multi-row inserts of as many rows"),
            goal: format!("≥ {RATIO_GOAL} ×"),
            measured: format!("{} ×", spread(&ratios, 2)),
            beside: format!("{} s, {:.0} rows/s", spread(&inserted, 2), rate(&inserted)),
            passes: median(&ratios) >= RATIO_GOAL,
        },
        Row {
            what: format!("{what}: memory of the process of notify at its peak, worst run"),
            goal: format!("≤ {MEMORY_GOAL_MIB:.0} MiB"),
            measured: format!("{highest:.0} MiB"),
            beside: String::new(),
            passes: highest <= MEMORY_GOAL_MIB,
        },
        Row {
            what: format!("{what}: the longest wait of {WRITES_PER_SECOND:.0} other writes per second"),
            goal: format!("≤ {WAIT_GOAL_MS:.0} ms"),
            measured: format!("{} ms", spread(&worst, 0)),
            beside: format!("p99 of them {:.0} ms", median(&of(|run| run.p99_other_ms))),
            passes: median(&worst) <= WAIT_GOAL_MS,
        },
    ]
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (runs, followers) = (bench.runs(3), bench.accounts() - 1);
    let alone = Installation::alone(bench, "notify-fan-out", &[]).await?;
    let alone = measure_in(alone, followers, runs).await?;
    std::fs::remove_dir_all(bench.temp.join("notify-fan-out"))?;
    let fleet = Installation::fleet(bench, Engines::start().await?, &[]).await?;
    let fleet = measure_in(fleet, followers, runs).await?;
    let mut all = rows("one process, SQLite", followers, &alone).to_vec();
    all.extend(rows("fleet, PostgreSQL", followers, &fleet));
    let method = vec![
        format!(
            "A member posts through the public listener; their {followers} followers are rows in notify's own table, \
             {OTHERS} of them members who are signed in. From the first byte of the post until notify's row of the \
             fan-out says that it is done, read every {} ms; afterwards every follower had the notice. The event \
             passes from social's outbox over the bus. The first run also makes the followers' rows of counts, the \
             others change them. Median of {runs}.",
            POLL_PAUSE.as_millis()
        ),
        format!(
            "\"Multi-row inserts\": right after each run, as many rows into the same table, for the same members in \
             the same order, {SHARED_ROWS} in a statement and a transaction, each synced, without counts, events, \
             preferences, blocks or lanes. The ratio is of a run and its own inserts."
        ),
        format!(
            "Other writes: {OTHERS} of the followers send `PUT {PREFERENCES}`, together {WRITES_PER_SECOND:.0} a \
             second, from two seconds before the post on for {:.0} s; a wait counts from when a write was due to its \
             200. Memory is VmHWM, begun anew just before each run; on SQLite it is that of all roles.",
            OTHERS as f64 * WRITES_EACH as f64 / WRITES_PER_SECOND
        ),
        "One process: SQLite with `synchronous=FULL`. Fleet: a process for each role; the generator runs on the same \
         cores. All settings at their defaults."
            .into(),
        engines::METHOD.into(),
    ];
    let runs = json!({ "alone": alone, "fleet": fleet });
    Ok(Scenario { place: 18, title: "A post to many followers".into(), method, rows: all, runs })
}
