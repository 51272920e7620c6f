//! A server that dies, freezes, loses connections or takes too long, and writers that do.
//!
//! Invariant: what was acknowledged is there.

use std::sync::Arc;
use std::time::Duration;

use db::{Db, Error, Lane, PostgresOptions, Sql};
use testkit::engines::{Postgres, Proxy, shared_postgres};

use crate::harness::{TABLES, insert, insert_in, names, options};

async fn writes_until(db: &Db, name: &str) {
    let began = std::time::Instant::now();
    while let Err(error) = insert(db, name).await {
        assert!(error.is_unavailable() && began.elapsed() < Duration::from_secs(40), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_is_found_again() {
    let mut server = Postgres::start();
    let db = Db::postgres(&options(&server.url())).await.unwrap();
    db.migrate("test", TABLES).await.unwrap();
    insert(&db, "before").await.unwrap();
    server.program.kill();
    let refused = insert(&db, "during").await.unwrap_err();
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
    insert(&db, "before").await.unwrap();
    server.program.freeze();
    // Each write has its own timeout, also in the queue; and a write that comes late to an unresponsive engine fails
    // soon.
    let within = async |seconds: u64, name: &'static str| {
        let write = tokio::time::timeout(Duration::from_secs(seconds), insert(&db, name));
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
            .write(Lane::ALL, async move |tx| {
                insert_in(tx, "silent").await?;
                // Like a process that was stopped in the middle of a write.
                tokio::time::sleep(Duration::from_secs(12)).await;
                insert_in(tx, "late").await
            })
            .await;
        write
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    writes_until(&other, "other").await;
    assert!(asleep.await.unwrap().is_err(), "a turn that was lost still wrote");
    assert_eq!(names(&other).await, ["other"]);
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
                if insert(&db, &name).await.is_ok() {
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
        db.write(Lane::ALL, async move |tx| tx.execute("select pg_sleep(60)", vec![]).await).await;
    let written = written.unwrap_err();
    assert!(format!("{written:?}").contains("statement timeout"), "{written:?}");
    insert(&db, "a").await.unwrap();
    assert_eq!(names(&db).await, ["a"]);
}
