//! Live updates: within a process and across.

use std::time::Duration;

use kit::bus::{Bus, Heard};

use super::stage::{SOON, on_each_engine_in_time, options, until};
use kit::Clock;
use testkit::engines::Nats;

fn update(topic: &str, payload: &str) -> Heard {
    Heard::Update(topic.into(), payload.into())
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_so() {
    on_each_engine_in_time(async |stage| {
        until("it answers", async || stage.bus.ping().await.is_ok()).await;
        let mut listener = stage.bus.live().listen("media.x");
        stage.bus.live().tell("media.y", "not for us");
        stage.bus.live().tell("media.x", "1");
        let mut first = listener.next().await;
        if first == Some(Heard::Lagged) {
            // The connection has just been made.
            first = listener.next().await;
        }
        assert_eq!(first, Some(update("media.x", "1")));
        for number in 0..3000 {
            stage.bus.live().tell("media.x", &number.to_string());
        }
        assert_eq!(listener.next().await, Some(Heard::Lagged));
    })
    .await;
}

/// Two processes on one server, each with its connection settled.
async fn pair(url: &str) -> (Bus, Bus) {
    let options = options(url);
    let (one, two) = (Bus::nats(&options, Clock::system()).await.unwrap(), Bus::nats(&options, Clock::system()).await.unwrap());
    for bus in [&one, &two] {
        until("it answers", async || bus.ping().await.is_ok()).await;
    }
    // What each cries after connecting has been heard.
    tokio::time::sleep(Duration::from_millis(200)).await;
    (one, two)
}

#[tokio::test]
async fn what_is_told_in_one_process_is_heard_once_in_each() {
    let nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    for topic in ["media.5kT0_x", "", "a..b", "with space.*.>"] {
        let (mut here, mut there) = (one.live().listen(topic), two.live().listen(topic));
        one.live().tell(topic, "{\"done\":1}");
        one.live().tell(topic, "{\"done\":2}");
        for ear in [&mut here, &mut there] {
            for payload in ["{\"done\":1}", "{\"done\":2}"] {
                assert_eq!(tokio::time::timeout(SOON, ear.next()).await.unwrap(), Some(update(topic, payload)), "{topic}");
            }
            assert!(tokio::time::timeout(Duration::from_millis(50), ear.next()).await.is_err(), "heard twice: {topic}");
        }
    }
}

#[tokio::test]
async fn after_a_lost_connection_every_listener_is_told() {
    let mut nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    let (mut here, mut there) = (one.live().listen("x"), two.live().listen("x"));
    nats.program.kill();
    tokio::time::sleep(Duration::from_millis(300)).await;
    one.live().tell("x", "into the dark");
    assert_eq!(here.next().await, Some(update("x", "into the dark")), "whoever listens in the process hears it all the same");
    nats.program.again();
    for ear in [&mut here, &mut there] {
        assert_eq!(tokio::time::timeout(Duration::from_secs(20), ear.next()).await.unwrap(), Some(Heard::Lagged));
    }
    one.ping().await.unwrap();
    two.ping().await.unwrap();
    one.live().tell("x", "again");
    let again = async { while there.next().await != Some(update("x", "again")) {} };
    tokio::time::timeout(SOON, again).await.expect("updates cross again");
}

#[tokio::test]
async fn updates_that_were_dropped_on_their_way_out_are_missed_aloud() {
    let nats = Nats::start();
    let (one, two) = pair(&nats.url()).await;
    let mut there = two.live().listen("x");
    // Faster than anybody carries them: the teller never waits.
    for number in 0..5000 {
        one.live().tell("x", &number.to_string());
    }
    let lagged = async { while there.next().await != Some(Heard::Lagged) {} };
    tokio::time::timeout(SOON, lagged).await.expect("the listener is told");
}
