//! A bus for one test, on one engine or the other, and a way to let time pass.
//!
//! Invariant: a harness leaves nothing on a server that others share.

use std::time::Duration;

use async_nats::jetstream;
use base::Clock;
use base::Event;
use bus::{Bus, Consumer, Delivery, Envelope, RunsIn, Subscription};
use bus_nats::NatsOptions;
use chrono::{TimeDelta, Utc};
use db::{Db, Lane};
use testkit::engines::shared_nats;

pub const NOW: Duration = Duration::ZERO;
/// Long enough for anything that happens at once, and longer than a lease on NATS.
pub const SOON: Duration = Duration::from_secs(30);
/// Long enough for every task to end.
pub const END: Duration = Duration::from_secs(30);

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Sung {
    pub song: u32,
}

impl Event for Sung {
    const SUBJECT: &'static str = "test.sung";
}

/// The bus of a test.
pub struct Harness {
    pub bus: Bus,
    pub clock: Clock,
    /// How long an unresponsive worker keeps a delivery here.
    pub lease: Duration,
    pub folder: tempfile::TempDir,
    nats: Option<NatsOptions>,
}

/// Runs a promise on the embedded engine and on NATS.
pub async fn on_each_engine(promise: impl AsyncFn(&Harness)) {
    println!("on SQLite");
    promise(&Harness::sqlite(Clock::fixed(Utc::now())).await).await;
    println!("on NATS");
    let server = shared_nats();
    let harness = Harness::nats(&server.url).await;
    promise(&harness).await;
    harness.clear().await;
}

/// As [`on_each_engine`], if tasks run by themselves, so that the clock has to move.
pub async fn on_each_engine_with_moving_clock(promise: impl AsyncFn(&Harness)) {
    println!("on SQLite");
    promise(&Harness::sqlite(Clock::system()).await).await;
    println!("on NATS");
    let server = shared_nats();
    let harness = Harness::nats(&server.url).await;
    promise(&harness).await;
    harness.clear().await;
}

pub fn options(url: &str) -> NatsOptions {
    NatsOptions {
        servers: vec![url.into()],
        prefix: format!("test-{}", uuid::Uuid::new_v4().simple()),
        ..NatsOptions::default()
    }
}

impl Harness {
    async fn sqlite(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bus = Bus::sqlite(&folder.path().join("bus.db"), clock.clone()).await.unwrap();
        Self { bus, clock, lease: Duration::from_secs(30), folder, nats: None }
    }

    pub async fn nats(url: &str) -> Self {
        Self::with(options(url)).await
    }

    pub async fn with(options: NatsOptions) -> Self {
        let bus = bus_nats::open(&options, Clock::system()).await.unwrap();
        Self {
            bus,
            clock: Clock::system(),
            lease: Duration::from_secs(5),
            folder: tempfile::tempdir().unwrap(),
            nats: Some(options),
        }
    }

    /// The bus of another process that uses the same log.
    pub async fn another(&self) -> Bus {
        self.another_on(&tokio::runtime::Handle::current()).await
    }

    /// The same, with its tasks on another runtime, so that it can be killed.
    pub async fn another_on(&self, runtime: &tokio::runtime::Handle) -> Bus {
        let (path, clock, options) = (self.folder.path().join("bus.db"), self.clock.clone(), self.nats.clone());
        let open = runtime.spawn(async move {
            match options {
                None => Bus::sqlite(&path, clock).await.unwrap(),
                Some(options) => bus_nats::open(&options, clock).await.unwrap(),
            }
        });
        open.await.unwrap()
    }

    /// A service's own database.
    pub async fn db(&self) -> Db {
        let db = Db::sqlite(&self.folder.path().join("test.db")).await.unwrap();
        db.migrate("test", &[]).await.unwrap();
        db
    }

    /// Lets this part of a lease pass.
    pub async fn advance(&self, of_the_lease: f64) {
        let time = self.lease.mul_f64(of_the_lease);
        self.clock.advance(TimeDelta::from_std(time).unwrap());
        if self.nats.is_some() {
            tokio::time::sleep(time).await;
        }
    }

    pub fn to(&self, name: &str) -> Subscription {
        Subscription { name: name.into(), subjects: vec![Sung::SUBJECT.into()], lease: self.lease }
    }

    pub async fn declare(&self, names: &[&str]) {
        let subscriptions: Vec<Subscription> = names.iter().map(|name| self.to(name)).collect();
        self.bus.engine().declare(&subscriptions, RunsIn::ThisProcess).await.unwrap();
    }

    pub async fn publish(&self, ids: &[&str]) {
        let events: Vec<Envelope> = ids.iter().map(|id| event(id)).collect();
        self.bus.engine().publish(&events).await.unwrap();
    }

    pub async fn fetch(&self, name: &str, max: usize, wait: Duration) -> Vec<Delivery> {
        self.bus.engine().fetch(&self.to(name), max, wait).await.unwrap()
    }

    /// Returns how many deliveries wait for a consumer; an impossibly high number while the engine does not respond.
    pub async fn backlog(&self, name: &str) -> u64 {
        let Ok(backlog) = self.bus.engine().backlog().await else { return u64::MAX };
        backlog.into_iter().find(|(consumer, _)| consumer == name).map_or(0, |(_, count)| count)
    }

    /// Deletes the stream of events without the bus's knowledge, as an operator could.
    pub async fn wipe(&self) {
        self.delete("").await;
    }

    /// The same with the dead letters.
    pub async fn wipe_dead_letters(&self) {
        self.delete("-dead").await;
    }

    async fn delete(&self, of_what: &str) {
        let Some(options) = &self.nats else { return };
        let jetstream = jetstream::new(async_nats::connect(options.servers[0].as_str()).await.unwrap());
        jetstream.delete_stream(format!("{}{of_what}", options.prefix)).await.unwrap();
    }

    /// Returns the lease that the server has for the consumer of this name (on NATS only).
    pub async fn lease_of(&self, consumer: &str) -> Duration {
        let options = self.nats.as_ref().unwrap();
        let jetstream = jetstream::new(async_nats::connect(options.servers[0].as_str()).await.unwrap());
        jetstream.get_stream(&options.prefix).await.unwrap().consumer_info(consumer).await.unwrap().config.ack_wait
    }

    /// Returns what the server knows of the stream and of this consumer (on NATS only), for a message.
    pub async fn server_state(&self, consumer: &str) -> String {
        let options = self.nats.as_ref().unwrap();
        let jetstream = jetstream::new(async_nats::connect(options.servers[0].as_str()).await.unwrap());
        let mut stream = jetstream.get_stream(&options.prefix).await.unwrap();
        let state = stream.info().await.unwrap().state.clone();
        let consumer = stream.consumer_info(consumer.replace('.', "_")).await.unwrap();
        format!(
            "stream: {} messages, {} to {}; consumer: delivered {:?}, acknowledged {:?}, {} unacknowledged, {} waiting",
            state.messages,
            state.first_sequence,
            state.last_sequence,
            consumer.delivered,
            consumer.ack_floor,
            consumer.num_ack_pending,
            consumer.num_pending
        )
    }

    pub async fn clear(&self) {
        let Some(options) = &self.nats else { return };
        let jetstream = jetstream::new(async_nats::connect(options.servers[0].as_str()).await.unwrap());
        for name in [options.prefix.clone(), format!("{}-dead", options.prefix)] {
            // A test that never used the engine created none.
            let _ = jetstream.delete_stream(&name).await;
        }
    }
}

pub fn event(id: &str) -> Envelope {
    Envelope { id: id.into(), subject: Sung::SUBJECT.into(), payload: "{\"song\":1}".into() }
}

pub fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.event.id.as_str()).collect()
}

/// Waits until `what` is true; fails the test after three minutes.
pub async fn until(promise: &str, what: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(180), async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {promise}");
}

/// Returns a consumer that counts each event's effect in the `inbox` of `db`, once.
pub fn counting(name: &'static str, db: &Db, lease: Duration) -> Consumer {
    let db = db.clone();
    let consumer = Consumer::of::<Sung, _, _>(name, move |_, delivery| {
        let db = db.clone();
        async move {
            db.write(Lane::ALL, async move |tx| tx.record_once(name, &delivery.event.id, Utc::now()).await).await?;
            Ok(())
        }
    });
    consumer.lease(lease)
}

/// Returns how many events a consumer has handled, by the inbox.
pub async fn effects(db: &Db, name: &str) -> i64 {
    count(db, "select count(*) as rows from inbox where consumer = $1", name).await
}

/// Returns how many rows of the outbox are unsent.
pub async fn unsent(db: &Db) -> i64 {
    count(db, "select count(*) as rows from outbox where sent_at is null and subject <> $1", "").await
}

async fn count(db: &Db, text: &str, name: &str) -> i64 {
    #[derive(db::FromQueryResult)]
    struct Count {
        rows: i64,
    }
    let count: Option<Count> = db::Sql::row(db.read(), text, vec![name.into()]).await.unwrap();
    count.unwrap().rows
}

/// Records these songs, a hundred in each transaction.
pub async fn record_events(db: &Db, songs: std::ops::Range<u32>) {
    let songs: Vec<u32> = songs.collect();
    for chunk in songs.chunks(100) {
        let chunk = chunk.to_vec();
        let sung: Result<(), db::Error> = db
            .write(Lane::ALL, async move |tx| {
                for song in chunk {
                    tx.publish(&Sung { song }, Utc::now())?;
                }
                Ok(())
            })
            .await;
        sung.unwrap();
    }
}
