//! Transferring a folder to PostgreSQL and S3: what is copied, how it resumes, what is refused.
//!
//! Invariant: the folder is made through the ports themselves, as a server would leave it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use kit::bus::{Bus, Envelope, RunsIn, Subscription};
use kit::config::Config;
use kit::db::{Db, Migration, Sql, Value};
use kit::objects::{Checkpoint, Error as Store, ObjectKey, Objects};
use kit::transfer::{Error, Outcome, ProgressListener, ReportRow, Transfer};
use kit::{Clock, Service};
use sea_orm::FromQueryResult;
use testkit::engines::{Postgres, Shared, SharedS3, shared_postgres, shared_s3};
use uuid::Uuid;

use crate::objects::{MIB, content, whole, write};

/// `album` references its `song`, and comes before it in the alphabet.
const TABLES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "
create table song (id uuid primary key, title text not null, note text, plays bigint not null, gain double precision, live boolean not null default false, cover bytea, sung_at timestamptz);
create table album (name text not null, place bigint not null, song uuid not null references song (id), primary key (name, place))
",
}];

fn band() -> Service {
    Service {
        name: "band",
        migrations: Some(TABLES),
        objects: &[],
        openapi: || utoipa::openapi::OpenApi::default(),
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| std::future::ready(Ok(kit::RoleInstance::default())).boxed(),
    }
}

const SONGS: u32 = 900;

#[derive(Debug, PartialEq, FromQueryResult)]
struct Song {
    id: Uuid,
    title: String,
    note: Option<String>,
    plays: i64,
    gain: Option<f64>,
    live: bool,
    cover: Option<Vec<u8>>,
    sung_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Event {
    id: String,
}

/// A folder and its destination.
struct Harness {
    folder: tempfile::TempDir,
    postgres: Shared<Postgres>,
    s3: SharedS3,
    schema: String,
}

impl Harness {
    async fn new() -> Self {
        let (postgres, s3) = tokio::task::spawn_blocking(|| (shared_postgres(), shared_s3())).await.unwrap();
        let harness = Self {
            folder: tempfile::tempdir().unwrap(),
            postgres,
            s3,
            schema: format!("move_{}", Uuid::new_v4().simple()),
        };
        std::fs::create_dir_all(harness.data().join("secrets")).unwrap();
        std::fs::write(harness.data().join("secrets/url-signing.key"), [7; 32]).unwrap();
        harness.source().await;
        harness.source_objects().await;
        Bus::sqlite(&harness.data().join("bus.db"), Clock::system()).await.unwrap();
        harness
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn source(&self) -> Db {
        let db = Db::sqlite(&self.data().join("band.db")).await.unwrap();
        db.migrate("band", TABLES).await.unwrap();
        db
    }

    async fn destination(&self) -> Db {
        let options = kit::db::PostgresOptions {
            url: self.postgres.url.clone(),
            schema: self.schema.clone(),
            readers: 2,
            statement_timeout: Duration::from_secs(10),
        };
        Db::postgres(&options).await.unwrap()
    }

    async fn source_objects(&self) -> Objects {
        Objects::folder(&self.data().join("objects")).await.unwrap()
    }

    fn destination_objects(&self) -> Objects {
        Objects::s3(&self.s3.account.options(&self.s3.prefix)).unwrap()
    }

    fn config(&self, without: &str) -> Config {
        let mut set = vec![
            format!("db.url={}", self.postgres.url),
            format!("db.schema={}", self.schema),
            "bus.servers=[\"nats://127.0.0.1:4222\"]".into(),
            format!("secrets.url_signing_key_file={}", self.folder.path().join("url-signing.key").display()),
        ];
        set.extend(self.s3.account.settings(&self.s3.prefix));
        set.retain(|setting| without.is_empty() || !setting.starts_with(without));
        Config::load(None, std::iter::empty(), &set, kit::boot::SECTIONS, &[]).unwrap()
    }

    async fn open(&self) -> Result<Transfer, Error> {
        Transfer::open(&self.data(), &self.config(""), &[band()], Clock::system()).await
    }

    async fn moved(&self) -> Vec<ReportRow> {
        match self.open().await.unwrap().run(&SilentListener).await.unwrap() {
            Outcome::Moved(report) => report,
            already @ Outcome::AlreadyDone(_) => panic!("{already:?}"),
        }
    }

    /// Inserts rows of every type, and their references.
    async fn insert_rows(&self) {
        let written: Result<(), kit::db::Error> = self
            .source()
            .await
            .write(|tx| {
                Box::pin(async move {
                    for number in 0..SONGS {
                        let (id, odd) = (Uuid::from_u128(u128::from(SONGS - number)), number % 2 == 1);
                        let values: Vec<Value> = vec![
                            id.into(),
                            format!("Lied №{number} 🎵").into(),
                            odd.then(|| "it's \"quoted\"\n".to_owned()).into(),
                            (i64::MAX - i64::from(number)).into(),
                            odd.then_some(-0.1 * f64::from(number)).into(),
                            odd.into(),
                            odd.then(|| vec![0_u8, 255, 1]).into(),
                            odd.then(|| time() + TimeDelta::microseconds(i64::from(number))).into(),
                        ];
                        tx.execute("insert into song (id, title, note, plays, gain, live, cover, sung_at) values ($1, $2, $3, $4, $5, $6, $7, $8)", values).await?;
                        tx.execute("insert into album (name, place, song) values ('a', $1, $2)", vec![i64::from(number).into(), id.into()]).await?;
                    }
                    Ok(())
                })
            })
            .await;
        written.unwrap();
    }

    /// Stores objects of awkward sizes.
    async fn store_objects(&self) -> Vec<ObjectKey> {
        let from = self.source_objects().await;
        let mut keys = Vec::new();
        for bytes in [0, 1, 9 * MIB].into_iter().chain(100..120) {
            keys.push(from.put(content(bytes)).await.unwrap().key);
        }
        keys
    }

    /// Returns how many rows of progress the destination has.
    async fn progress_rows(&self) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            items: i64,
        }
        let row: Option<Count> =
            self.destination().await.read().row("select count(*) as items from moved", vec![]).await.unwrap();
        row.unwrap().items
    }
}

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_767_225_599_999_999).unwrap()
}

/// Ignores the progress.
struct SilentListener;

impl ProgressListener for SilentListener {
    fn step(&self, _: &str) {}
    fn total_bytes(&self, _: u64) {}
    fn advanced(&self, _: u64) {}
}

/// Notifies after a number of steps, so that the test can interrupt the transfer.
struct StepCounter {
    steps: AtomicUsize,
    enough: tokio::sync::Notify,
}

impl StepCounter {
    fn after(steps: usize) -> Self {
        Self { steps: AtomicUsize::new(steps), enough: tokio::sync::Notify::new() }
    }

    fn step(&self) {
        if self.steps.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.enough.notify_one();
        }
    }
}

impl ProgressListener for StepCounter {
    fn step(&self, _: &str) {
        self.step();
    }
    fn total_bytes(&self, _: u64) {}
    fn advanced(&self, _: u64) {
        self.step();
    }
}

fn assert_all_match(report: &[ReportRow]) {
    assert!(report.iter().all(|row| row.matches), "{report:#?}");
}

fn row_of<'a>(report: &'a [ReportRow], part: &str) -> &'a ReportRow {
    report.iter().find(|row| row.part == part).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_type_and_objects_of_every_size_come_over_once() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let keys = harness.store_objects().await;
    let report = harness.moved().await;
    assert_all_match(&report);
    assert_eq!(
        (
            row_of(&report, "band.song").source_count,
            row_of(&report, "band.album").destination_count,
            row_of(&report, "objects").source_count
        ),
        (u64::from(SONGS), u64::from(SONGS), keys.len() as u64)
    );
    let text = "select id, title, note, plays, gain, live, cover, sung_at from song order by plays";
    let (there, here): (Vec<Song>, Vec<Song>) = (
        harness.destination().await.read().rows(text, vec![]).await.unwrap(),
        harness.source().await.read().rows(text, vec![]).await.unwrap(),
    );
    assert!(there == here && there.iter().any(|song| song.cover.is_some() && song.sung_at.is_some()));
    let (from, to) = (harness.source_objects().await, harness.destination_objects());
    for key in &keys {
        assert!(whole(&from, key).await == whole(&to, key).await, "{key}");
    }
    assert_eq!(std::fs::read(harness.folder.path().join("url-signing.key")).unwrap(), [7; 32]);

    let transfer = harness.open().await.unwrap();
    assert_all_match(&transfer.verify(&SilentListener).await.unwrap());
    assert!(matches!(transfer.run(&SilentListener).await.unwrap(), Outcome::AlreadyDone(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_breaks_off_anywhere_goes_on() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let objects = harness.store_objects().await.len();
    let mut known = 0;
    // In the middle of the objects, and then as the rows begin (one step for the phase, one for each object).
    for steps in [objects / 2, objects + 2] {
        let (transfer, watch) = (harness.open().await.unwrap(), StepCounter::after(steps));
        tokio::select! {
            _ = transfer.run(&watch) => panic!("it was faster"),
            () = watch.enough.notified() => {}
        }
        drop(transfer);
        let now = harness.progress_rows().await;
        assert!(now > known, "{now} after {known}");
        known = now;
    }
    assert_all_match(&harness.moved().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_events_are_due_again() {
    let harness = Harness::new().await;
    let bus = Bus::sqlite(&harness.data().join("bus.db"), Clock::system()).await.unwrap();
    let listener = Subscription::to_subject("fan.sung", "band.sung");
    // A role that this release no longer has: its events stay where they are.
    let forgotten = Subscription::to_subject("fan.hummed", "choir.hummed");
    bus.declare(&[listener.clone(), forgotten], RunsIn::ThisProcess).await.unwrap();
    bus.engine()
        .publish(&[Envelope { id: "hummed".into(), subject: "choir.hummed".into(), payload: "{}".into() }])
        .await
        .unwrap();
    let event = |id: &str| Envelope { id: id.into(), subject: "band.sung".into(), payload: "{}".into() };
    // Handled, dead-lettered (and by now deleted from the outbox), pending, and recorded but never sent.
    bus.engine().publish(&["taken", "dead", "waiting"].map(event)).await.unwrap();
    let deliveries = bus.engine().fetch(&listener, 2, Duration::ZERO).await.unwrap();
    assert!(
        bus.engine().ack("fan.sung", &deliveries[0]).await.unwrap()
            && bus.engine().dead_letter("fan.sung", &deliveries[1], "no").await.unwrap()
    );
    let outbox: Result<(), kit::db::Error> = harness
        .source()
        .await
        .write(|tx| {
            Box::pin(async move {
                for (id, sent) in [("taken", Some(time())), ("waiting", Some(time())), ("unsent", None)] {
                    tx.execute(
                        "insert into outbox (id, subject, payload, created_at, sent_at) values ($1, 'band.sung', '{}', $2, $3)",
                        vec![id.into(), time().into(), sent.into()],
                    )
                    .await?;
                }
                Ok(())
            })
        })
        .await;
    outbox.unwrap();
    assert_all_match(&harness.moved().await);
    let due: Vec<Event> = harness
        .destination()
        .await
        .read()
        .rows("select id from outbox where sent_at is null order by id", vec![])
        .await
        .unwrap();
    assert_eq!(due.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["dead", "unsent", "waiting"]);
    // The folder's log is unchanged.
    assert_eq!(
        (bus.engine().dead_letters(9).await.unwrap().len(), bus.engine().backlog().await.unwrap()),
        (1, vec![("fan.hummed".to_owned(), 1), ("fan.sung".to_owned(), 1)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_object_goes_on_where_it_was() {
    let harness = Harness::new().await;
    let (all, from) = (content(20 * MIB), harness.source_objects().await);
    let mut checkpoints = Vec::new();
    for cut in [100, 7 * MIB + 3] {
        let mut writer = from.create().await.unwrap();
        write(&mut writer, &all.slice(..cut)).await;
        checkpoints.push(writer.save().await.unwrap());
        // After the checkpoint: it was never acknowledged.
        writer.write(Bytes::from_static(b"lost")).await.unwrap();
        writer.checkpoint().await.unwrap();
    }
    assert_all_match(&harness.moved().await);
    let to = harness.destination_objects();
    for place in &checkpoints {
        let mut writer = to.resume(place, ObjectKey::random()).await.unwrap();
        write(&mut writer, &all.slice(usize::try_from(place.bytes).unwrap()..)).await;
        let stored = writer.finish().await.unwrap();
        assert!(whole(&to, &stored.key).await == all, "from {}", place.bytes);
        to.remove(&place.key).await.unwrap();
        assert!(whole(&to, &stored.key).await == all);
    }
    let lost = Checkpoint { key: ObjectKey::random(), bytes: 100, state: String::new() };
    assert!(matches!(to.resume(&lost, ObjectKey::random()).await, Err(Store::Missing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_named() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let keys = harness.store_objects().await;
    assert_all_match(&harness.moved().await);
    let changed: Result<u64, kit::db::Error> = harness
        .destination()
        .await
        .write(|tx| {
            Box::pin(async move {
                tx.execute("update song set gain = null where plays = $1", vec![(i64::MAX - 1).into()]).await
            })
        })
        .await;
    assert_eq!(changed.unwrap(), 1);
    let (to, key) = (harness.destination_objects(), keys.last().unwrap());
    let mut bytes = whole(&to, key).await.to_vec();
    bytes[50] ^= 1;
    to.remove(key).await.unwrap();
    let mut writer = to.create_as(key.clone()).await.unwrap();
    writer.write(bytes.into()).await.unwrap();
    writer.finish().await.unwrap();
    let report = harness.open().await.unwrap().verify(&SilentListener).await.unwrap();
    let differences: Vec<&str> = report.iter().filter(|row| !row.matches).map(|row| row.part.as_str()).collect();
    assert_eq!(differences, ["band.song", "objects"]);
    assert_eq!(row_of(&report, "objects").differences, [key.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_moved_is_refused_with_a_reason() {
    let harness = Harness::new().await;
    let open = async |data: &std::path::Path, without: &str| {
        let opened = Transfer::open(data, &harness.config(without), &[band()], Clock::system()).await;
        opened.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (without, lacks) in [
        ("db.url", "lacks db.url."),
        ("bus", "lacks bus.servers."),
        ("objects.bucket", "objects.bucket"),
        ("secrets", "secrets.url_signing_key_file"),
    ] {
        let said = open(&harness.data(), without).await;
        assert!(said.contains(lacks), "{said}");
    }
    let said = open(harness.folder.path(), "").await;
    assert!(said.contains("no data folder of Tutti's"), "{said}");
    let first = harness.open().await.unwrap();
    let said = open(&harness.data(), "").await;
    assert!(said.contains("already uses the data folder"), "{said}");
    drop(first);
    std::fs::write(harness.folder.path().join("url-signing.key"), [8; 32]).unwrap();
    let said = open(&harness.data(), "").await;
    assert!(said.contains("another key"), "{said}");
    std::fs::remove_file(harness.folder.path().join("url-signing.key")).unwrap();
    let other: Result<u64, kit::db::Error> = harness
        .destination()
        .await
        .write(|tx| {
            Box::pin(async move {
                tx.execute("insert into song (id, title, plays) values ($1, 'x', 1)", vec![Uuid::new_v4().into()]).await
            })
        })
        .await;
    assert_eq!(other.unwrap(), 1);
    let said = open(&harness.data(), "").await;
    assert!(said.contains("did not come from this folder") && said.contains("`song`"), "{said}");
}
