//! What a database must do, on every engine.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use db::{Db, Error, Lane, Migration, Sql};
use sea_orm::FromQueryResult;
use testkit::engines::shared_postgres;
use uuid::Uuid;

use crate::harness::{Harness, TABLES, Thing, insert, insert_in, names, options};

/// Runs each promise on each engine.
macro_rules! on_each_engine {
    ($($promise:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(crate::harness::Harness::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(crate::harness::Harness::postgres().await).await;
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
    a_long_statement_has_each_value_where_its_text_names_it
}

async fn every_type_comes_back_as_it_went_in(harness: Harness) {
    let db = &harness.db;
    let now = base::Clock::system().now();
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
        db.write(Lane::ALL, async move |tx| {
            tx.execute(
                "insert into thing (id, name, size, ratio, good, raw, at) values ($1, $2, $3, $4, $5, $6, $7)",
                values,
            )
            .await
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
        db.write(Lane::ALL, async move |tx| {
            tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await
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
    insert(db, "taken").await.unwrap();
    let mut writes = Vec::new();
    for number in 0..200 {
        let db = db.clone();
        let name = if number % 3 == 0 { "taken".to_owned() } else { format!("n{number:03}") };
        writes.push(tokio::spawn(async move { (number, insert(&db, &name).await) }));
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
        .write(Lane::ALL, async move |tx| {
            insert_in(tx, "half").await?;
            panic!("in the middle");
        })
        .await;
    assert!(matches!(result, Err(Error::OutcomeUnknown)));
    insert(db, "whole").await.unwrap();
    assert_eq!(names(db).await, ["whole"]);
}

async fn readers_read_while_a_writer_writes(harness: Harness) {
    let db = Arc::new(harness.db.clone());
    let writer = {
        let db = db.clone();
        tokio::spawn(async move {
            for number in 0..100 {
                insert(&db, &format!("w{number}")).await.unwrap();
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
            .write(Lane::ALL, async move |tx| tx.execute("rollback", vec![]).await.and(Err(Error::Conflict)))
            .await;
        assert!(ended.is_err());
        let refused: Result<(), Error> = harness.db.write(Lane::ALL, async |_| Err(Error::Conflict)).await;
        assert!(refused.is_err());
        let name = format!("name {number}");
        insert(&harness.db, &name).await.unwrap();
        assert!(names(&harness.again().await).await.contains(&name), "other processes do not see what was confirmed");
    }
}

/// Each list of a page would be planned anew at each request (decision 83).
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_built_so_that_plans_do_not_depend_on_values() {
    #[derive(FromQueryResult)]
    struct OptionRow {
        compile_options: String,
    }
    let harness = Harness::sqlite().await;
    let options: Vec<OptionRow> = harness.db.read().rows("pragma compile_options", vec![]).await.unwrap();
    assert!(options.iter().any(|option| option.compile_options == "ENABLE_QPSG"), "`.cargo/config.toml` was not read");
}

/// Sixty values, the last first, some of them twice.
async fn a_long_statement_has_each_value_where_its_text_names_it(harness: Harness) {
    let sum = |terms: &[usize]| terms.iter().map(|n| format!("cast(${n} as bigint)")).collect::<Vec<_>>().join(" - ");
    let order: Vec<usize> = (1..=60).rev().chain([7, 7, 60]).collect();
    let text = format!("select {} as size where '$1' <> '$2'", sum(&order));
    let values = (1..=60_i64).map(|n| (n * n).into()).collect();
    let found: Option<Size> = harness.db.read().row(&text, values).await.unwrap();
    let squares = |terms: &[usize]| terms.iter().map(|n| (n * n) as i64).sum::<i64>();
    assert_eq!(found.unwrap().size, 2 * squares(&order[..1]) - squares(&order));
}

async fn count_up(db: &Db) -> Result<(), Error> {
    db.write(Lane::ALL, async move |tx| {
        let found: Option<Size> = tx.row("select size from thing where name = 'counter'", vec![]).await?;
        let size = found.unwrap().size + 1;
        tx.execute("update thing set size = $1 where name = 'counter'", vec![size.into()]).await.map(drop)
    })
    .await
}

async fn processes_that_share_a_database_write_one_after_the_other(harness: Harness) {
    insert(&harness.db, "counter").await.unwrap();
    harness.db.write(Lane::ALL, async move |tx| tx.execute("update thing set size = 0", vec![]).await).await.unwrap();
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
    insert(&all[0], "a").await.unwrap();
    assert_eq!(names(&all[19]).await, ["a"]);
}

/// A write must fail in time while the server is unavailable; the next one works as soon as the server is back, without
/// help.
async fn a_write_that_swallows_a_refusal_is_not_said_to_stand_unless_it_does(harness: Harness) {
    let db = &harness.db;
    let written: Result<(), Error> = db
        .write(Lane::ALL, async move |tx| {
            insert_in(tx, "a").await?;
            // Inserting the same name again is refused, and the error is ignored: PostgreSQL will roll back the
            // whole transaction at its commit.
            let _ = insert_in(tx, "a").await;
            Ok(())
        })
        .await;
    assert_eq!(written.is_ok(), !names(db).await.is_empty(), "{written:?}");
    insert(db, "b").await.unwrap();
    assert!(names(db).await.contains(&"b".to_owned()));
}
