//! What every engine promises, tested on each of them.

use std::time::{Duration, Instant};

use super::harness::{NOW, SOON, event, ids, on_each_engine};
use bus::{Envelope, RunsIn, Subscription};

#[tokio::test]
async fn each_consumer_gets_each_event_and_a_repeated_publish_changes_nothing() {
    on_each_engine(async |harness| {
        harness.declare(&["one", "two"]).await;
        harness.publish(&["a", "b"]).await;
        harness.publish(&["b", "c"]).await;
        let engine = harness.bus.engine();
        for name in ["one", "two"] {
            let got = harness.fetch(name, 10, SOON).await;
            assert_eq!(ids(&got), ["a", "b", "c"]);
            assert_eq!(
                (got[0].event.subject.as_str(), got[0].event.payload.as_str(), got[0].attempt),
                ("test.sung", "{\"song\":1}", 1)
            );
            for delivery in &got {
                assert!(engine.ack(name, delivery).await.unwrap());
                assert!(!engine.ack(name, delivery).await.unwrap(), "acknowledged twice");
            }
        }
        assert!(engine.backlog().await.unwrap().is_empty());
        harness.publish(&["a", "c"]).await;
        assert!(harness.fetch("one", 10, NOW).await.is_empty(), "an event that every consumer had handled came again");
    })
    .await;
}

#[tokio::test]
async fn a_consumer_gets_its_subjects_and_a_new_one_gets_what_is_published_after_it() {
    on_each_engine(async |harness| {
        harness.declare(&["one"]).await;
        harness.publish(&["a"]).await;
        harness.declare(&["late", "one"]).await;
        let other = Subscription { subjects: vec!["test.other".into(), "test.more".into()], ..harness.to("other") };
        harness.bus.engine().declare(std::slice::from_ref(&other), RunsIn::ThisProcess).await.unwrap();
        harness.publish(&["b"]).await;
        let event = Envelope { id: "c".into(), subject: "test.more".into(), payload: "{}".into() };
        harness.bus.engine().publish(&[event]).await.unwrap();
        assert_eq!(ids(&harness.fetch("one", 10, SOON).await), ["a", "b"]);
        assert_eq!(ids(&harness.fetch("late", 10, SOON).await), ["b"]);
        assert_eq!(ids(&harness.bus.engine().fetch(&other, 10, SOON).await.unwrap()), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn consumers_with_similar_names_are_kept_apart() {
    on_each_engine(async |harness| {
        harness.declare(&["a.b", "a_b", "a b", "a*"]).await;
        harness.publish(&["x"]).await;
        for name in ["a.b", "a_b", "a b", "a*"] {
            let got = harness.fetch(name, 10, SOON).await;
            assert_eq!(ids(&got), ["x"], "{name}");
            assert_eq!(harness.backlog(name).await, 1);
            assert!(harness.bus.engine().ack(name, &got[0]).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_workers_delivery_goes_to_another_and_its_late_answer_changes_nothing() {
    on_each_engine(async |harness| {
        let engine = harness.bus.engine();
        harness.declare(&["one"]).await;
        harness.publish(&["a"]).await;
        let silent = harness.fetch("one", 1, SOON).await.remove(0);
        assert!(harness.fetch("one", 1, NOW).await.is_empty(), "delivered to two at once");
        harness.advance(0.5).await;
        assert!(engine.extend(&harness.to("one"), &silent).await.unwrap());
        // The lease that it got first is over, the extended one is not.
        harness.advance(0.6).await;
        assert!(harness.fetch("one", 1, NOW).await.is_empty(), "a lease that was extended ended early");
        harness.advance(0.6).await;
        let other = harness.fetch("one", 1, SOON).await.remove(0);
        assert_eq!(other.attempt, 2);
        assert!(!engine.ack("one", &silent).await.unwrap());
        assert!(!engine.extend(&harness.to("one"), &silent).await.unwrap());
        assert!(!engine.retry("one", &silent, NOW).await.unwrap());
        assert!(!engine.dead_letter("one", &silent, "late").await.unwrap());
        assert!(engine.dead_letters(10).await.unwrap().is_empty());
        assert_eq!(harness.backlog("one").await, 1);
        assert!(engine.ack("one", &other).await.unwrap());
        assert_eq!(harness.backlog("one").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_failed_comes_again_after_its_pause() {
    on_each_engine(async |harness| {
        let engine = harness.bus.engine();
        harness.declare(&["one"]).await;
        harness.publish(&["a"]).await;
        let first = harness.fetch("one", 1, SOON).await.remove(0);
        assert!(engine.retry("one", &first, harness.lease.mul_f64(1.6)).await.unwrap());
        assert!(!engine.ack("one", &first).await.unwrap(), "answered twice");
        // Longer than the lease, shorter than the pause.
        harness.advance(1.2).await;
        assert!(harness.fetch("one", 1, NOW).await.is_empty(), "it came before its pause was over");
        harness.advance(0.5).await;
        let second = harness.fetch("one", 1, SOON).await.remove(0);
        assert_eq!((second.event.id.as_str(), second.attempt), ("a", 2));
        assert!(engine.ack("one", &second).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn many_are_acknowledged_at_once_and_only_those_still_leased_count() {
    on_each_engine(async |harness| {
        let engine = harness.bus.engine();
        harness.declare(&["one"]).await;
        let names: Vec<String> = (0..950).map(|number| format!("event-{number:03}")).collect();
        harness.publish(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut got = harness.fetch("one", 1000, SOON).await;
        assert_eq!(ids(&got), names);
        assert!(engine.ack("one", &got[7]).await.unwrap());
        assert_eq!(engine.ack_all("one", &got[..10]).await.unwrap(), 9);
        got.drain(..10);
        assert_eq!(engine.ack_all("one", &got).await.unwrap(), 940);
        assert_eq!(harness.backlog("one").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_large_publish_of_which_some_is_known_adds_the_rest() {
    on_each_engine(async |harness| {
        harness.declare(&["one"]).await;
        let names: Vec<String> = (0..300).map(|number| format!("event-{number:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        harness.publish(&names[..200]).await;
        harness.publish(&names[100..]).await;
        harness.publish(&names).await;
        assert_eq!(ids(&harness.fetch("one", 1000, SOON).await), names);
    })
    .await;
}

#[tokio::test]
async fn a_consumer_that_the_product_has_no_more_can_be_forgotten() {
    on_each_engine(async |harness| {
        harness.declare(&["one", "gone"]).await;
        harness.publish(&["a"]).await;
        assert!(harness.bus.engine().forget("gone").await.unwrap());
        assert!(!harness.bus.engine().forget("gone").await.unwrap());
        assert!(!harness.bus.engine().forget("unknown").await.unwrap());
        assert_eq!(harness.bus.engine().backlog().await.unwrap(), [("one".to_owned(), 1)]);
        harness.publish(&["b"]).await;
        assert_eq!(ids(&harness.fetch("one", 10, SOON).await), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn dead_letters_are_listed_with_their_reason_and_can_be_replayed() {
    on_each_engine(async |harness| {
        let engine = harness.bus.engine();
        harness.declare(&["one", "two"]).await;
        harness.publish(&["a", "b", "c"]).await;
        for delivery in harness.fetch("one", 10, SOON).await {
            assert!(engine.dead_letter("one", &delivery, "no such song").await.unwrap());
            assert!(!engine.dead_letter("one", &delivery, "no such song").await.unwrap());
        }
        assert_eq!(engine.ack_all("two", &harness.fetch("two", 10, SOON).await).await.unwrap(), 3);
        assert!(engine.backlog().await.unwrap().is_empty(), "a dead letter is not pending");
        let dead = engine.dead_letters(10).await.unwrap();
        assert_eq!(dead.iter().map(|letter| letter.event.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((dead[0].consumer.as_str(), dead[0].reason.as_str(), dead[0].attempts), ("one", "no such song", 1));
        assert_eq!((dead[0].event.subject.as_str(), dead[0].event.payload.as_str()), ("test.sung", "{\"song\":1}"));
        assert_eq!(engine.dead_letters(2).await.unwrap().len(), 2);
        assert_eq!(engine.redeliver(Some("one"), Some("b")).await.unwrap(), 1);
        assert_eq!(engine.redeliver(Some("unknown"), None).await.unwrap(), 0);
        let got = harness.fetch("one", 10, SOON).await;
        assert_eq!((ids(&got), got[0].event.subject.as_str(), got[0].attempt), (vec!["b"], "test.sung", 1));
        assert!(engine.ack("one", &got[0]).await.unwrap());
        assert_eq!(engine.dead_letters(10).await.unwrap().len(), 2);
        assert_eq!(engine.redeliver(None, None).await.unwrap(), 2);
        assert_eq!(ids(&harness.fetch("one", 10, SOON).await), ["a", "c"]);
        assert!(
            harness.fetch("two", 10, NOW).await.is_empty(),
            "another consumer's letter was delivered to one that had handled the event"
        );
        assert!(engine.dead_letters(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_large_event_can_be_dead_lettered_and_replayed_too() {
    on_each_engine(async |harness| {
        harness.declare(&["one"]).await;
        // Each of these characters grows the most when it is quoted again.
        let payload = serde_json::to_string(&"\"\\".repeat(100_000)).unwrap();
        harness.bus.engine().publish(&[Envelope { payload: payload.clone(), ..event("a") }]).await.unwrap();
        let got = harness.fetch("one", 1, SOON).await;
        let reason = "\u{1b}[31mno\n".repeat(10_000);
        assert!(harness.bus.engine().dead_letter("one", &got[0], &reason).await.unwrap());
        assert_eq!(harness.bus.engine().dead_letters(1).await.unwrap()[0].event.payload, payload);
        assert_eq!(harness.bus.engine().redeliver(None, None).await.unwrap(), 1);
        assert_eq!(harness.fetch("one", 1, SOON).await[0].event.payload, payload);
    })
    .await;
}

#[tokio::test]
async fn the_backlog_counts_what_waits_and_what_is_at_work() {
    on_each_engine(async |harness| {
        harness.declare(&["one", "two"]).await;
        assert!(harness.bus.engine().backlog().await.unwrap().is_empty());
        harness.publish(&["a", "b", "c"]).await;
        let taken = harness.fetch("one", 2, SOON).await;
        assert_eq!(harness.bus.engine().backlog().await.unwrap(), [("one".to_owned(), 3), ("two".to_owned(), 3)]);
        assert!(harness.bus.engine().ack("one", &taken[0]).await.unwrap());
        assert_eq!(harness.backlog("one").await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_was_published_is_there_for_a_process_that_starts_later() {
    on_each_engine(async |harness| {
        harness.declare(&["one"]).await;
        harness.publish(&["a"]).await;
        let later = harness.another().await;
        later.engine().declare(&[harness.to("one")], RunsIn::ThisProcess).await.unwrap();
        later.ping().await.unwrap();
        let got = later.engine().fetch(&harness.to("one"), 1, SOON).await.unwrap();
        assert_eq!(ids(&got), ["a"]);
        assert!(later.engine().ack("one", &got[0]).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_fetch_waits_for_the_first_event_and_no_longer_than_it_was_told() {
    on_each_engine(async |harness| {
        harness.declare(&["one"]).await;
        let began = Instant::now();
        assert!(harness.fetch("one", 10, Duration::from_millis(300)).await.is_empty());
        assert!(
            began.elapsed() >= Duration::from_millis(250) && began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        let publish = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            harness.publish(&["a"]).await;
        };
        let began = Instant::now();
        let (got, ()) = tokio::join!(harness.fetch("one", 10, Duration::from_secs(20)), publish);
        assert_eq!(ids(&got), ["a"]);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn old_events_are_deleted_but_never_one_that_a_consumer_still_has_to_take() {
    on_each_engine(async |harness| {
        let engine = harness.bus.engine();
        harness.declare(&["one"]).await;
        harness.publish(&["a", "b"]).await;
        let first = harness.fetch("one", 1, SOON).await.remove(0);
        assert!(engine.ack("one", &first).await.unwrap());
        harness.clock.advance(chrono::TimeDelta::days(8));
        // An engine may have deleted it already.
        assert!(engine.trim(harness.clock.now()).await.unwrap() <= 1);
        assert_eq!(ids(&harness.fetch("one", 5, SOON).await), ["b"]);
    })
    .await;
}
