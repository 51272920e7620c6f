//! Live updates, within a process and across processes.

use std::time::Duration;

use bus::{BroadcastMessage, Bus};

use super::harness::{SOON, on_each_engine_with_moving_clock, options, until};
use base::Clock;
use testkit::engines::Nats;

fn update(topic: &str, payload: &str) -> BroadcastMessage {
    BroadcastMessage::Update(topic.into(), payload.into())
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_is_told() {
    on_each_engine_with_moving_clock(async |harness| {
        until("it answers", async || harness.bus.ping().await.is_ok()).await;
        let mut listener = harness.bus.broadcast().subscribe("media.x");
        harness.bus.broadcast().publish("media.y", "not for us");
        harness.bus.broadcast().publish("media.x", "1");
        let mut first = listener.next().await;
        if first == Some(BroadcastMessage::Lagged) {
            // The connection has just been made.
            first = listener.next().await;
        }
        assert_eq!(first, Some(update("media.x", "1")));
        for number in 0..3000 {
            harness.bus.broadcast().publish("media.x", &number.to_string());
        }
        assert_eq!(listener.next().await, Some(BroadcastMessage::Lagged));
    })
    .await;
}

/// Two processes on one server, each with its connection settled.
async fn pair(url: &str) -> (Bus, Bus) {
    let options = options(url);
    let (one, two) = (
        bus_nats::open(&options, Clock::system()).await.unwrap(),
        bus_nats::open(&options, Clock::system()).await.unwrap(),
    );
    for bus in [&one, &two] {
        until("it answers", async || bus.ping().await.is_ok()).await;
    }
    // The messages that each sends after connecting have arrived.
    tokio::time::sleep(Duration::from_millis(200)).await;
    (one, two)
}

#[tokio::test]
async fn an_update_of_one_process_arrives_once_in_each() {
    let nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    for topic in ["media.5kT0_x", "", "a..b", "with space.*.>"] {
        let (mut here, mut there) = (one.broadcast().subscribe(topic), two.broadcast().subscribe(topic));
        one.broadcast().publish(topic, "{\"done\":1}");
        one.broadcast().publish(topic, "{\"done\":2}");
        for subscriber in [&mut here, &mut there] {
            for payload in ["{\"done\":1}", "{\"done\":2}"] {
                assert_eq!(
                    tokio::time::timeout(SOON, subscriber.next()).await.unwrap(),
                    Some(update(topic, payload)),
                    "{topic}"
                );
            }
            assert!(
                tokio::time::timeout(Duration::from_millis(50), subscriber.next()).await.is_err(),
                "heard twice: {topic}"
            );
        }
    }
}

#[tokio::test]
async fn after_a_lost_connection_every_subscriber_is_told() {
    let mut nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    let (mut here, mut there) = (one.broadcast().subscribe("x"), two.broadcast().subscribe("x"));
    nats.program.kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    one.broadcast().publish("x", "into the dark");
    assert_eq!(here.next().await, Some(update("x", "into the dark")), "subscribers in the process get it all the same");
    nats.program.restart();
    for subscriber in [&mut here, &mut there] {
        assert_eq!(
            tokio::time::timeout(Duration::from_secs(20), subscriber.next()).await.unwrap(),
            Some(BroadcastMessage::Lagged)
        );
    }
    one.ping().await.unwrap();
    two.ping().await.unwrap();
    one.broadcast().publish("x", "again");
    let again = async { while there.next().await != Some(update("x", "again")) {} };
    tokio::time::timeout(SOON, again).await.expect("updates cross again");
}

#[tokio::test]
async fn dropped_outgoing_updates_are_reported_as_missed() {
    let nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    let mut there = two.broadcast().subscribe("x");
    // Faster than they can be passed on: the publisher never waits.
    for number in 0..5000 {
        one.broadcast().publish("x", &number.to_string());
    }
    let lagged = async { while there.next().await != Some(BroadcastMessage::Lagged) {} };
    tokio::time::timeout(SOON, lagged).await.expect("the listener is told");
}
