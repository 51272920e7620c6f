//! The list of notices and its counts, with 100,000 and with 10 million notices in the table.
//!
//! Invariant: the same members read before and after the table has grown, and every page is whole.

use std::time::Duration;

use base::Random;
use chrono::Utc;
use db::Db;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::social::Pages;
use crate::community::pace::{Exchange, run};
use crate::engines::{self, Engines};
use crate::installation::{Installation, Member};
use crate::notices::{self, Authors, NOTICES_PER_MEMBER};
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

const GOAL_MS: f64 = 5.0;
const GROWTH_GOAL: f64 = 1.2;
/// Notices in the small table, and in the large one.
const SMALL: usize = 100_000;
const LARGE: usize = 10_000_000;
const QUICK_LARGE: usize = 1_000_000;
const AUTHORS: usize = 100;
const READERS: usize = 400;
const PAGES_EACH: usize = 3;
const PER_SECOND: f64 = 200.0;
const PATH: &str = "/v1/notifications";
/// The page of a list.
const PAGE: usize = 50;

/// The results of one installation.
#[derive(Debug, Serialize)]
struct Measured {
    small: Vec<Pages>,
    large: Vec<Pages>,
    /// How long it took to write the rows.
    written_after: Duration,
}

/// Measures an installation and stops it.
async fn measure_in(installation: Installation, large: usize, runs: usize) -> Result<Measured, Error> {
    let (db, random) = (installation.database("notify").await?, Random::seeded(13));
    let authors = Authors::insert(&db, AUTHORS, &random).await?;
    let mut readers = installation.sign_up(0..READERS).await?;
    let mut members: Vec<Uuid> = readers.iter().map(|reader| reader.account).collect();
    members.extend((READERS..SMALL / NOTICES_PER_MEMBER).map(|_| random.uuid_v4()));
    fill(&installation, &db, members, &authors, &random).await?;
    let few = pages(&installation, &readers, runs).await?;
    let began = Instant::now();
    let more: Vec<Uuid> = (SMALL / NOTICES_PER_MEMBER..large / NOTICES_PER_MEMBER).map(|_| random.uuid_v4()).collect();
    fill(&installation, &db, more, &authors, &random).await?;
    let written_after = began.elapsed();
    drop(db);
    installation.sign_in(&mut readers).await?;
    let many = pages(&installation, &readers, runs).await?;
    installation.stop().await?;
    Ok(Measured { small: few, large: many, written_after })
}

/// Writes the notices of members, in the order of their ids.
async fn fill(
    installation: &Installation,
    db: &Db,
    mut members: Vec<Uuid>,
    authors: &Authors,
    random: &Random,
) -> Result<(), Error> {
    members.sort_unstable();
    notices::insert_histories(db, &members, authors, random, Utc::now()).await?;
    installation.analyze(db, &notices::TABLES).await
}

/// Lets the readers read, once to warm up and check, and then run by run.
async fn pages(installation: &Installation, readers: &[Member], runs: usize) -> Result<Vec<Pages>, Error> {
    for reader in readers {
        check(installation, reader).await?;
    }
    let mut measured = Vec::with_capacity(runs);
    for _ in 0..runs {
        let mut connections = Vec::with_capacity(readers.len());
        for reader in readers {
            connections.push((installation.connect(reader).await?, vec![Exchange::get(PATH); PAGES_EACH]));
        }
        measured.push(Pages::from(run(connections, PER_SECOND).await?));
    }
    Ok(measured)
}

/// Returns an error unless a reader's page and its counts are right.
async fn check(installation: &Installation, reader: &Member) -> Result<(), Error> {
    let page = installation.connect(reader).await?.get(PATH).await?.expect(200)?.json()?;
    let items = page["items"].as_array().map_or(0, Vec::len);
    let counts = (page["unseen"].as_u64(), page["unread"].as_u64());
    let all = Some(NOTICES_PER_MEMBER as u64);
    if items != PAGE || counts != (all, all) {
        return Err(format!("the list of member {} has {items} notices and counts {counts:?}", reader.number).into());
    }
    Ok(())
}

fn rows(place: &str, large: usize, measured: &Measured) -> [Row; 2] {
    let of = |runs: &[Pages], value: fn(&Pages) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let (few, many) = (of(&measured.small, |pages| pages.p99_ms), of(&measured.large, |pages| pages.p99_ms));
    let growth = median(&many) / median(&few);
    let p50 = |runs: &[Pages]| median(&of(runs, |pages| pages.p50_ms));
    [
        Row {
            what: format!("{place}: list and counts with {large} notices at {PER_SECOND:.0}/s, p99"),
            goal: format!("≤ {GOAL_MS:.0} ms"),
            measured: format!(
                "{} ms (p50 {:.1}, worst {:.0})",
                spread(&many, 1),
                p50(&measured.large),
                median(&of(&measured.large, |pages| pages.worst_ms))
            ),
            beside: String::new(),
            passes: median(&many) <= GOAL_MS,
        },
        Row {
            what: format!("{place}: list and counts, growth from {SMALL} to {large} notices, p99"),
            goal: format!("≤ {GROWTH_GOAL} ×"),
            measured: format!("{growth:.2} × (p50 {:.2} ×)", p50(&measured.large) / p50(&measured.small)),
            beside: format!("{} ms with {SMALL}", spread(&few, 1)),
            passes: growth <= GROWTH_GOAL,
        },
    ]
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (runs, large) = (bench.runs(3), if bench.is_quick() { QUICK_LARGE } else { LARGE });
    let alone = Installation::alone(bench, "notify-lists", &[]).await?;
    let alone = measure_in(alone, large, runs).await?;
    std::fs::remove_dir_all(bench.temp.join("notify-lists"))?;
    let fleet = Installation::fleet(bench, Engines::start().await?, &[]).await?;
    let fleet = measure_in(fleet, large, runs).await?;
    let mut all = rows("one process, SQLite", large, &alone).to_vec();
    all.extend(rows("fleet, PostgreSQL", large, &fleet));
    let method = vec![
        format!(
            "Each member has {NOTICES_PER_MEMBER} unread notices of 90 days, of {AUTHORS} authors, in notify's own \
             tables, with all their indexes; the rows from {SMALL} to {large} were written in {:.0} s on SQLite and \
             {:.0} s on PostgreSQL, member by member.",
            alone.written_after.as_secs_f64(),
            fleet.written_after.as_secs_f64()
        ),
        format!(
            "{READERS} members, each with a connection and a session, read `GET {PATH}` ({PAGE} notices with their \
             sentences, `unseen` and `unread`) {PAGES_EACH} times with {PER_SECOND:.0} requests a second in all, \
             evenly, whatever became of the earlier ones; a time counts from when its request was due. Each has read \
             once before. The same members read the small and the large table; median of {runs}."
        ),
        "One process: all roles, SQLite. Fleet: a process for each role, so each page passes from the gateway to \
         notify; the generator runs on the same cores. All settings at their defaults."
            .into(),
        engines::METHOD.into(),
    ];
    let runs = json!({ "alone": alone, "fleet": fleet });
    Ok(Scenario { place: 20, title: "Lists of notices".into(), method, rows: all, runs })
}
