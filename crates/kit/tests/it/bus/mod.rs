//! What a bus must do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use kit::Clock;
use kit::bus::{Bus, Consumer, Envelope, Event, Failure, Subscription};
use kit::db::{Db, Error};
use kit::tasks::Tasks;

const LEASE: Duration = Duration::from_secs(30);
const NOW: Duration = Duration::ZERO;

#[derive(serde::Serialize, serde::Deserialize)]
struct Sung {
    song: u32,
}

impl Event for Sung {
    const SUBJECT: &'static str = "test.sung";
}

async fn bus(folder: &tempfile::TempDir, clock: &Clock) -> Bus {
    Bus::sqlite(&folder.path().join("bus.db"), clock.clone()).await.unwrap()
}

fn event(id: &str) -> Envelope {
    Envelope { id: id.into(), subject: "test.sung".into(), payload: "{\"song\":1}".into() }
}

fn to(name: &str) -> Subscription {
    Subscription { name: name.into(), subjects: vec!["test.sung".into()], lease: LEASE }
}

#[tokio::test]
async fn each_consumer_gets_each_event_and_a_repeated_publish_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bus = bus(&folder, &Clock::fixed(chrono::Utc::now())).await;
    let engine = bus.engine();
    engine.declare(&[to("one")]).await.unwrap();
    engine.declare(&[to("two")]).await.unwrap();
    engine.publish(&[event("a"), event("b")]).await.unwrap();
    engine.publish(&[event("b"), event("c")]).await.unwrap();
    for name in ["one", "two"] {
        let got = engine.fetch(&to(name), 10, NOW).await.unwrap();
        assert_eq!(got.iter().map(|delivery| delivery.event.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        for delivery in &got {
            assert!(engine.ack(name, delivery).await.unwrap());
            assert!(!engine.ack(name, delivery).await.unwrap(), "acknowledged twice");
        }
    }
    assert!(engine.backlog().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_silent_workers_delivery_goes_to_another_and_its_late_answer_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(chrono::Utc::now());
    let bus = bus(&folder, &clock).await;
    let engine = bus.engine();
    engine.declare(&[to("one")]).await.unwrap();
    engine.publish(&[event("a")]).await.unwrap();
    let silent = engine.fetch(&to("one"), 1, NOW).await.unwrap().remove(0);
    assert!(engine.fetch(&to("one"), 1, NOW).await.unwrap().is_empty(), "delivered to two at once");
    clock.advance(TimeDelta::seconds(20));
    assert!(engine.extend(&to("one"), &silent).await.unwrap());
    clock.advance(TimeDelta::seconds(20));
    assert!(engine.fetch(&to("one"), 1, NOW).await.unwrap().is_empty(), "a lease that was extended ended early");
    clock.advance(TimeDelta::seconds(20));
    let other = engine.fetch(&to("one"), 1, NOW).await.unwrap().remove(0);
    assert_eq!(other.attempt, 2);
    assert!(!engine.ack("one", &silent).await.unwrap());
    assert!(!engine.extend(&to("one"), &silent).await.unwrap());
    assert!(!engine.bury("one", &silent, "late").await.unwrap());
    assert!(engine.ack("one", &other).await.unwrap());
}

#[tokio::test]
async fn what_was_published_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(chrono::Utc::now());
    {
        let bus = bus(&folder, &clock).await;
        bus.engine().declare(&[to("one")]).await.unwrap();
        bus.engine().publish(&[event("a")]).await.unwrap();
    }
    let bus = bus(&folder, &clock).await;
    assert_eq!(bus.engine().fetch(&to("one"), 1, NOW).await.unwrap().len(), 1);
}

#[tokio::test]
async fn dead_letters_are_listed_with_their_reason_and_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let bus = bus(&folder, &Clock::fixed(chrono::Utc::now())).await;
    let engine = bus.engine();
    engine.declare(&[to("one")]).await.unwrap();
    engine.publish(&[event("a"), event("b")]).await.unwrap();
    for delivery in engine.fetch(&to("one"), 10, NOW).await.unwrap() {
        assert!(engine.bury("one", &delivery, "no such song").await.unwrap());
    }
    let dead = engine.dead(10).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!((dead[0].consumer.as_str(), dead[0].reason.as_str(), dead[0].attempts), ("one", "no such song", 1));
    assert_eq!(engine.revive(Some("one"), Some("b")).await.unwrap(), 1);
    assert_eq!(engine.revive(Some("nobody"), None).await.unwrap(), 0);
    assert_eq!(engine.fetch(&to("one"), 10, NOW).await.unwrap()[0].event.id, "b");
    assert_eq!(engine.dead(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn old_events_are_forgotten_but_never_one_that_somebody_still_has_to_take() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(chrono::Utc::now());
    let bus = bus(&folder, &clock).await;
    let engine = bus.engine();
    engine.declare(&[to("one")]).await.unwrap();
    engine.publish(&[event("a"), event("b")]).await.unwrap();
    let first = engine.fetch(&to("one"), 1, NOW).await.unwrap().remove(0);
    engine.ack("one", &first).await.unwrap();
    clock.advance(TimeDelta::days(8));
    assert_eq!(engine.trim(clock.now()).await.unwrap(), 1);
    assert_eq!(engine.fetch(&to("one"), 5, NOW).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_is_sent_if_and_only_if_its_transaction_commits_and_its_effect_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::default());
    let bus = bus(&folder, &clock).await;
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    let (heard, effects) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let consumer = {
        let (heard, effects, db, clock) = (heard.clone(), effects.clone(), db.clone(), clock.clone());
        Consumer::of::<Sung, _, _>("test.count", move |sung, delivery| {
            let (heard, effects, db, now) = (heard.clone(), effects.clone(), db.clone(), clock.now());
            async move {
                let first = db.write(move |tx| Box::pin(async move { tx.first_time("test.count", &delivery.event.id, now).await })).await?;
                if first {
                    effects.fetch_add(sung.song, Ordering::SeqCst);
                }
                // Every first attempt fails after its effect: the acknowledgement is lost, as in a crash.
                heard.fetch_add(1, Ordering::SeqCst);
                if first { Err(Failure::Retry("the acknowledgement is lost".into())) } else { Ok(()) }
            }
        })
    };
    bus.run(vec![consumer], &tasks).await.unwrap();
    bus.relay("test", db.clone(), clock.clone(), &tasks);
    for song in 1..=20_u32 {
        let now = clock.now();
        let result: Result<(), Error> = db
            .write(move |tx| {
                Box::pin(async move {
                    tx.publish(&Sung { song }, now).await?;
                    if song % 2 == 0 { Ok(()) } else { Err(Error::Conflict) }
                })
            })
            .await;
        assert_eq!(result.is_ok(), song % 2 == 0);
    }
    tokio::time::timeout(Duration::from_secs(20), async {
        while heard.load(Ordering::SeqCst) < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("ten events come twice each");
    assert_eq!(effects.load(Ordering::SeqCst), (2..=20).step_by(2).sum::<u32>());
    assert!(tasks.stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_handler_that_panics_is_tried_again_and_buried_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::default());
    let bus = bus(&folder, &clock).await;
    let consumer = Consumer::of::<Sung, _, _>("test.panic", |_, _| async { panic!("out of tune") }).attempts(2);
    bus.run(vec![consumer], &tasks).await.unwrap();
    bus.engine().publish(&[event("a")]).await.unwrap();
    let dead = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let dead = bus.engine().dead(1).await.unwrap();
            if let Some(dead) = dead.into_iter().next() {
                return dead;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is buried");
    assert_eq!(dead.attempts, 2);
    assert!(tasks.stop(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let bus = bus(&folder, &Clock::system()).await;
    let mut listener = bus.live().listen("media.x");
    bus.live().tell("media.y", "not for us");
    bus.live().tell("media.x", "1");
    assert_eq!(listener.next().await, Some(kit::bus::Heard::Update("media.x".into(), "1".into())));
    for number in 0..3000 {
        bus.live().tell("media.x", &number.to_string());
    }
    assert_eq!(listener.next().await, Some(kit::bus::Heard::Lagged));
}
