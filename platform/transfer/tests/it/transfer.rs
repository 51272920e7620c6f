//! Transferring a folder to PostgreSQL and S3: what is copied, how it resumes, what is refused.

use std::time::Duration;

use base::Clock;
use base::ObjectKey;
use bus::{Bus, Envelope, RunsIn, Subscription};
use bytes::Bytes;
use db::{Lane, Sql};
use objects::{Checkpoint, Error as Store};
use transfer::{Outcome, Transfer};
use uuid::Uuid;

use testkit::objects::{MIB, content, whole, write};

use crate::fixtures::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_type_and_objects_of_every_size_come_over_once() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let keys = harness.store_objects().await;
    let report = harness.moved().await;
    assert_all_match(&report);
    assert_eq!(
        (
            row_of(&report, "band.song").source_count,
            row_of(&report, "band.album").destination_count,
            row_of(&report, "objects").source_count
        ),
        (u64::from(SONGS), u64::from(SONGS), keys.len() as u64)
    );
    let text = "select id, title, note, plays, gain, live, cover, sung_at from song order by plays";
    let (there, here): (Vec<Song>, Vec<Song>) = (
        harness.destination().await.read().rows(text, vec![]).await.unwrap(),
        harness.source().await.read().rows(text, vec![]).await.unwrap(),
    );
    assert!(there == here && there.iter().any(|song| song.cover.is_some() && song.sung_at.is_some()));
    let (from, to) = (harness.source_objects().await, harness.destination_objects());
    for key in &keys {
        assert!(whole(&from, key).await == whole(&to, key).await, "{key}");
    }
    assert_eq!(std::fs::read(harness.folder.path().join("url-signing.key")).unwrap(), [7; 32]);

    let transfer = harness.open().await.unwrap();
    assert_all_match(&transfer.verify(&SilentListener).await.unwrap());
    assert!(matches!(transfer.run(&SilentListener).await.unwrap(), Outcome::AlreadyDone(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_breaks_off_anywhere_goes_on() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let objects = harness.store_objects().await.len();
    let mut known = 0;
    // In the middle of the objects, and then as the rows begin (one step for the phase, one for each object).
    for steps in [objects / 2, objects + 2] {
        let (transfer, watch) = (harness.open().await.unwrap(), StepCounter::after(steps));
        tokio::select! {
            _ = transfer.run(&watch) => panic!("it was faster"),
            () = watch.enough.notified() => {}
        }
        drop(transfer);
        let now = harness.progress_rows().await;
        assert!(now > known, "{now} after {known}");
        known = now;
    }
    assert_all_match(&harness.moved().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_events_are_due_again() {
    let harness = Harness::new().await;
    let bus = Bus::sqlite(&harness.data().join("bus.db"), Clock::system()).await.unwrap();
    let listener = Subscription::to_subject("fan.sung", "band.sung");
    // A role that this release no longer has: its events stay where they are.
    let forgotten = Subscription::to_subject("fan.hummed", "choir.hummed");
    bus.declare(&[listener.clone(), forgotten], RunsIn::ThisProcess).await.unwrap();
    bus.engine()
        .publish(&[Envelope { id: "hummed".into(), subject: "choir.hummed".into(), payload: "{}".into() }])
        .await
        .unwrap();
    let event = |id: &str| Envelope { id: id.into(), subject: "band.sung".into(), payload: "{}".into() };
    // Handled, dead-lettered (and by now deleted from the outbox), pending, and recorded but never sent.
    bus.engine().publish(&["taken", "dead", "waiting"].map(event)).await.unwrap();
    let deliveries = bus.engine().fetch(&listener, 2, Duration::ZERO).await.unwrap();
    assert!(
        bus.engine().ack("fan.sung", &deliveries[0]).await.unwrap()
            && bus.engine().dead_letter("fan.sung", &deliveries[1], "no").await.unwrap()
    );
    let outbox: Result<(), db::Error> = harness
        .source()
        .await
        .write(Lane::ALL, async move |tx| {
            for (id, sent) in [("taken", Some(time())), ("waiting", Some(time())), ("unsent", None)] {
                tx.execute(
                    "insert into outbox (id, subject, payload, created_at, sent_at) values ($1, 'band.sung', \
                         '{}', $2, $3)",
                    vec![id.into(), time().into(), sent.into()],
                )
                .await?;
            }
            Ok(())
        })
        .await;
    outbox.unwrap();
    assert_all_match(&harness.moved().await);
    let due: Vec<Event> = harness
        .destination()
        .await
        .read()
        .rows("select id from outbox where sent_at is null order by id", vec![])
        .await
        .unwrap();
    assert_eq!(due.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["dead", "unsent", "waiting"]);
    // The folder's log is unchanged.
    assert_eq!(
        (bus.engine().dead_letters(9).await.unwrap().len(), bus.engine().backlog().await.unwrap()),
        (1, vec![("fan.hummed".to_owned(), 1), ("fan.sung".to_owned(), 1)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_object_goes_on_where_it_was() {
    let harness = Harness::new().await;
    let (all, from) = (content(20 * MIB), harness.source_objects().await);
    let mut checkpoints = Vec::new();
    for cut in [100, 7 * MIB + 3] {
        let mut writer = from.create().await.unwrap();
        write(&mut writer, &all.slice(..cut)).await;
        checkpoints.push(writer.save().await.unwrap());
        // After the checkpoint: it was never acknowledged.
        writer.write(Bytes::from_static(b"lost")).await.unwrap();
        writer.checkpoint().await.unwrap();
    }
    assert_all_match(&harness.moved().await);
    let to = harness.destination_objects();
    for place in &checkpoints {
        let mut writer = to.resume(place, ObjectKey::random()).await.unwrap();
        write(&mut writer, &all.slice(usize::try_from(place.bytes).unwrap()..)).await;
        let stored = writer.finish().await.unwrap();
        assert!(whole(&to, &stored.key).await == all, "from {}", place.bytes);
        to.remove(&place.key).await.unwrap();
        assert!(whole(&to, &stored.key).await == all);
    }
    let lost = Checkpoint { key: ObjectKey::random(), bytes: 100, state: String::new() };
    assert!(matches!(to.resume(&lost, ObjectKey::random()).await, Err(Store::Missing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_named() {
    let harness = Harness::new().await;
    harness.insert_rows().await;
    let keys = harness.store_objects().await;
    assert_all_match(&harness.moved().await);
    let changed: Result<u64, db::Error> = harness
        .destination()
        .await
        .write(Lane::ALL, async move |tx| {
            tx.execute("update song set gain = null where plays = $1", vec![(i64::MAX - 1).into()]).await
        })
        .await;
    assert_eq!(changed.unwrap(), 1);
    let (to, key) = (harness.destination_objects(), keys.last().unwrap());
    let mut bytes = whole(&to, key).await.to_vec();
    bytes[50] ^= 1;
    to.remove(key).await.unwrap();
    let mut writer = to.create_as(key.clone()).await.unwrap();
    writer.write(bytes.into()).await.unwrap();
    writer.finish().await.unwrap();
    let report = harness.open().await.unwrap().verify(&SilentListener).await.unwrap();
    let differences: Vec<&str> = report.iter().filter(|row| !row.matches).map(|row| row.part.as_str()).collect();
    assert_eq!(differences, ["band.song", "objects"]);
    assert_eq!(row_of(&report, "objects").differences, [key.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_moved_is_refused_with_a_reason() {
    let harness = Harness::new().await;
    let open = async |data: &std::path::Path, without: &str| {
        let opened = Transfer::open(data, &harness.config(without), &[band()], Clock::system()).await;
        opened.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (without, lacks) in [
        ("db.url", "lacks db.url."),
        ("bus", "lacks bus.servers."),
        ("objects.bucket", "objects.bucket"),
        ("secrets", "secrets.url_signing_key_file"),
    ] {
        let said = open(&harness.data(), without).await;
        assert!(said.contains(lacks), "{said}");
    }
    let said = open(harness.folder.path(), "").await;
    assert!(said.contains("no data folder of Tutti's"), "{said}");
    let first = harness.open().await.unwrap();
    let said = open(&harness.data(), "").await;
    assert!(said.contains("already uses the data folder"), "{said}");
    drop(first);
    std::fs::write(harness.folder.path().join("url-signing.key"), [8; 32]).unwrap();
    let said = open(&harness.data(), "").await;
    assert!(said.contains("another key"), "{said}");
    std::fs::remove_file(harness.folder.path().join("url-signing.key")).unwrap();
    let other: Result<u64, db::Error> = harness
        .destination()
        .await
        .write(Lane::ALL, async move |tx| {
            tx.execute("insert into song (id, title, plays) values ($1, 'x', 1)", vec![Uuid::new_v4().into()]).await
        })
        .await;
    assert_eq!(other.unwrap(), 1);
    let said = open(&harness.data(), "").await;
    assert!(said.contains("did not come from this folder") && said.contains("`song`"), "{said}");
}
