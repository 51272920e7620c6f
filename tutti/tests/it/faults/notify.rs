//! Notices on a fleet: a post whose fan-out to a hundred thousand followers is killed again and again.
//!
//! Invariant: only processes of notify are killed, each while it tells followers, and every one is started again.

use std::time::{Duration, Instant};

use db::{Db, Lane, PostgresOptions, Sql as _};
use testkit::fleet::{Databases, Topology};

use super::harness::Harness;
use super::social::{assert_no_drift, sign_up, write_post};

const FOLLOWERS: usize = 100_000;
/// How often a process is killed during a fan-out.
const KILLS: usize = 32;
/// After this time a fan-out of which nothing is seen has failed.
const STALLED: Duration = Duration::from_secs(120);

const FOLLOW: &str = "
    insert into relation (member, other, kind, is_on, until_us, at_us)
    select gen_random_uuid(), cast($1 as uuid), 'follow', true, null, 0
      from generate_series(1, $2)";

/// Gives an author followers, as their events would.
async fn insert_followers(harness: &Harness, author: String) {
    let options = PostgresOptions {
        url: harness.postgres.url(),
        schema: format!("{}_notify", harness.fleet.name),
        readers: 1,
        writers: 1,
        statement_timeout: Duration::from_secs(60),
    };
    let db = Db::postgres(&options).await.unwrap();
    let count = i64::try_from(FOLLOWERS).unwrap();
    db.write(Lane::NONE, async move |tx| tx.execute(FOLLOW, vec![author.into(), count.into()]).await).await.unwrap();
}

/// Returns how many notices of a post there are.
async fn told(rows: &Databases, post: &str) -> usize {
    let query = format!("select cast(count(*) as text) as line from notice where subject = '{post}'");
    rows.query_lines("notify", &query).await[0].parse().unwrap()
}

/// Waits until more than `before` followers were told, and returns how many.
async fn progress(rows: &Databases, post: &str, before: usize) -> usize {
    let began = Instant::now();
    loop {
        let told = told(rows, post).await;
        if told > before {
            return told;
        }
        assert!(began.elapsed() < STALLED, "the fan-out of {post} stays at {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn a_killed_fan_out_tells_every_one_of_a_hundred_thousand_followers_once() {
    let mut harness = Harness::start(&Topology::one_of_each().with("notify", 2));
    let author = sign_up(&harness, 1).await.remove(0);
    let account = author.get("/v1/me").await.json()["id"].as_str().unwrap().to_owned();
    insert_followers(&harness, account).await;
    let rows = Databases::of(&harness.fleet, &harness.postgres.url());
    let (mut posts, mut kills) = (Vec::new(), 0);
    while kills < KILLS {
        let post = write_post(&author, &format!("post-{}", posts.len())).await;
        let mut told = 0;
        while told < FOLLOWERS {
            told = progress(&rows, &post, told).await;
            if kills == KILLS || told == FOLLOWERS {
                continue;
            }
            // Which of the two tells is not known, so both go.
            tokio::task::block_in_place(|| {
                for process in harness.fleet.processes.iter_mut().filter(|process| process.role == "notify") {
                    process.program.kill();
                    process.program.restart();
                }
            });
            kills += 1;
        }
        assert_eq!(told, FOLLOWERS, "{post}");
        posts.push(post);
    }
    println!("{} posts were told to {FOLLOWERS} followers under {kills} kills", posts.len());
    let doubled = "
        select cast(member as text) as line
          from notice
         where actor is not null
         group by member, subject
        having count(*) > 1
         limit 10";
    assert_eq!(rows.query_lines("notify", doubled).await, Vec::<String>::new());
    assert_no_drift(&harness, "notify").await;
}
