//! What a database must do, on every engine.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::db::{Db, Error, Migration, PostgresOptions, Sql};
use sea_orm::FromQueryResult;
use testkit::engines::{Postgres, Proxy, Shared, shared_postgres};
use uuid::Uuid;

/// Runs each promise on each engine.
macro_rules! on_each_engine {
    ($($promise:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::Harness::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::Harness::postgres().await).await;
            })*
        }
    };
}

on_each_engine! {
    every_type_comes_back_as_it_went_in
    times_compare_as_times_whatever_their_fraction
    a_write_that_fails_rolls_back_no_other
    a_write_that_panics_is_rolled_back_and_the_next_one_works
    readers_read_while_a_writer_writes
    the_release_before_runs_on_this_schema_and_a_much_older_one_says_why_not
    processes_that_share_a_database_write_one_after_the_other
    a_write_that_swallows_a_refusal_is_not_said_to_stand_unless_it_does
}

/// A database for one test, and a way to open it once more as another process would.
pub(crate) struct Harness {
    folder: tempfile::TempDir,
    postgres: Option<PostgresOptions>,
    pub(crate) db: Db,
    _server: Option<Shared<Postgres>>,
}

impl Harness {
    pub(crate) async fn sqlite() -> Self {
        Self::of(None, None).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = shared_postgres();
        Self::of(Some(options(&server.url)), Some(server)).await
    }

    async fn of(postgres: Option<PostgresOptions>, server: Option<Shared<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder, postgres.as_ref()).await;
        db.migrate("test", TABLES).await.unwrap();
        Self { folder, postgres, db, _server: server }
    }

    /// As another process would.
    pub(crate) async fn again(&self) -> Db {
        open(&self.folder, self.postgres.as_ref()).await
    }
}

async fn open(folder: &tempfile::TempDir, postgres: Option<&PostgresOptions>) -> Db {
    match postgres {
        Some(options) => Db::postgres(options).await.unwrap(),
        None => Db::sqlite(&folder.path().join("test.db")).await.unwrap(),
    }
}

/// A schema of its own on this server.
fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        url: url.to_owned(),
        schema: format!("kit_{}", Uuid::new_v4().simple()),
        readers: 4,
        statement_timeout: Duration::from_secs(10),
    }
}

const TABLES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table thing (id uuid primary key, name text not null unique, size bigint, ratio double precision, good boolean not null, raw bytea, at timestamptz not null)",
}];

#[derive(Debug, PartialEq, FromQueryResult)]
struct Thing {
    id: Uuid,
    name: String,
    size: Option<i64>,
    ratio: Option<f64>,
    good: bool,
    raw: Option<Vec<u8>>,
    at: DateTime<Utc>,
}

fn insert(
    name: &str,
) -> impl for<'t> FnOnce(&'t kit::db::Tx) -> futures::future::BoxFuture<'t, Result<(), Error>> + Send + 'static {
    let name = name.to_owned();
    move |tx| {
        Box::pin(async move {
            let values = vec![Uuid::now_v7().into(), name.into(), true.into(), Utc::now().into()];
            tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await.map(drop)
        })
    }
}

async fn names(db: &Db) -> Vec<String> {
    let things: Vec<Thing> =
        db.read().rows("select id, name, size, ratio, good, raw, at from thing order by name", vec![]).await.unwrap();
    things.into_iter().map(|thing| thing.name).collect()
}

async fn every_type_comes_back_as_it_went_in(harness: Harness) {
    let db = &harness.db;
    let now = kit::Clock::system().now();
    let full = Thing {
        id: Uuid::now_v7(),
        name: "é".into(),
        size: Some(-1),
        ratio: Some(0.5),
        good: true,
        raw: Some(vec![0, 255]),
        at: now,
    };
    let bare = Thing {
        id: Uuid::now_v7(),
        name: "z".into(),
        size: None,
        ratio: None,
        good: false,
        raw: None,
        at: now + TimeDelta::microseconds(1),
    };
    for thing in [&full, &bare] {
        let values = vec![
            thing.id.into(),
            thing.name.clone().into(),
            thing.size.into(),
            thing.ratio.into(),
            thing.good.into(),
            thing.raw.clone().into(),
            thing.at.into(),
        ];
        db.write(move |tx| {
            Box::pin(async move {
                tx.execute(
                    "insert into thing (id, name, size, ratio, good, raw, at) values ($1, $2, $3, $4, $5, $6, $7)",
                    values,
                )
                .await
            })
        })
        .await
        .unwrap();
    }
    let found: Vec<Thing> = db
        .read()
        .rows("select id, name, size, ratio, good, raw, at from thing where at >= $1 order by at", vec![now.into()])
        .await
        .unwrap();
    assert_eq!(found, vec![full, bare]);
}

async fn times_compare_as_times_whatever_their_fraction(harness: Harness) {
    let db = &harness.db;
    let whole = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (name, micros) in [("c", 500_000), ("a", 0), ("d", 500_001), ("b", 1), ("e", 1_000_000)] {
        let values =
            vec![Uuid::now_v7().into(), name.into(), true.into(), (whole + TimeDelta::microseconds(micros)).into()];
        db.write(move |tx| {
            Box::pin(async move {
                tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await
            })
        })
        .await
        .unwrap();
    }
    let found: Vec<Thing> =
        db.read().rows("select id, name, size, ratio, good, raw, at from thing order by at", vec![]).await.unwrap();
    assert_eq!(found.into_iter().map(|thing| thing.name).collect::<String>(), "abcde");
}

async fn a_write_that_fails_rolls_back_no_other(harness: Harness) {
    let db = &harness.db;
    db.write(insert("taken")).await.unwrap();
    let mut writes = Vec::new();
    for number in 0..200 {
        let db = db.clone();
        let name = if number % 3 == 0 { "taken".to_owned() } else { format!("n{number:03}") };
        writes.push(tokio::spawn(async move { (number, db.write(insert(&name)).await) }));
    }
    for write in writes {
        let (number, result) = write.await.unwrap();
        assert_eq!(result.is_err(), number % 3 == 0, "{number}");
        assert!(result.is_ok() || result.unwrap_err().is_unique_violation());
    }
    assert_eq!(names(db).await.len(), 1 + 200 - 67);
}

async fn a_write_that_panics_is_rolled_back_and_the_next_one_works(harness: Harness) {
    let db = &harness.db;
    let result: Result<(), Error> = db
        .write(|tx| {
            Box::pin(async move {
                insert("half")(tx).await?;
                panic!("in the middle");
            })
        })
        .await;
    assert!(matches!(result, Err(Error::OutcomeUnknown)));
    db.write(insert("whole")).await.unwrap();
    assert_eq!(names(db).await, ["whole"]);
}

async fn readers_read_while_a_writer_writes(harness: Harness) {
    let db = Arc::new(harness.db.clone());
    let writer = {
        let db = db.clone();
        tokio::spawn(async move {
            for number in 0..100 {
                db.write(insert(&format!("w{number}"))).await.unwrap();
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() {
        let now = names(&db).await.len();
        assert!(now >= seen, "a reader saw rows vanish");
        seen = now;
    }
    writer.await.unwrap();
    assert_eq!(names(&db).await.len(), 100);
}

async fn the_release_before_runs_on_this_schema_and_a_much_older_one_says_why_not(harness: Harness) {
    const NEXT: &[Migration] =
        &[TABLES[0], Migration { version: 2, min_compatible: 1, sql: "alter table thing add column more text" }];
    const LATER: &[Migration] = &[
        NEXT[0],
        NEXT[1],
        Migration { version: 3, min_compatible: 2, sql: "alter table thing add column yet_more text" },
    ];
    let db = &harness.db;
    db.migrate("test", NEXT).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    db.migrate("test", LATER).await.unwrap();
    db.migrate("test", NEXT).await.unwrap();
    let error = db.migrate("test", TABLES).await.unwrap_err().to_string();
    assert!(error.contains("version 3") && error.contains("install that release"), "{error}");
}

#[derive(FromQueryResult)]
struct Size {
    size: i64,
}

/// Reads a number and then writes it plus one: an update is lost if two do it at once. On a full disk SQLite ends a
/// transaction by itself, and its driver must not go on as if it were open: later commits would commit nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_sqlite_has_ended_costs_no_later_write() {
    let harness = Harness::sqlite().await;
    for number in 0..3 {
        let ended: Result<(), Error> = harness
            .db
            .write(|tx| Box::pin(async move { tx.execute("rollback", vec![]).await.and(Err(Error::Conflict)) }))
            .await;
        assert!(ended.is_err());
        let refused: Result<(), Error> = harness.db.write(|_| Box::pin(async { Err(Error::Conflict) })).await;
        assert!(refused.is_err());
        let name = format!("name {number}");
        harness.db.write(insert(&name)).await.unwrap();
        assert!(names(&harness.again().await).await.contains(&name), "other processes do not see what was confirmed");
    }
}

async fn count_up(db: &Db) -> Result<(), Error> {
    db.write(|tx| {
        Box::pin(async move {
            let found: Option<Size> = tx.row("select size from thing where name = 'counter'", vec![]).await?;
            let size = found.unwrap().size + 1;
            tx.execute("update thing set size = $1 where name = 'counter'", vec![size.into()]).await.map(drop)
        })
    })
    .await
}

async fn processes_that_share_a_database_write_one_after_the_other(harness: Harness) {
    harness.db.write(insert("counter")).await.unwrap();
    harness
        .db
        .write(|tx| Box::pin(async move { tx.execute("update thing set size = 0", vec![]).await }))
        .await
        .unwrap();
    let mut writes = Vec::new();
    for _ in 0..4 {
        let db = harness.again().await;
        for _ in 0..25 {
            let db = db.clone();
            writes.push(tokio::spawn(async move { count_up(&db).await }));
        }
    }
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let found: Option<Size> = harness.db.read().row("select size from thing", vec![]).await.unwrap();
    assert_eq!(found.unwrap().size, 100, "an update was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_migrate_an_empty_schema_at_once() {
    let server = shared_postgres();
    let options = options(&server.url);
    let starts = (0..20).map(|_| async {
        let db = Db::postgres(&options).await.unwrap();
        db.migrate("test", TABLES).await.unwrap();
        assert!(db.is_current("test", TABLES).await.unwrap());
        db
    });
    let all = futures::future::join_all(starts).await;
    all[0].write(insert("a")).await.unwrap();
    assert_eq!(names(&all[19]).await, ["a"]);
}

/// A write must fail in time while the server is unavailable; the next one works as soon as the server is back, without
/// help.
async fn writes_until(db: &Db, name: &str) {
    let began = std::time::Instant::now();
    while let Err(error) = db.write(insert(name)).await {
        assert!(error.is_unavailable() && began.elapsed() < Duration::from_secs(40), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_is_found_again() {
    let mut server = Postgres::start();
    let db = Db::postgres(&options(&server.url())).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    db.write(insert("before")).await.unwrap();
    server.program.kill();
    let refused = db.write(insert("during")).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused:?}");
    assert!(db.ping().await.is_err());
    server.program.restart();
    writes_until(&db, "after").await;
    assert_eq!(names(&db).await, ["after", "before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_freezes_refuses_in_time_and_thaws() {
    let server = Postgres::start();
    let db = Db::postgres(&options(&server.url())).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    db.write(insert("before")).await.unwrap();
    server.program.freeze();
    // Each write has its own timeout, also in the queue; and a write that comes late to an unresponsive engine fails
    // soon.
    let within = async |seconds: u64, name: &'static str| {
        let write = tokio::time::timeout(Duration::from_secs(seconds), db.write(insert(name)));
        assert!(write.await.expect("a deadline").unwrap_err().is_unavailable());
    };
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        within(13, "waited for its turn").await;
        within(6, "came late").await;
    };
    let ((), (), read) =
        tokio::join!(within(13, "during"), second, tokio::time::timeout(Duration::from_secs(5), db.ping()));
    assert!(read.expect("a deadline").is_err());
    server.program.thaw();
    writes_until(&db, "after").await;
    let found = names(&db).await;
    // No write had reached its commit when its caller got the error.
    assert!(["after", "before"].iter().all(|name| found.contains(&(*name).to_owned())), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_writer_loses_the_lock_to_the_others() {
    let server = shared_postgres();
    let options = options(&server.url);
    let (silent, other) = (Db::postgres(&options).await.unwrap(), Db::postgres(&options).await.unwrap());
    silent.migrate("test", TABLES).await.unwrap();
    let asleep = tokio::spawn(async move {
        let write: Result<(), Error> = silent
            .write(|tx| {
                Box::pin(async move {
                    insert("silent")(tx).await?;
                    // Like a process that was stopped in the middle of a write.
                    tokio::time::sleep(Duration::from_secs(12)).await;
                    insert("late")(tx).await
                })
            })
            .await;
        write
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    writes_until(&other, "other").await;
    assert!(asleep.await.unwrap().is_err(), "a turn that was lost still wrote");
    assert_eq!(names(&other).await, ["other"]);
}

async fn a_write_that_swallows_a_refusal_is_not_said_to_stand_unless_it_does(harness: Harness) {
    let db = &harness.db;
    let written: Result<(), Error> = db
        .write(|tx| {
            Box::pin(async move {
                insert("a")(tx).await?;
                // Inserting the same name again is refused, and the error is ignored: PostgreSQL will roll back the
                // whole transaction at its commit.
                let _ = insert("a")(tx).await;
                Ok(())
            })
        })
        .await;
    assert_eq!(written.is_ok(), !names(db).await.is_empty(), "{written:?}");
    db.write(insert("b")).await.unwrap();
    assert!(names(db).await.contains(&"b".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_while_connections_break_is_there() {
    let server = Postgres::start();
    let proxy = Proxy::before(server.port());
    let (direct, spoiled) =
        (options(&server.url()), PostgresOptions { url: server.url_through(proxy.port()), ..options("") });
    let spoiled = PostgresOptions { schema: direct.schema.clone(), ..spoiled };
    let (judge, db) = (Db::postgres(&direct).await.unwrap(), Db::postgres(&spoiled).await.unwrap());
    judge.migrate("test", TABLES).await.unwrap();
    let (stop, acknowledged) =
        (Arc::new(std::sync::atomic::AtomicBool::new(false)), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for writer in 0..16 {
        let (db, stop, acknowledged) = (db.clone(), stop.clone(), acknowledged.clone());
        writers.push(tokio::spawn(async move {
            let mut stands = Vec::new();
            for number in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                let name = format!("{writer}-{number}");
                if db.write(insert(&name)).await.is_ok() {
                    stands.push(name);
                    acknowledged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
            stands
        }));
    }
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(u64::from(rand::random::<u8>()) / 4)).await;
        proxy.cut_once();
    }
    let enough = async {
        while acknowledged.load(std::sync::atomic::Ordering::Relaxed) <= 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Whether they were enough is checked below.
    let _ = tokio::time::timeout(Duration::from_secs(60), enough).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut stands = Vec::new();
    for writer in writers {
        stands.extend(writer.await.unwrap());
    }
    let there: std::collections::HashSet<String> = names(&judge).await.into_iter().collect();
    let lost: Vec<&String> = stands.iter().filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged writes are gone: {lost:?}", lost.len(), stands.len());
    assert!(stands.len() > 100, "only {} writes were acknowledged: the test proves little", stands.len());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server_and_the_next_one_works() {
    let server = shared_postgres();
    let db = Db::postgres(&PostgresOptions { statement_timeout: Duration::from_secs(2), ..options(&server.url) })
        .await
        .unwrap();
    db.migrate("test", TABLES).await.unwrap();
    let read = db.read().execute("select pg_sleep(60)", vec![]).await.unwrap_err();
    assert!(format!("{read:?}").contains("statement timeout"), "{read:?}");
    let written: Result<u64, Error> =
        db.write(|tx| Box::pin(async move { tx.execute("select pg_sleep(60)", vec![]).await })).await;
    let written = written.unwrap_err();
    assert!(format!("{written:?}").contains("statement timeout"), "{written:?}");
    db.write(insert("a")).await.unwrap();
    assert_eq!(names(&db).await, ["a"]);
}
