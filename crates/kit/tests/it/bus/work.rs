//! Consumers and relays at work, on each engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::Utc;
use kit::bus::{Consumer, Failure, Runs};
use kit::db::{Db, Error};
use kit::tasks::Tasks;

use super::stage::{END, Sung, counting, effects, event, on_each_engine_in_time, sing, unsent, until};

#[tokio::test]
async fn an_event_is_sent_if_and_only_if_its_transaction_commits_and_its_effect_happens_once() {
    on_each_engine_in_time(async |stage| {
        let (clock, tasks, db) = (stage.clock.clone(), Tasks::default(), stage.db().await);
        let (heard, sum) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let (heard, sum, db, clock) = (heard.clone(), sum.clone(), db.clone(), clock.clone());
            Consumer::of::<Sung, _, _>("test.count", move |sung, delivery| {
                let (heard, sum, db, now) = (heard.clone(), sum.clone(), db.clone(), clock.now());
                async move {
                    let first = db.write(move |tx| Box::pin(async move { tx.first_time("test.count", &delivery.event.id, now).await })).await?;
                    if first {
                        sum.fetch_add(sung.song, Ordering::SeqCst);
                    }
                    // Every first attempt fails after its effect: the acknowledgement is lost, as in a crash.
                    heard.fetch_add(1, Ordering::SeqCst);
                    if first { Err(Failure::Retry("the acknowledgement is lost".into())) } else { Ok(()) }
                }
            })
        };
        stage.bus.run(vec![consumer], &tasks).await.unwrap();
        stage.bus.relay("test", db.clone(), clock.clone(), &tasks);
        for song in 1..=20_u32 {
            let now = clock.now();
            let result: Result<(), Error> = db
                .write(move |tx| {
                    Box::pin(async move {
                        tx.publish(&Sung { song }, now)?;
                        if song % 2 == 0 { Ok(()) } else { Err(Error::Conflict) }
                    })
                })
                .await;
            assert_eq!(result.is_ok(), song % 2 == 0);
        }
        until("ten events come twice each", async || heard.load(Ordering::SeqCst) >= 20).await;
        assert_eq!(sum.load(Ordering::SeqCst), (2..=20).step_by(2).sum::<u32>());
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_is_tried_again_and_buried_with_its_reason() {
    on_each_engine_in_time(async |stage| {
        let tasks = Tasks::default();
        let consumer = Consumer::of::<Sung, _, _>("test.panic", |_, _| async { panic!("out of tune") }).attempts(2);
        stage.bus.run(vec![consumer], &tasks).await.unwrap();
        stage.publish(&["a"]).await;
        until("it is buried", async || !stage.bus.engine().dead(1).await.unwrap().is_empty()).await;
        let dead = stage.bus.engine().dead(1).await.unwrap().remove(0);
        assert_eq!((dead.attempts, dead.reason.contains("out of tune")), (2, true), "{}", dead.reason);
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_away_costs_no_attempt() {
    on_each_engine_in_time(async |stage| {
        let (tasks, met) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let met = met.clone();
            Consumer::of::<Sung, _, _>("test.away", move |_, _| {
                let met = met.clone();
                async move {
                    match met.fetch_add(1, Ordering::SeqCst) {
                        0..3 => Err(Error::CutOff.into()),
                        // A failure of its own is the first of two, however many attempts the engine has counted.
                        3 => Err(Failure::Retry("out of tune".into())),
                        _ => Ok(()),
                    }
                }
            })
        };
        stage.bus.run(vec![consumer.attempts(2)], &tasks).await.unwrap();
        stage.publish(&["a"]).await;
        until("it is taken in the end", async || met.load(Ordering::SeqCst) == 5 && stage.backlog("test.away").await == 0).await;
        assert!(stage.bus.engine().dead(1).await.unwrap().is_empty(), "an event was buried because an engine was away");
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_is_given_back_comes_again_and_costs_no_attempt() {
    on_each_engine_in_time(async |stage| {
        let (tasks, met) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let met = met.clone();
            Consumer::of::<Sung, _, _>("test.later", move |_, _| {
                let met = met.clone();
                async move {
                    match met.fetch_add(1, Ordering::SeqCst) {
                        0..5 => Err(Failure::Later(Duration::ZERO)),
                        5 => Err(Failure::Retry("out of tune".into())),
                        _ => Ok(()),
                    }
                }
            })
        };
        stage.bus.run(vec![consumer.attempts(2)], &tasks).await.unwrap();
        stage.publish(&["a"]).await;
        until("it is taken in the end", async || met.load(Ordering::SeqCst) == 7 && stage.backlog("test.later").await == 0).await;
        assert!(stage.bus.engine().dead(1).await.unwrap().is_empty(), "an event was buried because others went first");
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn a_batch_takes_effect_in_one_transaction_and_one_bad_event_harms_no_other() {
    on_each_engine_in_time(async |stage| {
        let (tasks, db, transactions) = (Tasks::default(), stage.db().await, Arc::new(AtomicU32::new(0)));
        let consumer = {
            let (db, transactions) = (db.clone(), transactions.clone());
            Consumer::batch("test.batch", &["test.sung"], 100, move |deliveries| {
                let (db, transactions) = (db.clone(), transactions.clone());
                async move {
                    if deliveries.iter().any(|delivery| delivery.event.id == "bad") {
                        return Err(Failure::Bury("it has no melody".into()));
                    }
                    transactions.fetch_add(1, Ordering::SeqCst);
                    let work = db.write(move |tx| {
                        Box::pin(async move {
                            let ids: Vec<&str> = deliveries.iter().map(|delivery| delivery.event.id.as_str()).collect();
                            tx.first_times("test.batch", &ids, Utc::now()).await.map(drop)
                        })
                    });
                    Ok(work.await?)
                }
            })
        };
        stage.declare(&["test.batch"]).await;
        let names: Vec<String> = (0..300).map(|number| format!("event-{number}")).collect();
        stage.publish(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        stage.bus.run(vec![consumer], &tasks).await.unwrap();
        until("all took effect", async || effects(&db, "test.batch").await == 300).await;
        assert!(transactions.load(Ordering::SeqCst) <= 6, "{transactions:?} transactions");
        stage.publish(&["good", "bad", "fine"]).await;
        until("the good ones took effect", async || effects(&db, "test.batch").await == 302).await;
        until("the bad one is buried", async || stage.bus.engine().dead(9).await.unwrap().len() == 1).await;
        assert_eq!(stage.bus.engine().dead(9).await.unwrap()[0].event.id, "bad");
        until("nothing waits", async || stage.backlog("test.batch").await == 0).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn the_inbox_tells_which_of_a_batch_are_new() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    let first = |ids: &'static [&'static str]| {
        let db = db.clone();
        async move { db.write(move |tx| Box::pin(async move { tx.first_times("one", ids, Utc::now()).await })).await.unwrap() }
    };
    assert_eq!(first(&["a", "b", "a"]).await, HashSet::from(["a".to_owned(), "b".into()]));
    assert_eq!(first(&["b", "c"]).await, HashSet::from(["c".to_owned()]));
    assert!(first(&[]).await.is_empty());
}

#[tokio::test]
async fn a_lease_is_kept_while_its_worker_lives_and_passes_on_when_it_dies() {
    on_each_engine_in_time(async |stage| {
        let (lease, started, finished) = (Duration::from_secs(4), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let worker = |patience: Duration| {
            let (started, finished) = (started.clone(), finished.clone());
            let consumer = Consumer::of::<Sung, _, _>("test.slow", move |_, _| {
                let (started, finished) = (started.clone(), finished.clone());
                async move {
                    started.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(patience).await;
                    finished.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }
            });
            consumer.lease(lease)
        };
        // As a process of its own, which is killed: its runtime and all of its tasks end at once, without a goodbye.
        let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bus, slow) = (stage.another_on(other.handle()).await, worker(Duration::from_secs(60)));
        other.spawn(async move { bus.run(vec![slow], &Tasks::default()).await.unwrap() }).await.unwrap();
        stage.publish(&["a"]).await;
        until("the worker has it", async || started.load(Ordering::SeqCst) == 1).await;
        // Two leases and a half: a living worker's is not taken away.
        let rescue = Tasks::default();
        stage.bus.run(vec![worker(Duration::from_millis(10))], &rescue).await.unwrap();
        tokio::time::sleep(lease * 2 + Duration::from_secs(2)).await;
        assert_eq!(started.load(Ordering::SeqCst), 1, "a living worker's delivery went to another");
        other.shutdown_background();
        until("another has done it", async || finished.load(Ordering::SeqCst) == 1).await;
        until("nothing waits", async || stage.backlog("test.slow").await == 0).await;
        assert!(rescue.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn two_relays_of_one_outbox_lose_nothing_and_double_nothing() {
    on_each_engine_in_time(async |stage| {
        let (tasks, db) = (Tasks::default(), stage.db().await);
        stage.bus.run(vec![counting("test.count", &db, stage.lease).at_once(32)], &tasks).await.unwrap();
        let other = stage.another().await;
        other.declare(&[stage.to("test.count")], Runs::Elsewhere).await.unwrap();
        for bus in [&stage.bus, &other] {
            bus.relay("test", db.clone(), stage.clock.clone(), &tasks);
        }
        sing(&db, 0..400).await;
        until("all took effect", async || effects(&db, "test.count").await == 400).await;
        until("all are marked", async || unsent(&db).await == 0).await;
        until("nothing waits", async || stage.backlog("test.count").await == 0).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn what_another_process_left_in_the_outbox_is_sent_after_a_few_seconds() {
    on_each_engine_in_time(async |stage| {
        let (tasks, db) = (Tasks::default(), stage.db().await);
        stage.bus.run(vec![counting("test.count", &db, stage.lease)], &tasks).await.unwrap();
        stage.bus.relay("test", db.clone(), stage.clock.clone(), &tasks);
        sing(&db, 0..1).await;
        until("the relay is up", async || effects(&db, "test.count").await == 1).await;
        // Of another process, by the end of its id; it died before it could send.
        // Its clock was three seconds fast, so that a slow machine finds it waiting.
        let now = stage.clock.now() + chrono::TimeDelta::seconds(3);
        let id = format!("0192aaaa-bbbb-7ccc-8ddd-{:012x}", u64::from(rand::random::<u32>()) << 16);
        let insert = db.write(move |tx| {
            Box::pin(async move {
                let text = "insert into outbox (id, subject, payload, created_at) values ($1, $2, $3, $4)";
                kit::db::Sql::execute(tx, text, vec![id.into(), "test.sung".into(), "{\"song\":1}".into(), now.into()]).await
            })
        });
        assert_eq!(insert.await.unwrap(), 1);
        sing(&db, 1..2).await;
        until("what was recorded here is sent at once", async || effects(&db, "test.count").await == 2).await;
        until("and marked", async || unsent(&db).await == 1).await;
        until("it is sent", async || effects(&db, "test.count").await == 3).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn events_are_sent_again_on_demand() {
    on_each_engine_in_time(async |stage| {
        let (tasks, db) = (Tasks::default(), stage.db().await);
        stage.bus.run(vec![counting("test.count", &db, stage.lease)], &tasks).await.unwrap();
        stage.bus.relay("test", db.clone(), stage.clock.clone(), &tasks);
        let since = stage.clock.now();
        sing(&db, 0..5).await;
        until("all took effect", async || effects(&db, "test.count").await == 5).await;
        until("all are marked", async || unsent(&db).await == 0).await;
        assert_eq!(stage.bus.replay(&db, since).await.unwrap(), 5);
        stage.bus.engine().publish(&[event("a")]).await.unwrap();
        until("the effects stay single", async || effects(&db, "test.count").await == 6).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}
