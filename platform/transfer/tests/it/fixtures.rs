//! A folder as a server leaves it, where it is moved to, and listeners of a move.
//!
//! Invariant: the folder is made through the ports themselves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::Clock;
use base::ObjectKey;
use base::config::Config;
use bus::Bus;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, Lane, Migration, Sql, Value};
use futures::FutureExt as _;
use objects::Objects;
use sea_orm::FromQueryResult;
use service::Service;
use service::personal_data::PersonalData;
use testkit::engines::{Postgres, Shared, SharedS3, shared_postgres, shared_s3};
use transfer::{Error, Outcome, ProgressListener, ReportRow, Transfer};
use uuid::Uuid;

use testkit::objects::{MIB, content};

/// `album` references its `song`, and comes before it in the alphabet.
pub(crate) const TABLES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "
create table song (
    id uuid primary key,
    title text not null,
    note text,
    plays bigint not null,
    gain double precision,
    live boolean not null default false,
    cover bytea,
    sung_at timestamptz
);
create table album (
    name text not null,
    place bigint not null,
    song uuid not null references song (id),
    primary key (name, place)
)
",
}];

pub(crate) fn band() -> Service {
    Service {
        name: "band",
        migrations: Some(TABLES),
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: || utoipa::openapi::OpenApi::default(),
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| std::future::ready(Ok(service::RoleInstance::default())).boxed(),
    }
}

pub(crate) const SONGS: u32 = 900;

#[derive(Debug, PartialEq, FromQueryResult)]
pub(crate) struct Song {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    pub(crate) note: Option<String>,
    pub(crate) plays: i64,
    pub(crate) gain: Option<f64>,
    pub(crate) live: bool,
    pub(crate) cover: Option<Vec<u8>>,
    pub(crate) sung_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
pub(crate) struct Event {
    pub(crate) id: String,
}

/// A folder and its destination.
pub(crate) struct Harness {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) postgres: Shared<Postgres>,
    pub(crate) s3: SharedS3,
    pub(crate) schema: String,
}

impl Harness {
    pub(crate) async fn new() -> Self {
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

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) async fn source(&self) -> Db {
        let db = Db::sqlite(&self.data().join("band.db")).await.unwrap();
        db.migrate("band", TABLES).await.unwrap();
        db
    }

    pub(crate) async fn destination(&self) -> Db {
        let options = db::PostgresOptions {
            url: self.postgres.url.clone(),
            schema: self.schema.clone(),
            readers: 2,
            writers: 2,
            statement_timeout: Duration::from_secs(10),
        };
        Db::postgres(&options).await.unwrap()
    }

    pub(crate) async fn source_objects(&self) -> Objects {
        Objects::folder(&self.data().join("objects")).await.unwrap()
    }

    pub(crate) fn destination_objects(&self) -> Objects {
        objects_s3::open(&self.s3.account.options(&self.s3.prefix)).unwrap()
    }

    pub(crate) fn config(&self, without: &str) -> Config {
        let mut set = vec![
            format!("db.url={}", self.postgres.url),
            format!("db.schema={}", self.schema),
            "bus.servers=[\"nats://127.0.0.1:4222\"]".into(),
            format!("secrets.url_signing_key_file={}", self.folder.path().join("url-signing.key").display()),
        ];
        set.extend(self.s3.account.settings(&self.s3.prefix));
        set.retain(|setting| without.is_empty() || !setting.starts_with(without));
        Config::load(None, std::iter::empty(), &set, boot::SECTIONS, &[]).unwrap()
    }

    pub(crate) async fn open(&self) -> Result<Transfer, Error> {
        Transfer::open(&self.data(), &self.config(""), &[band()], Clock::system()).await
    }

    pub(crate) async fn moved(&self) -> Vec<ReportRow> {
        match self.open().await.unwrap().run(&SilentListener).await.unwrap() {
            Outcome::Moved(report) => report,
            already @ Outcome::AlreadyDone(_) => panic!("{already:?}"),
        }
    }

    /// Inserts rows of every type, and their references.
    pub(crate) async fn insert_rows(&self) {
        let written: Result<(), db::Error> = self
            .source()
            .await
            .write(Lane::ALL, async move |tx| {
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
                    tx.execute(
                        "insert into song (id, title, note, plays, gain, live, cover, sung_at) values ($1, \
                            $2, $3, $4, $5, $6, $7, $8)",
                        values,
                    )
                    .await?;
                    tx.execute(
                        "insert into album (name, place, song) values ('a', $1, $2)",
                        vec![i64::from(number).into(), id.into()],
                    )
                    .await?;
                }
                Ok(())
            })
            .await;
        written.unwrap();
    }

    /// Stores objects of awkward sizes.
    pub(crate) async fn store_objects(&self) -> Vec<ObjectKey> {
        let from = self.source_objects().await;
        let mut keys = Vec::new();
        for bytes in [0, 1, 9 * MIB].into_iter().chain(100..120) {
            keys.push(from.put(content(bytes)).await.unwrap().key);
        }
        keys
    }

    /// Returns how many rows of progress the destination has.
    pub(crate) async fn progress_rows(&self) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            items: i64,
        }
        let row: Option<Count> =
            self.destination().await.read().row("select count(*) as items from moved", vec![]).await.unwrap();
        row.unwrap().items
    }
}

pub(crate) fn time() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_767_225_599_999_999).unwrap()
}

/// Ignores the progress.
pub(crate) struct SilentListener;

impl ProgressListener for SilentListener {
    fn step(&self, _: &str) {}
    fn total_bytes(&self, _: u64) {}
    fn advanced(&self, _: u64) {}
}

/// Notifies after a number of steps, so that the test can interrupt the transfer.
pub(crate) struct StepCounter {
    pub(crate) steps: AtomicUsize,
    pub(crate) enough: tokio::sync::Notify,
}

impl StepCounter {
    pub(crate) fn after(steps: usize) -> Self {
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

pub(crate) fn assert_all_match(report: &[ReportRow]) {
    assert!(report.iter().all(|row| row.matches), "{report:#?}");
}

pub(crate) fn row_of<'a>(report: &'a [ReportRow], part: &str) -> &'a ReportRow {
    report.iter().find(|row| row.part == part).unwrap()
}
