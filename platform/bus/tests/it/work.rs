//! Consumers and relays at work, on each engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::tasks::Tasks;
use bus::{Consumer, HandlerError, RunsIn};
use chrono::Utc;
use db::{Db, Error, Lane};

use super::harness::{
    END, Sung, counting, effects, event, on_each_engine_with_moving_clock, record_events, unsent, until,
};

#[tokio::test]
async fn an_event_is_sent_if_and_only_if_its_transaction_commits_and_its_effect_happens_once() {
    on_each_engine_with_moving_clock(async |harness| {
        let (clock, tasks, db) = (harness.clock.clone(), Tasks::default(), harness.db().await);
        let (heard, sum) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let (heard, sum, db, clock) = (heard.clone(), sum.clone(), db.clone(), clock.clone());
            Consumer::of::<Sung, _, _>("test.count", move |sung, delivery| {
                let (heard, sum, db, now) = (heard.clone(), sum.clone(), db.clone(), clock.now());
                async move {
                    let first = db
                        .write(Lane::ALL, async move |tx| tx.record_once("test.count", &delivery.event.id, now).await)
                        .await?;
                    if first {
                        sum.fetch_add(sung.song, Ordering::SeqCst);
                    }
                    // Every first attempt fails after its effect: the acknowledgement is lost, as in a crash.
                    heard.fetch_add(1, Ordering::SeqCst);
                    if first { Err(HandlerError::Retry("the acknowledgement is lost".into())) } else { Ok(()) }
                }
            })
        };
        harness.bus.run(vec![consumer], &tasks).await.unwrap();
        harness.bus.relay("test", db.clone(), clock.clone(), &tasks);
        for song in 1..=20_u32 {
            let now = clock.now();
            let result: Result<(), Error> = db
                .write(Lane::ALL, async move |tx| {
                    tx.publish(&Sung { song }, now)?;
                    if song % 2 == 0 { Ok(()) } else { Err(Error::Conflict) }
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
async fn a_handler_that_panics_is_tried_again_and_dead_lettered_with_its_reason() {
    on_each_engine_with_moving_clock(async |harness| {
        let tasks = Tasks::default();
        let consumer = Consumer::of::<Sung, _, _>("test.panic", |_, _| async { panic!("out of tune") }).attempts(2);
        harness.bus.run(vec![consumer], &tasks).await.unwrap();
        harness.publish(&["a"]).await;
        until("it is dead-lettered", async || !harness.bus.engine().dead_letters(1).await.unwrap().is_empty()).await;
        let dead = harness.bus.engine().dead_letters(1).await.unwrap().remove(0);
        assert_eq!((dead.attempts, dead.reason.contains("out of tune")), (2, true), "{}", dead.reason);
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_unavailable_costs_no_attempt() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, met) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let met = met.clone();
            Consumer::of::<Sung, _, _>("test.away", move |_, _| {
                let met = met.clone();
                async move {
                    match met.fetch_add(1, Ordering::SeqCst) {
                        0..3 => Err(Error::OutcomeUnknown.into()),
                        // An event's own failure is the first of two, however many attempts the engine has counted.
                        3 => Err(HandlerError::Retry("out of tune".into())),
                        _ => Ok(()),
                    }
                }
            })
        };
        harness.bus.run(vec![consumer.attempts(2)], &tasks).await.unwrap();
        harness.publish(&["a"]).await;
        until("it is taken in the end", async || {
            met.load(Ordering::SeqCst) == 5 && harness.backlog("test.away").await == 0
        })
        .await;
        assert!(
            harness.bus.engine().dead_letters(1).await.unwrap().is_empty(),
            "an event was dead-lettered because an engine was unavailable"
        );
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_is_given_back_comes_again_and_costs_no_attempt() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, met) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        let consumer = {
            let met = met.clone();
            Consumer::of::<Sung, _, _>("test.later", move |_, _| {
                let met = met.clone();
                async move {
                    match met.fetch_add(1, Ordering::SeqCst) {
                        0..5 => Err(HandlerError::Later(Duration::ZERO)),
                        5 => Err(HandlerError::Retry("out of tune".into())),
                        _ => Ok(()),
                    }
                }
            })
        };
        harness.bus.run(vec![consumer.attempts(2)], &tasks).await.unwrap();
        harness.publish(&["a"]).await;
        until("it is taken in the end", async || {
            met.load(Ordering::SeqCst) == 7 && harness.backlog("test.later").await == 0
        })
        .await;
        assert!(
            harness.bus.engine().dead_letters(1).await.unwrap().is_empty(),
            "an event was dead-lettered because others went first"
        );
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn a_batch_takes_effect_in_one_transaction_and_one_bad_event_harms_no_other() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, db, transactions) = (Tasks::default(), harness.db().await, Arc::new(AtomicU32::new(0)));
        let consumer = {
            let (db, transactions) = (db.clone(), transactions.clone());
            Consumer::batch("test.batch", &["test.sung"], 100, move |deliveries| {
                let (db, transactions) = (db.clone(), transactions.clone());
                async move {
                    if deliveries.iter().any(|delivery| delivery.event.id == "bad") {
                        return Err(HandlerError::DeadLetter("it has no melody".into()));
                    }
                    transactions.fetch_add(1, Ordering::SeqCst);
                    let work = db.write(Lane::ALL, async move |tx| {
                        let ids: Vec<&str> = deliveries.iter().map(|delivery| delivery.event.id.as_str()).collect();
                        tx.record_once_each("test.batch", &ids, Utc::now()).await.map(drop)
                    });
                    Ok(work.await?)
                }
            })
        };
        harness.declare(&["test.batch"]).await;
        let names: Vec<String> = (0..300).map(|number| format!("event-{number}")).collect();
        harness.publish(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        harness.bus.run(vec![consumer], &tasks).await.unwrap();
        until("all took effect", async || effects(&db, "test.batch").await == 300).await;
        assert!(transactions.load(Ordering::SeqCst) <= 6, "{transactions:?} transactions");
        harness.publish(&["good", "bad", "fine"]).await;
        until("the good ones took effect", async || effects(&db, "test.batch").await == 302).await;
        until("the bad one is dead-lettered", async || harness.bus.engine().dead_letters(9).await.unwrap().len() == 1)
            .await;
        assert_eq!(harness.bus.engine().dead_letters(9).await.unwrap()[0].event.id, "bad");
        until("nothing waits", async || harness.backlog("test.batch").await == 0).await;
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
        async move {
            let recorded = db.write(Lane::ALL, async move |tx| tx.record_once_each("one", ids, Utc::now()).await);
            recorded.await.unwrap()
        }
    };
    assert_eq!(first(&["a", "b", "a"]).await, HashSet::from(["a".to_owned(), "b".into()]));
    assert_eq!(first(&["b", "c"]).await, HashSet::from(["c".to_owned()]));
    assert!(first(&[]).await.is_empty());
}

#[tokio::test]
async fn a_lease_is_kept_while_its_worker_lives_and_ends_when_it_dies() {
    on_each_engine_with_moving_clock(async |harness| {
        let (lease, started, finished) =
            (Duration::from_secs(4), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let worker = |duration: Duration| {
            let (started, finished) = (started.clone(), finished.clone());
            let consumer = Consumer::of::<Sung, _, _>("test.slow", move |_, _| {
                let (started, finished) = (started.clone(), finished.clone());
                async move {
                    started.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(duration).await;
                    finished.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }
            });
            consumer.lease(lease)
        };
        // Like a process of its own that is killed: its runtime and all of its tasks end at once, without cleanup.
        let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (bus, slow) = (harness.another_on(other.handle()).await, worker(Duration::from_secs(60)));
        other.spawn(async move { bus.run(vec![slow], &Tasks::default()).await.unwrap() }).await.unwrap();
        harness.publish(&["a"]).await;
        until("the worker has it", async || started.load(Ordering::SeqCst) == 1).await;
        // Two and a half leases: a running worker keeps its delivery.
        let rescue = Tasks::default();
        harness.bus.run(vec![worker(Duration::from_millis(10))], &rescue).await.unwrap();
        tokio::time::sleep(lease * 2 + Duration::from_secs(2)).await;
        assert_eq!(started.load(Ordering::SeqCst), 1, "a living worker's delivery went to another");
        other.shutdown_background();
        until("another has done it", async || finished.load(Ordering::SeqCst) == 1).await;
        until("nothing waits", async || harness.backlog("test.slow").await == 0).await;
        assert!(rescue.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn two_relays_of_one_outbox_lose_nothing_and_double_nothing() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, db) = (Tasks::default(), harness.db().await);
        harness.bus.run(vec![counting("test.count", &db, harness.lease).concurrency(32)], &tasks).await.unwrap();
        let other = harness.another().await;
        other.declare(&[harness.to("test.count")], RunsIn::Other).await.unwrap();
        for bus in [&harness.bus, &other] {
            bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
        }
        record_events(&db, 0..400).await;
        until("all took effect", async || effects(&db, "test.count").await == 400).await;
        until("all are marked", async || unsent(&db).await == 0).await;
        until("nothing waits", async || harness.backlog("test.count").await == 0).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn what_another_process_left_in_the_outbox_is_sent_after_a_few_seconds() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, db) = (Tasks::default(), harness.db().await);
        harness.bus.run(vec![counting("test.count", &db, harness.lease)], &tasks).await.unwrap();
        harness.bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
        record_events(&db, 0..1).await;
        until("the relay is up", async || effects(&db, "test.count").await == 1).await;
        // Recorded by another process, by the suffix of its id; it died before it could send. Its clock was three
        // seconds fast, so that a slow machine finds the event pending.
        let now = harness.clock.now() + chrono::TimeDelta::seconds(3);
        let id = format!("0192aaaa-bbbb-7ccc-8ddd-{:012x}", base::Random::system().below(1 << 32) << 16);
        let insert = db.write(Lane::ALL, async move |tx| {
            let text = "insert into outbox (id, subject, payload, created_at) values ($1, $2, $3, $4)";
            db::Sql::execute(tx, text, vec![id.into(), "test.sung".into(), "{\"song\":1}".into(), now.into()]).await
        });
        assert_eq!(insert.await.unwrap(), 1);
        record_events(&db, 1..2).await;
        until("what was recorded here is sent at once", async || effects(&db, "test.count").await == 2).await;
        until("and marked", async || unsent(&db).await == 1).await;
        until("it is sent", async || effects(&db, "test.count").await == 3).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}

#[tokio::test]
async fn events_are_sent_again_on_demand() {
    on_each_engine_with_moving_clock(async |harness| {
        let (tasks, db) = (Tasks::default(), harness.db().await);
        harness.bus.run(vec![counting("test.count", &db, harness.lease)], &tasks).await.unwrap();
        harness.bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
        let since = harness.clock.now();
        record_events(&db, 0..5).await;
        until("all took effect", async || effects(&db, "test.count").await == 5).await;
        until("all are marked", async || unsent(&db).await == 0).await;
        assert_eq!(harness.bus.replay(&db, since).await.unwrap(), 5);
        harness.bus.engine().publish(&[event("a")]).await.unwrap();
        until("the effects stay single", async || effects(&db, "test.count").await == 6).await;
        assert!(tasks.stop(END).await);
    })
    .await;
}
