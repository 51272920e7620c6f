//! The bytes of one follow and of one entry of a feed on SQLite.
//!
//! Invariant: rows come in random order, as they do in a network that has grown, so that pages of indexes are as full
//! as they are there; what is counted are whole pages of the table and its indexes.

use std::collections::HashSet;

use base::Random;
use chrono::{TimeDelta, Utc};
use db::{Db, Sql as _};
use serde_json::{Value, json};

use super::text;
use crate::community::plan::{number, position};
use crate::community::rows;
use crate::report::{Row, Scenario};
use crate::server::Server;
use crate::{Bench, Error};

const GOAL_BYTES: f64 = 120.0;
const ACCOUNTS: usize = 100_000;
const ROWS: usize = 600_000;
/// Followers of a post whose fan-out writes their entries together.
const FOLLOWERS: usize = 200;
const SECONDS_PER_ROW: i64 = 60;

/// Returns the bytes of the pages of a table and its indexes, for each of its rows.
async fn bytes_per_row(db: &Db, table: &str) -> Result<f64, Error> {
    let text_of = async |query: &str| -> Result<f64, Error> {
        let row: Option<Value> = db.read().row(query, Vec::new()).await?;
        let row = row.ok_or("the sum has no row")?;
        Ok(text(&row["sum"], "sum")?.parse()?)
    };
    let bytes = text_of(&format!(
        "select cast(sum(pgsize) as text) as sum
           from dbstat
          where aggregate = true
            and name in (
                select name
                  from sqlite_master
                 where tbl_name = '{table}')"
    ))
    .await?;
    Ok(bytes / text_of(&format!("select cast(count(*) as text) as sum from {table}")).await?)
}

/// Returns different pairs of a follower and a followee in random order, with the seconds of their follows.
fn follows(random: &Random, now_s: i64) -> Vec<(i64, i64, i64)> {
    let mut pairs = HashSet::with_capacity(ROWS);
    let mut follows = Vec::with_capacity(ROWS);
    while follows.len() < ROWS {
        let [follower, followee] = [(); 2].map(|()| number(random.below(ACCOUNTS as u64) as usize));
        if follower != followee && pairs.insert((follower, followee)) {
            let before = SECONDS_PER_ROW * (ROWS - follows.len()) as i64;
            follows.push((follower, followee, now_s - before));
        }
    }
    follows
}

/// Returns entries as fan-out writes them: one post after the other, each to random followers.
fn entries(random: &Random) -> Vec<(i64, i64)> {
    let mut entries = Vec::with_capacity(ROWS);
    let now = Utc::now();
    for post in 0..ROWS / FOLLOWERS {
        let moment = now - TimeDelta::seconds(SECONDS_PER_ROW * (ROWS / FOLLOWERS - post) as i64);
        let position = position(moment, random.below(1 << 22) as i64);
        let mut owners = HashSet::with_capacity(FOLLOWERS);
        while owners.len() < FOLLOWERS {
            let owner = number(random.below(ACCOUNTS as u64) as usize);
            if owners.insert(owner) {
                entries.push((owner, position));
            }
        }
    }
    entries
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("social-storage");
    // It makes the schema.
    Server::start(bench, &data, &[]).await?.stop().await;
    let db = Db::sqlite(&data.join("social.db")).await?;
    let random = Random::seeded(12);
    rows::insert_follows(&db, follows(&random, Utc::now().timestamp()).into_iter()).await?;
    rows::insert_entries(&db, entries(&random).into_iter()).await?;
    let (follow, entry) = (bytes_per_row(&db, "follow").await?, bytes_per_row(&db, "feed_entry").await?);
    drop(db);
    std::fs::remove_dir_all(&data)?;
    let row = |what: &str, bytes: f64| Row {
        what: format!("one {what}, with its indexes"),
        goal: format!("≤ {GOAL_BYTES:.0} bytes"),
        measured: format!("{bytes:.1} bytes"),
        beside: String::new(),
        passes: bytes <= GOAL_BYTES,
    };
    let method = vec![
        format!(
            "Whole pages of SQLite (`dbstat`) of the table and all its indexes, divided by {ROWS} rows among \
             {ACCOUNTS} accounts with random numbers. Follows come in random order with ascending times; entries come \
             post by post, {FOLLOWERS} of random owners each."
        ),
        "The tables are those that the server has made; nothing was vacuumed.".into(),
    ];
    let runs = json!({ "follow_bytes": follow, "feed_entry_bytes": entry });
    let rows = vec![row("follow", follow), row("entry of a feed", entry)];
    Ok(Scenario { place: 17, title: "The storage of a community".into(), method, rows, runs })
}
