//! What a database must do.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kit::db::{Db, Error, Migration, Sql};
use sea_orm::FromQueryResult;
use uuid::Uuid;

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

async fn sqlite(folder: &tempfile::TempDir) -> Db {
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    db
}

fn insert(name: &str) -> impl for<'t> FnOnce(&'t kit::db::Tx) -> futures::future::BoxFuture<'t, Result<(), Error>> + Send + 'static {
    let name = name.to_owned();
    move |tx| {
        Box::pin(async move {
            let values = vec![Uuid::now_v7().into(), name.into(), true.into(), Utc::now().into()];
            tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await.map(drop)
        })
    }
}

async fn names(db: &Db) -> Vec<String> {
    let things: Vec<Thing> = db.read().rows("select id, name, size, ratio, good, raw, at from thing order by name", vec![]).await.unwrap();
    things.into_iter().map(|thing| thing.name).collect()
}

#[tokio::test]
async fn every_type_comes_back_as_it_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite(&folder).await;
    let now = kit::Clock::system().now();
    let full = Thing { id: Uuid::now_v7(), name: "é".into(), size: Some(-1), ratio: Some(0.5), good: true, raw: Some(vec![0, 255]), at: now };
    let bare = Thing { id: Uuid::now_v7(), name: "z".into(), size: None, ratio: None, good: false, raw: None, at: now + TimeDelta::microseconds(1) };
    for thing in [&full, &bare] {
        let values = vec![thing.id.into(), thing.name.clone().into(), thing.size.into(), thing.ratio.into(), thing.good.into(), thing.raw.clone().into(), thing.at.into()];
        db.write(move |tx| Box::pin(async move { tx.execute("insert into thing (id, name, size, ratio, good, raw, at) values ($1, $2, $3, $4, $5, $6, $7)", values).await }))
            .await
            .unwrap();
    }
    let found: Vec<Thing> = db.read().rows("select id, name, size, ratio, good, raw, at from thing where at >= $1 order by at", vec![now.into()]).await.unwrap();
    assert_eq!(found, vec![full, bare]);
}

#[tokio::test]
async fn times_compare_as_times_whatever_their_fraction() {
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite(&folder).await;
    let whole = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (name, micros) in [("c", 500_000), ("a", 0), ("d", 500_001), ("b", 1), ("e", 1_000_000)] {
        let values = vec![Uuid::now_v7().into(), name.into(), true.into(), (whole + TimeDelta::microseconds(micros)).into()];
        db.write(move |tx| Box::pin(async move { tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await })).await.unwrap();
    }
    let found: Vec<Thing> = db.read().rows("select id, name, size, ratio, good, raw, at from thing order by at", vec![]).await.unwrap();
    assert_eq!(found.into_iter().map(|thing| thing.name).collect::<String>(), "abcde");
}

#[tokio::test]
async fn a_write_that_fails_takes_nobody_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite(&folder).await;
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
    assert_eq!(names(&db).await.len(), 1 + 200 - 67);
}

#[tokio::test]
async fn a_write_that_panics_is_rolled_back_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite(&folder).await;
    let result: Result<(), Error> = db
        .write(|tx| {
            Box::pin(async move {
                insert("half")(tx).await?;
                panic!("in the middle");
            })
        })
        .await;
    assert!(matches!(result, Err(Error::Closed)));
    db.write(insert("whole")).await.unwrap();
    assert_eq!(names(&db).await, ["whole"]);
}

#[tokio::test]
async fn readers_read_while_a_writer_writes() {
    let folder = tempfile::tempdir().unwrap();
    let db = Arc::new(sqlite(&folder).await);
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

#[tokio::test]
async fn the_release_before_runs_on_this_schema_and_a_much_older_one_says_why_not() {
    const NEXT: &[Migration] = &[TABLES[0], Migration { version: 2, min_compatible: 1, sql: "alter table thing add column more text" }];
    const LATER: &[Migration] = &[NEXT[0], NEXT[1], Migration { version: 3, min_compatible: 2, sql: "alter table thing add column yet_more text" }];
    let folder = tempfile::tempdir().unwrap();
    let db = sqlite(&folder).await;
    db.migrate("test", NEXT).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    db.migrate("test", LATER).await.unwrap();
    db.migrate("test", NEXT).await.unwrap();
    let error = db.migrate("test", TABLES).await.unwrap_err().to_string();
    assert!(error.contains("version 3") && error.contains("install that release"), "{error}");
}
