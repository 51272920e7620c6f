//! A NATS server that dies, freezes, is wiped, is full or missing: nothing is lost, and no operator has to help.

use std::time::{Duration, Instant};

use base::Clock;
use base::tasks::Tasks;
use bus::{Error, RunsIn, Subscription};
use bus_nats::NatsOptions;
use chrono::Utc;
use db::{Db, Lane};
use testkit::engines::Nats;

use super::harness::{END, Harness, SOON, counting, effects, event, ids, options, record_events, unsent, until};

const NAME: &str = "test.count";

/// Starts a consumer and a relay.
async fn start_consumer_and_relay(harness: &Harness, db: &Db) -> Tasks {
    let tasks = Tasks::default();
    harness.bus.run(vec![counting(NAME, db, harness.lease).concurrency(16)], &tasks).await.unwrap();
    harness.bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
    tasks
}

/// Checks that every event took effect once, and that nothing is left over.
async fn all_took_effect(harness: &Harness, db: &Db, events: i64) {
    let end = Instant::now() + Duration::from_secs(180);
    while effects(db, NAME).await != events {
        if Instant::now() > end {
            let (took, unsent, waiting) = (effects(db, NAME).await, unsent(db).await, harness.backlog(NAME).await);
            let state = harness.server_state(NAME).await;
            panic!("{took} of {events} took effect; {unsent} are unsent and {waiting} wait on the bus; {state}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("all are marked", async || unsent(db).await == 0).await;
    until("nothing waits", async || harness.backlog(NAME).await == 0).await;
    until("nothing is dead", async || harness.bus.engine().dead_letters(1).await.is_ok_and(|dead| dead.is_empty()))
        .await;
}

#[tokio::test]
async fn a_server_killed_under_load_loses_nothing() {
    let mut nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    let tasks = start_consumer_and_relay(&harness, &db).await;
    let load = async {
        for round in 0..30 {
            record_events(&db, round * 100..round * 100 + 100).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let trouble = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            nats.program.kill();
            tokio::time::sleep(Duration::from_millis(300)).await;
            nats.program.restart();
        }
    };
    tokio::join!(load, trouble);
    all_took_effect(&harness, &db, 3000).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn a_server_that_stands_still_is_waited_for_and_no_call_hangs() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    let tasks = start_consumer_and_relay(&harness, &db).await;
    record_events(&db, 0..100).await;
    nats.program.freeze();
    record_events(&db, 100..200).await;
    let began = Instant::now();
    assert!(harness.bus.ping().await.is_err());
    assert!(harness.bus.engine().publish(&[event("x")]).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    nats.program.thaw();
    // The sender of the event `x` got an error; whether it arrived is open.
    until("all took effect", async || effects(&db, NAME).await >= 200).await;
    until("all are marked", async || unsent(&db).await == 0).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn a_wiped_stream_is_made_again_and_gets_what_it_had() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    harness.declare(&["test.later"]).await;
    let tasks = start_consumer_and_relay(&harness, &db).await;
    record_events(&db, 0..700).await;
    all_took_effect(&harness, &db, 700).await;
    assert_eq!(harness.backlog("test.later").await, 700);
    harness.wipe().await;
    record_events(&db, 700..710).await;
    harness.bus.run(vec![counting("test.later", &db, harness.lease).concurrency(16)], &tasks).await.unwrap();
    until("the other consumer gets all", async || effects(&db, "test.later").await == 710).await;
    all_took_effect(&harness, &db, 710).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn a_wiped_stream_is_noticed_without_a_new_event_and_by_each_process() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    harness.declare(&["test.later"]).await;
    // Another service in another process, which sends now and then and subscribes to nothing.
    let (other, elsewhere) =
        (harness.another().await, Db::sqlite(&harness.folder.path().join("elsewhere.db")).await.unwrap());
    elsewhere.migrate("test", &[]).await.unwrap();
    other.declare(&[harness.to(NAME), harness.to("test.later")], RunsIn::Other).await.unwrap();
    let tasks = start_consumer_and_relay(&harness, &db).await;
    other.relay("elsewhere", elsewhere.clone(), Clock::system(), &tasks);
    record_events(&db, 0..20).await;
    record_events(&elsewhere, 0..20).await;
    all_took_effect(&harness, &db, 40).await;
    harness.wipe().await;
    until("everything is in the stream again", async || harness.backlog("test.later").await == 40).await;
    all_took_effect(&harness, &db, 40).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn an_answer_to_a_stream_that_is_gone_is_not_taken_for_one_to_the_new() {
    for kind in ["acknowledged", "refused", "extended", "dead-lettered"] {
        let mut nats = Nats::start();
        let harness = Harness::nats(&nats.url()).await;
        let engine = harness.bus.engine();
        let patient = Subscription { lease: Duration::from_secs(60), ..harness.to(NAME) };
        let one = async |id: &str| {
            until("it is published", async || engine.publish(&[event(id)]).await.is_ok()).await;
            engine.fetch(&patient, 1, SOON).await.unwrap().remove(0)
        };
        engine.declare(std::slice::from_ref(&patient), RunsIn::ThisProcess).await.unwrap();
        let before = one("before").await;
        nats.wipe();
        let after = one("after").await;
        assert_eq!((after.position, after.attempt), (before.position, before.attempt), "they have the same subject");
        let answered = match kind {
            "acknowledged" => engine.ack(NAME, &before).await.unwrap(),
            "refused" => engine.retry(NAME, &before, Duration::ZERO).await.unwrap(),
            "extended" => engine.extend(&patient, &before).await.unwrap(),
            _ => engine.dead_letter(NAME, &before, "a test").await.unwrap(),
        };
        assert!(!answered, "{kind}");
        assert_eq!(harness.backlog(NAME).await, 1, "{kind}: it was another event's answer");
        assert!(engine.ack(NAME, &after).await.unwrap(), "{kind}");
        until("it is taken", async || harness.backlog(NAME).await == 0).await;
    }
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_made_again() {
    let nats = Nats::start();
    let options = options(&nats.url());
    let bus = bus_nats::open(&options, Clock::system()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    let tasks = Tasks::default();
    bus.run(vec![counting(NAME, &db, Duration::from_secs(5))], &tasks).await.unwrap();
    bus.relay("test", db.clone(), Clock::system(), &tasks);
    record_events(&db, 0..1).await;
    until("it works", async || effects(&db, NAME).await == 1).await;
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    jetstream.delete_consumer_from_stream("test_count", &options.prefix).await.unwrap();
    until("it is there again", async || {
        jetstream.get_stream(&options.prefix).await.unwrap().consumer_info("test_count").await.is_ok()
    })
    .await;
    record_events(&db, 1..2).await;
    until("it receives again", async || effects(&db, NAME).await == 2).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn the_dead_letter_stream_is_made_again_too() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    harness.declare(&["one"]).await;
    harness.publish(&["a"]).await;
    harness.wipe_dead_letters().await;
    until("it is listed", async || harness.bus.engine().dead_letters(1).await.is_ok()).await;
    harness.wipe_dead_letters().await;
    let delivery = harness.fetch("one", 1, SOON).await.remove(0);
    until("it is dead-lettered", async || {
        harness.bus.engine().dead_letter("one", &delivery, "late").await.is_ok_and(|dead_lettered| dead_lettered)
    })
    .await;
    assert_eq!(harness.bus.engine().dead_letters(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_can_start_before_its_server() {
    let mut nats = Nats::start();
    nats.program.kill();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    let tasks = start_consumer_and_relay(&harness, &db).await;
    record_events(&db, 0..10).await;
    assert!(matches!(harness.bus.ping().await, Err(Error::Unavailable(_))));
    assert!(unsent(&db).await > 0);
    nats.program.restart();
    all_took_effect(&harness, &db, 10).await;
    harness.bus.ping().await.unwrap();
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn a_full_stream_refuses_and_the_outbox_keeps() {
    let nats = Nats::start();
    let options = NatsOptions { max_bytes: Some(20_000), ..options(&nats.url()) };
    let harness = Harness::with(options).await;
    let db = harness.db().await;
    harness.declare(&[NAME]).await;
    let tasks = Tasks::default();
    harness.bus.relay("test", db.clone(), harness.clock.clone(), &tasks);
    record_events(&db, 0..400).await;
    until("the stream fills", async || (50..400).contains(&harness.backlog(NAME).await)).await;
    assert!(unsent(&db).await > 0);
    harness.bus.run(vec![counting(NAME, &db, harness.lease).concurrency(16)], &tasks).await.unwrap();
    all_took_effect(&harness, &db, 400).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn an_event_that_can_not_be_sent_holds_up_no_other() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    let db = harness.db().await;
    let huge: Result<(), db::Error> = db
        .write(Lane::ALL, async move |tx| {
            tx.publish_raw("test.sung", format!("\"{}\"", "la".repeat(1_000_000)), Utc::now());
            Ok(())
        })
        .await;
    huge.unwrap();
    let tasks = start_consumer_and_relay(&harness, &db).await;
    record_events(&db, 0..10).await;
    until("the others took effect", async || effects(&db, NAME).await == 10).await;
    until("only the huge one is left", async || unsent(&db).await == 1).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn events_are_kept_for_a_process_that_has_never_run() {
    let nats = Nats::start();
    let harness = Harness::nats(&nats.url()).await;
    harness.bus.declare(&[harness.to("test.late")], RunsIn::Other).await.unwrap();
    harness.publish(&["a", "b"]).await;
    let late = harness.another().await;
    let as_it_runs = Subscription { lease: Duration::from_secs(7), ..harness.to("test.late") };
    late.engine().declare(std::slice::from_ref(&as_it_runs), RunsIn::ThisProcess).await.unwrap();
    assert_eq!(ids(&late.engine().fetch(&as_it_runs, 10, SOON).await.unwrap()), ["a", "b"]);
    // Declarations in other processes change nothing, even if those start later.
    harness.another().await.declare(&[harness.to("test.late")], RunsIn::Other).await.unwrap();
    assert_eq!(harness.lease_of("test_late").await, as_it_runs.lease);
}

#[tokio::test]
async fn one_server_of_three_may_die_at_any_time() {
    let mut servers = Nats::cluster();
    let servers_at = servers.iter().map(Nats::url).collect();
    let harness = Harness::with(NatsOptions { replicas: 3, servers: servers_at, ..options("") }).await;
    let db = harness.db().await;
    let tasks = start_consumer_and_relay(&harness, &db).await;
    record_events(&db, 0..200).await;
    until("the cluster is up", async || effects(&db, NAME).await == 200).await;
    let load = async {
        for round in 2..22 {
            record_events(&db, round * 100..round * 100 + 100).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let trouble = async {
        for server in &mut servers {
            server.program.kill();
            tokio::time::sleep(Duration::from_millis(1500)).await;
            server.program.restart();
            // The others must have caught up before the next one goes: two of three are needed.
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    };
    tokio::join!(load, trouble);
    all_took_effect(&harness, &db, 2200).await;
    assert!(tasks.stop(END).await);
}

#[tokio::test]
async fn secrets_come_from_files() {
    let nats = Nats::start_with("authorization { user: tutti, password: \"in a file\" }");
    let folder = tempfile::tempdir().unwrap();
    for (text, right) in [("in a file\n", true), ("guessed", false)] {
        let path = folder.path().join("password");
        std::fs::write(&path, text).unwrap();
        let options = NatsOptions { user: Some("tutti".into()), password_file: Some(path), ..options(&nats.url()) };
        let bus = bus_nats::open(&options, Clock::system()).await.unwrap();
        if right {
            until("it lets in", async || bus.ping().await.is_ok()).await;
        } else {
            assert!(bus.ping().await.is_err(), "a guess was let in");
        }
    }
}

#[tokio::test]
async fn wrong_options_are_reported_at_the_start() {
    let nats = Nats::start();
    let right = options(&nats.url());
    for wrong in [
        NatsOptions { servers: vec![], ..right.clone() },
        NatsOptions { servers: vec!["nats://no port:x".into()], ..right.clone() },
        NatsOptions { prefix: "a.b".into(), ..right.clone() },
        NatsOptions { replicas: 7, ..right.clone() },
        NatsOptions {
            user: Some("tutti".into()),
            password_file: Some("/nonexistent/password".into()),
            ..right.clone()
        },
    ] {
        assert!(matches!(bus_nats::open(&wrong, Clock::system()).await, Err(Error::Options(_))), "{wrong:?}");
    }
    // A server alone can't keep three copies.
    let bus = bus_nats::open(&NatsOptions { replicas: 3, ..right }, Clock::system()).await.unwrap();
    let error = bus.declare(&[], RunsIn::Other).await.unwrap_err();
    assert!(matches!(error, Error::Options(_)), "{error:?}");
}

#[test]
fn the_options_are_a_section_of_the_configuration() {
    let section: NatsOptions = toml::from_str(
        "servers = [\"nats://a:4222\", \"nats://b:4222\"]\nreplicas = \
        3\npassword_file = \"/run/secrets/nats\"\nuser = \"tutti\"",
    )
    .unwrap();
    assert_eq!((section.replicas, section.prefix.as_str(), section.servers.len()), (3, "tutti", 2));
    assert!(toml::from_str::<NatsOptions>("password = \"in the open\"").is_err());
}
