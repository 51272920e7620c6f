//! From a publisher's outbox through JetStream to the effect in a consumer's database.
//!
//! No listener serves it, so `kit` itself is measured, as the roles use it: two services with a schema each in one
//! PostgreSQL, the relay, and a consumer that records each event and its effect in one transaction. Invariant: an event
//! counts once its effect is committed, and in the end every event has exactly one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use kit::Clock;
use kit::bus::{self, Bus, Consumer, Event, NatsOptions, RunsIn};
use kit::db::{self, Db, Migration, PostgresOptions, Sql as _, Value, placeholders};
use kit::tasks::Tasks;
use serde::{Deserialize, Serialize};
use serde_json::json;
use testkit::engines::{Nats, Postgres};

use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, engines, machine};

const RATE_GOAL: f64 = 10_000.0;
const P99_GOAL_MS: f64 = 50.0;
/// Events of a run whose rate counts.
const EVENTS: usize = 40_000;
/// Events per transaction of the writers, the number of writers, and the maximum number of events per transaction of
/// the consumer.
const WRITE_BATCH: usize = 100;
const WRITERS: usize = 4;
const CONSUMER_BATCH: usize = 500;
/// Events at a steady rate, each in its own transaction.
const STEADY_PER_SECOND: usize = 1000;
const STEADY: Duration = Duration::from_secs(20);
/// The pause between the rates and the steady part.
const PAUSE: Duration = Duration::from_secs(3);
const EFFECTS_TIMEOUT: Duration = Duration::from_mins(2);

const NAME: &str = "bench.effect";
const EFFECTS: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table effect (event_id text primary key, number bigint not null, at timestamptz not null)",
}];

#[derive(Debug, Serialize, Deserialize)]
struct BenchEvent {
    number: usize,
}

impl Event for BenchEvent {
    const SUBJECT: &'static str = "bench.noted";
}

/// How the bus's servers run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Servers {
    /// Three servers, each event on all of them: the guide's advice for production.
    Three,
    /// One server that syncs before it acknowledges: the guide's advice for a single server.
    Always,
    /// One server with its defaults: a power cut loses its last two minutes, so it is not for production.
    Usual,
}

/// The results of one run.
#[derive(Debug, Serialize)]
struct Run {
    /// Events per second into an outbox without a relay.
    recorded: f64,
    /// Of those, events per second from the relay's start to the last effect.
    drained: f64,
    /// Events per second from the first commit to the last effect while everything runs.
    live: f64,
    /// At the steady rate, from commit to effect.
    p50_ms: f64,
    p99_ms: f64,
    worst_ms: f64,
    /// The same, from commit to the consumer's handler: the outbox, the relay and JetStream.
    received_p50_ms: f64,
    received_p99_ms: f64,
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let postgres = engines::blocking(engines::postgres).await?;
    let kinds = [Servers::Three, Servers::Always, Servers::Usual];
    let mut runs: [Vec<Run>; 3] = Default::default();
    for round in 0..bench.runs(1) {
        for (runs, kind) in runs.iter_mut().zip(kinds) {
            let servers = engines::blocking(move || kind.start()).await?;
            runs.push(run_once(&postgres, &servers, kind, &format!("{kind:?}_{round}").to_lowercase()).await?);
            engines::blocking(move || drop(servers)).await?;
        }
    }
    engines::blocking(move || drop(postgres)).await?;
    let of = |kind: usize, what: fn(&Run) -> f64| runs[kind].iter().map(what).collect::<Vec<f64>>();
    let mut rows = Vec::new();
    for (kind, words) in [(0, "three servers, three copies"), (1, "one server, `sync_interval: always`")] {
        let live = of(kind, |run| run.live);
        rows.push(Row {
            what: format!("{words}: from the first commit to the last effect"),
            goal: format!("≥ {RATE_GOAL:.0} events/s"),
            measured: format!("{}/s", spread(&live, 0)),
            beside: format!(
                "default sync {:.0}/s; outbox alone {:.0}/s",
                median(&of(2, |run| run.live)),
                median(&of(kind, |run| run.recorded))
            ),
            passes: median(&live) >= RATE_GOAL,
        });
        let drained = of(kind, |run| run.drained);
        rows.push(Row {
            what: format!("{words}: a full outbox, from the relay's start to the last effect"),
            goal: format!("≥ {RATE_GOAL:.0} events/s"),
            measured: format!("{}/s", spread(&drained, 0)),
            beside: format!("default sync {:.0}/s", median(&of(2, |run| run.drained))),
            passes: median(&drained) >= RATE_GOAL,
        });
        let p99 = of(kind, |run| run.p99_ms);
        rows.push(Row {
            what: format!("{words}: p99 from commit to effect at {STEADY_PER_SECOND}/s"),
            goal: format!("≤ {P99_GOAL_MS:.0} ms"),
            measured: format!(
                "{} ms (p50 {:.1}, worst {:.0}; of them until the consumer has it p50 {:.1}, p99 {:.1})",
                spread(&p99, 1),
                median(&of(kind, |run| run.p50_ms)),
                median(&of(kind, |run| run.worst_ms)),
                median(&of(kind, |run| run.received_p50_ms)),
                median(&of(kind, |run| run.received_p99_ms))
            ),
            beside: format!(
                "default sync {:.1} ms (p50 {:.1})",
                median(&of(2, |run| run.p99_ms)),
                median(&of(2, |run| run.p50_ms))
            ),
            passes: median(&p99) <= P99_GOAL_MS,
        });
    }
    let method = vec![
        format!(
            "Two services with a schema each in one PostgreSQL (`fsync=on`): {WRITERS} writers record {EVENTS} events, {WRITE_BATCH} in a transaction, into the one's outbox; its relay sends them; the other's consumer commits inbox and effect for up to {CONSUMER_BATCH} at a time. Publisher, relay and consumer are in the benchmark's process, the engines beside it."
        ),
        format!(
            "\"Outbox alone\": the same events recorded without a relay, which is the upper bound. At {STEADY_PER_SECOND}/s for {} s each event has a transaction of its own; from the moment at which its writer knows of the commit to the moment at which its consumer knows of the effect's.",
            STEADY.as_secs()
        ),
        "The goals are for the two ways to run NATS that lose nothing acknowledged (decision 14). \"Default sync\" is one server that syncs every two minutes, for comparison only. All three servers of the first share these cores and this disk.".into(),
        format!("Afterwards every event had one effect. Writing 4 KiB and `fdatasync` takes {:.2} ms on this disk.", machine::fdatasync_time().as_secs_f64() * 1000.0),
    ];
    let all = json!({ "three": runs[0], "always": runs[1], "default": runs[2] });
    Ok(Scenario { place: 8, title: "From outbox to effect".into(), method, rows, runs: all })
}

impl Servers {
    fn start(self) -> Vec<Nats> {
        match self {
            Self::Three => Nats::cluster().into(),
            Self::Always => vec![Nats::start_syncing("always")],
            Self::Usual => vec![Nats::start()],
        }
    }
}

/// When each event reached the consumer and when its effect was committed, in microseconds from the beginning; 0 if not
/// yet.
struct Timeline {
    began: Instant,
    received: Vec<AtomicU64>,
    effects: Vec<AtomicU64>,
    effect_count: AtomicUsize,
}

impl Timeline {
    fn new(events: usize) -> Arc<Self> {
        let none = || (0..events).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { began: Instant::now(), received: none(), effects: none(), effect_count: AtomicUsize::new(0) })
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    fn record_received(&self, number: usize) {
        if let Some(received) = self.received.get(number) {
            received.store(self.now(), Ordering::Relaxed);
        }
    }

    fn record_effects(&self, numbers: &[usize]) {
        let now = self.now();
        for effect in numbers.iter().filter_map(|&number| self.effects.get(number)) {
            effect.store(now, Ordering::Relaxed);
        }
        self.effect_count.fetch_add(numbers.len(), Ordering::Release);
    }

    async fn wait_for_effects(&self, events: usize) -> Result<(), Error> {
        let began = Instant::now();
        while self.effect_count.load(Ordering::Acquire) < events {
            if began.elapsed() > EFFECTS_TIMEOUT {
                return Err(format!(
                    "{} of {events} events effect_times effect within {} s",
                    self.effect_count.load(Ordering::Acquire),
                    EFFECTS_TIMEOUT.as_secs()
                )
                .into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

async fn run_once(postgres: &Postgres, servers: &[Nats], kind: Servers, name: &str) -> Result<Run, Error> {
    let replicas = servers.len();
    let bus = Bus::nats(
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
            let numbers = db.write(move |tx| Box::pin(async move { apply(tx, events).await })).await?;
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
    db.write(move |tx| {
        Box::pin(async move {
            for number in numbers {
                tx.publish(&BenchEvent { number }, Utc::now())?;
            }
            Ok(())
        })
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
    db.write(|tx| Box::pin(async move { Ok(tx.execute("delete from effect", vec![]).await? as usize) })).await
}
