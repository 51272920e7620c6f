//! How fast events get from an outbox to their effects. It measures, and checks nothing: `cargo nextest run -p bus
//! --run-ignored only throughput --no-capture`.

use std::time::{Duration, Instant};

use base::tasks::Tasks;
use bus::{Consumer, RunsIn};
use bus_nats::NatsOptions;
use chrono::{DateTime, Utc};
use db::{Db, Error, FromQueryResult, Lane, Sql};
use testkit::engines::Nats;

use super::harness::{END, Harness, Sung, effects, options, record_events, unsent, until};

const NAME: &str = "test.count";
const EVENTS: u32 = 20_000;
/// Recorded one a millisecond.
const SONGS: u32 = 5000;

#[derive(FromQueryResult)]
struct Timings {
    created_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
}

/// Records up to 500 events in one transaction.
fn batches(db: &Db) -> Consumer {
    let db = db.clone();
    Consumer::batch(NAME, &["test.sung"], 500, move |deliveries| {
        let db = db.clone();
        async move {
            let work = db.write(Lane::ALL, async move |tx| {
                let ids: Vec<&str> = deliveries.iter().map(|delivery| delivery.event.id.as_str()).collect();
                tx.record_once_each(NAME, &ids, Utc::now()).await.map(drop)
            });
            Ok(work.await?)
        }
    })
}

/// Records one song every millisecond, each in its own transaction. Returns how long each took to its effect, in
/// microseconds, ascending.
async fn steadily(db: &Db, tasks: &Tasks) -> Vec<i64> {
    let began = Instant::now();
    for song in 0..SONGS {
        tokio::time::sleep_until((began + Duration::from_millis(u64::from(song))).into()).await;
        let db = db.clone();
        tasks.spawn(async move {
            let sung: Result<(), Error> =
                db.write(Lane::ALL, async move |tx| tx.publish(&Sung { song }, Utc::now())).await;
            sung.unwrap();
        });
    }
    until("all took effect", async || effects(db, NAME).await == i64::from(EVENTS + SONGS)).await;
    let text = "select outbox.created_at, inbox.seen_at from outbox join inbox on inbox.event_id = outbox.id order by \
        outbox.id desc limit $1";
    let rows: Vec<Timings> = db.read().rows(text, vec![i64::from(SONGS).into()]).await.unwrap();
    let mut times: Vec<i64> =
        rows.iter().map(|row| (row.seen_at - row.created_at).num_microseconds().unwrap()).collect();
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures, and proves nothing"]
async fn throughput() {
    for (words, replicas) in [("one server", 1), ("one server that syncs always", 1), ("three servers", 3)] {
        let servers = match (replicas, words) {
            (3, _) => Vec::from(Nats::cluster()),
            (_, "one server") => vec![Nats::start()],
            _ => vec![Nats::start_syncing("always")],
        };
        let harness =
            Harness::with(NatsOptions { servers: servers.iter().map(Nats::url).collect(), replicas, ..options("") })
                .await;
        let db = harness.db().await;
        record_events(&db, 0..EVENTS).await;
        let tasks = Tasks::default();
        until("the servers are up", async || {
            harness.bus.declare(&[harness.to(NAME)], RunsIn::Other).await.is_ok() && harness.bus.ping().await.is_ok()
        })
        .await;
        let began = Instant::now();
        harness.bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
        until("all are sent", async || unsent(&db).await == 0).await;
        let sent = began.elapsed();
        let began = Instant::now();
        harness.bus.run(vec![batches(&db)], &tasks).await.unwrap();
        until("all took effect", async || effects(&db, NAME).await == i64::from(EVENTS)).await;
        let taken = began.elapsed();
        until("all are acknowledged", async || harness.backlog(NAME).await == 0).await;
        let acknowledged = began.elapsed();
        let rate = |time: Duration| f64::from(EVENTS) / time.as_secs_f64();
        println!(
            "{words}: outbox → stream {:.0}/s, stream → effect {:.0}/s, acknowledged {:.0}/s",
            rate(sent),
            rate(taken),
            rate(acknowledged)
        );
        let times = steadily(&db, &tasks).await;
        println!(
            "at 1,000 events/s, recorded → effect: p50 {} µs, p99 {} µs, worst {} µs",
            times[2500], times[4950], times[4999]
        );
        assert!(tasks.stop(END).await);
    }
}
