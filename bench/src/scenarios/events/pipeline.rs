//! One run: a publisher's outbox, the relay, JetStream, and a consumer with its effects.
//!
//! Owns the numbers of events and the two services' databases. Invariant: a run fails unless every event had exactly
//! one effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::Clock;
use base::Event;
use base::tasks::Tasks;
use bus::{Bus, Consumer, RunsIn};
use bus_nats::NatsOptions;
use chrono::Utc;
use db::{Db, Lane, Migration, PostgresOptions, Sql as _, Value, placeholders};
use serde::{Deserialize, Serialize};
use testkit::engines::{Nats, Postgres};

use super::Servers;
use super::timeline::Timeline;
use crate::Error;

/// Events of a run whose rate counts.
pub(super) const EVENTS: usize = 40_000;
/// Events per transaction of the writers, the number of writers, and the maximum number of events per transaction of
/// the consumer.
pub(super) const WRITE_BATCH: usize = 100;
pub(super) const WRITERS: usize = 4;
pub(super) const CONSUMER_BATCH: usize = 500;
/// Events at a steady rate, each in its own transaction.
pub(super) const STEADY_PER_SECOND: usize = 1000;
pub(super) const STEADY: Duration = Duration::from_secs(20);
/// The pause between the rates and the steady part.
const PAUSE: Duration = Duration::from_secs(3);

const NAME: &str = "bench.effect";
const EFFECTS: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table effect (event_id text primary key, number bigint not null, at timestamptz not null)",
}];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BenchEvent {
    number: usize,
}

impl Event for BenchEvent {
    const SUBJECT: &'static str = "bench.noted";
}

/// The results of one run.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// Events per second into an outbox without a relay.
    pub(super) recorded: f64,
    /// Of those, events per second from the relay's start to the last effect.
    pub(super) drained: f64,
    /// Events per second from the first commit to the last effect while everything runs.
    pub(super) live: f64,
    /// At the steady rate, from commit to effect.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) worst_ms: f64,
    /// The same, from commit to the consumer's handler: the outbox, the relay and JetStream.
    pub(super) received_p50_ms: f64,
    pub(super) received_p99_ms: f64,
}

/// Runs both services on these servers: full outbox, everything at once, steady rate.
pub(super) async fn run_once(postgres: &Postgres, servers: &[Nats], kind: Servers, name: &str) -> Result<Run, Error> {
    let replicas = servers.len();
    let bus = bus_nats::open(
        &NatsOptions {
            servers: servers.iter().map(Nats::url).collect(),
            prefix: "bench".into(),
            replicas,
            ..NatsOptions::default()
        },
        Clock::system(),
    )
    .await?;
    let publisher = open(postgres, &format!("{name}_publisher"), &[]).await?;
    let consumer = open(postgres, &format!("{name}_consumer"), EFFECTS).await?;
    let steady = STEADY_PER_SECOND * STEADY.as_secs() as usize;
    let timeline = Timeline::new(2 * EVENTS + steady);
    let effects = effects(&consumer, &timeline);
    declare(&bus, &effects).await.map_err(|error| format!("NATS ({kind:?}): {error}"))?;
    let tasks = Tasks::default();

    let began = Instant::now();
    record(&publisher, 0).await?;
    let recorded = began.elapsed();
    let began = Instant::now();
    bus.relay("bench", publisher.clone(), Clock::system(), &tasks);
    bus.start(vec![effects], &tasks);
    timeline.wait_for_effects(EVENTS).await?;
    let drained = began.elapsed();

    let began = Instant::now();
    record(&publisher, EVENTS).await?;
    timeline.wait_for_effects(2 * EVENTS).await?;
    let live = began.elapsed();

    // Acknowledgements and syncs left over from the rates must not delay the steady rate.
    tokio::time::sleep(PAUSE).await;
    let committed = record_steadily(&publisher, &timeline, 2 * EVENTS, steady).await?;
    timeline.wait_for_effects(timeline.effects.len()).await?;
    let since = |then: &[AtomicU64]| {
        let mut effect_times: Vec<f64> = committed
            .iter()
            .zip(&then[2 * EVENTS..])
            .map(|(committed, then)| then.load(Ordering::Relaxed).saturating_sub(*committed) as f64 / 1000.0)
            .collect();
        effect_times.sort_by(f64::total_cmp);
        effect_times
    };
    let (receive_times, effect_times) = (since(&timeline.received), since(&timeline.effects));
    tasks.stop(Duration::from_secs(30)).await;
    let counted = delete_effects(&consumer).await?;
    if counted != timeline.effects.len() {
        return Err(format!("{counted} effects of {} events", timeline.effects.len()).into());
    }
    let rate = |time: Duration| EVENTS as f64 / time.as_secs_f64();
    Ok(Run {
        recorded: rate(recorded),
        drained: rate(drained),
        live: rate(live),
        p50_ms: at(&effect_times, 50),
        p99_ms: at(&effect_times, 99),
        worst_ms: effect_times.last().copied().unwrap_or_default(),
        received_p50_ms: at(&receive_times, 50),
        received_p99_ms: at(&receive_times, 99),
    })
}

/// Returns the value below which `share` percent of the values are; they must be in ascending order.
fn at(ascending: &[f64], share: usize) -> f64 {
    ascending.get(ascending.len() * share / 100).copied().unwrap_or_default()
}

/// Opens a service's database and migrates it.
async fn open(postgres: &Postgres, schema: &str, migrations: &'static [Migration]) -> Result<Db, Error> {
    let options = PostgresOptions {
        url: postgres.url(),
        schema: schema.to_owned(),
        readers: 4,
        writers: 4,
        statement_timeout: Duration::from_secs(30),
    };
    let db = Db::postgres(&options).await?;
    db.migrate("bench", migrations).await?;
    Ok(db)
}

/// Declares the consumer as soon as the servers allow it: a cluster needs time to elect a leader.
async fn declare(bus: &Bus, consumer: &Consumer) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        match bus.declare(&[consumer.subscription().clone()], RunsIn::ThisProcess).await {
            Ok(()) if bus.ping().await.is_ok() => return Ok(()),
            Err(error) if began.elapsed() > Duration::from_secs(30) => return Err(error.into()),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Returns a consumer whose effect is a row.
fn effects(db: &Db, timeline: &Arc<Timeline>) -> Consumer {
    let (db, timeline) = (db.clone(), timeline.clone());
    Consumer::batch(NAME, &[BenchEvent::SUBJECT], CONSUMER_BATCH, move |deliveries| {
        let (db, timeline) = (db.clone(), timeline.clone());
        async move {
            let mut events = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                let event: BenchEvent = serde_json::from_str(&delivery.event.payload)
                    .map_err(|error| bus::HandlerError::DeadLetter(error.to_string()))?;
                timeline.record_received(event.number);
                events.push((delivery.event.id, event));
            }
            let numbers = db.write(Lane::NONE, async move |tx| apply(tx, events).await).await?;
            timeline.record_effects(&numbers);
            Ok::<(), bus::HandlerError>(())
        }
    })
}

/// Records the events and their effects. Returns the numbers of the new ones.
async fn apply(tx: &db::Tx, events: Vec<(String, BenchEvent)>) -> Result<Vec<usize>, db::Error> {
    let now = Utc::now();
    let ids: Vec<&str> = events.iter().map(|(id, _)| id.as_str()).collect();
    let first = tx.record_once_each(NAME, &ids, now).await?;
    let (mut values, mut numbers) = (Vec::<Value>::new(), Vec::new());
    for (id, event) in events.into_iter().filter(|(id, _)| first.contains(id)) {
        values.extend([id.into(), (event.number as i64).into(), now.into()]);
        numbers.push(event.number);
    }
    if !numbers.is_empty() {
        tx.execute(
            &format!("insert into effect (event_id, number, at) values {}", placeholders(numbers.len(), 3)),
            values,
        )
        .await?;
    }
    Ok(numbers)
}

/// Records the events from number `from` on, with several writers at once.
async fn record(db: &Db, from: usize) -> Result<(), Error> {
    let each = EVENTS / WRITERS;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (db, first) = (db.clone(), from + writer * each);
            tokio::spawn(async move {
                for start in (first..first + each).step_by(WRITE_BATCH) {
                    let numbers = start..(start + WRITE_BATCH).min(first + each);
                    publish(&db, numbers).await?;
                }
                Ok::<(), db::Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

async fn publish(db: &Db, numbers: std::ops::Range<usize>) -> Result<(), db::Error> {
    db.write(Lane::NONE, async move |tx| {
        for number in numbers {
            tx.publish(&BenchEvent { number }, Utc::now())?;
        }
        Ok(())
    })
    .await
}

/// Records events at the steady rate, whether or not earlier ones are done. Returns when each was committed.
async fn record_steadily(db: &Db, timeline: &Arc<Timeline>, from: usize, events: usize) -> Result<Vec<u64>, Error> {
    let began = tokio::time::Instant::now();
    let mut writing = Vec::with_capacity(events);
    for number in 0..events {
        tokio::time::sleep_until(began + Duration::from_secs(1).mul_f64(number as f64 / STEADY_PER_SECOND as f64))
            .await;
        let (db, timeline) = (db.clone(), timeline.clone());
        writing.push(tokio::spawn(async move {
            publish(&db, from + number..from + number + 1).await.map(|()| timeline.now())
        }));
    }
    let mut committed = Vec::with_capacity(events);
    for writer in writing {
        committed.push(writer.await??);
    }
    Ok(committed)
}

/// Deletes the effects. Returns how many there were.
async fn delete_effects(db: &Db) -> Result<usize, db::Error> {
    db.write(Lane::ALL, async |tx| Ok(tx.execute("delete from effect", vec![]).await? as usize)).await
}
