//! Restores: whole, into an empty place, and again after an interruption.

use bus::{Bus, Envelope, RunsIn, Subscription};
use chrono::{DateTime, TimeDelta};
use db::{FromQueryResult, Lane, Sql as _, restored};

use crate::fixtures::{Harness, assert_whole, db_in, flip, sing, songs};

#[derive(FromQueryResult)]
struct Unsent {
    id: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_whole_and_overwrites_nothing_and_continues_after_an_interruption() {
    let harness = Harness::new().await;
    let (db, objects) = (harness.db().await, harness.objects().await);
    for number in 0..5 {
        sing(&db, &objects, &format!("song {number}")).await;
    }
    // One without a byte, and one that is larger than what is opened in memory.
    for title in [String::new(), "a long song ".repeat(200_000)] {
        sing(&db, &objects, &title).await;
    }
    let point = harness.back_up().await;
    assert_eq!(restored::epoch(db.read()).await.unwrap(), 0);

    let refused = harness.restore(&point.id, "data").await.unwrap_err().to_string();
    assert!(refused.contains("already uses") || refused.contains("not empty"), "{refused}");
    harness.restore(&point.id, "new").await.unwrap();
    let (there, store) =
        (db_in(&harness.path("new")).await, objects::Objects::folder(&harness.path("new/objects")).await.unwrap());
    assert_eq!(songs(&there).await, songs(&db).await);
    assert_whole(&there, &store).await;
    assert_eq!(harness.stored_objects("new").len(), 7);
    assert!(harness.stored_objects("new") == harness.stored_objects("data"), "the restored store is another one");
    assert_eq!(std::fs::read(harness.path("new/secrets/url-signing.key")).unwrap(), [7; 32]);
    assert!(harness.path("new/restored/system.json").is_file());
    assert_eq!(restored::epoch(there.read()).await.unwrap(), harness.clock.now().timestamp_millis());
    assert!(backup::refuse_incomplete(&harness.path("new")).is_ok());
    let again = harness.restore(&point.id, "new").await.unwrap_err().to_string();
    assert!(again.contains("not empty"), "{again}");
    // The next restore has another epoch, even where the clock is behind.
    let recorded: Result<(), db::Error> =
        there.write(Lane::ALL, async |tx| restored::record(tx, "again", DateTime::UNIX_EPOCH).await).await;
    recorded.unwrap();
    assert!(restored::epoch(there.read()).await.unwrap() > harness.clock.now().timestamp_millis());

    // A restore whose machine lost power: its marker, a part of an object, one of zeros as its bytes were not on the
    // disk yet, a whole one, and a part of a database.
    let killed = harness.path("killed");
    let small = songs(&db).await.into_iter().filter(|song| song.title.starts_with("song "));
    let left = ["so".as_bytes(), &[0; 6], "song 2".as_bytes()];
    for (song, left) in small.zip(left) {
        std::fs::create_dir_all(killed.join("objects").join(&song.object[..2])).unwrap();
        std::fs::write(killed.join("objects").join(&song.object), left).unwrap();
    }
    std::fs::write(killed.join("band.db"), "part").unwrap();
    std::fs::write(killed.join("restore-incomplete"), format!("{}\nanother place", point.id)).unwrap();
    let elsewhere = harness.restore(&point.id, "killed").await.unwrap_err().to_string();
    assert!(elsewhere.contains("another place"), "{elsewhere}");
    std::fs::write(killed.join("restore-incomplete"), &point.id).unwrap();
    assert!(backup::refuse_incomplete(&killed).unwrap_err().contains(&point.id));
    // The same command as before continues with the point that it began with, while that is kept.
    harness.clock.advance(TimeDelta::hours(1));
    harness.back_up().await;
    assert_eq!(harness.restore("latest", "killed").await.unwrap().id, point.id);
    let (there, store) = (db_in(&killed).await, objects::Objects::folder(&killed.join("objects")).await.unwrap());
    assert_eq!(songs(&there).await, songs(&db).await);
    assert_whole(&there, &store).await;
    assert!(harness.stored_objects("killed") == harness.stored_objects("data"), "the restored store is another one");
    assert!(backup::refuse_incomplete(&killed).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_is_named_and_the_restore_is_not_done_until_the_repository_is_mended() {
    let harness = Harness::new().await;
    let (db, objects) = (harness.db().await, harness.objects().await);
    let (small, large) = (sing(&db, &objects, "song").await, "a long song ".repeat(200_000));
    let large = sing(&db, &objects, &large).await;
    let point = harness.back_up().await;
    for object in [small, large] {
        let file = harness.file_of(object.as_str()).await;
        let whole = std::fs::read(&file).unwrap();
        for number in 0..3 {
            match number {
                0 => flip(&file),
                1 => std::fs::write(&file, &whole[..whole.len() - 1]).unwrap(),
                _ => std::fs::remove_file(&file).unwrap(),
            }
            let (folder, shown) = (format!("{object}-{number}").replace('/', "-"), object.to_string());
            let refused = harness.restore(&point.id, &folder).await.unwrap_err();
            assert!(matches!(refused, backup::Error::Damaged { .. }), "{refused}");
            assert!(refused.to_string().contains(&shown), "{refused}");
            assert!(!harness.path(&folder).join("objects").join(&shown).exists(), "a part of it was left");
            let unfinished = backup::refuse_incomplete(&harness.path(&folder)).unwrap_err();
            assert!(unfinished.contains(&point.id), "a server would start: {unfinished}");
            std::fs::write(&file, &whole).unwrap();
        }
        let folder = format!("{object}-0").replace('/', "-");
        harness.restore("latest", &folder).await.unwrap();
        assert!(harness.stored_objects(&folder) == harness.stored_objects("data"), "it is not whole");
        assert!(backup::refuse_incomplete(&harness.path(&folder)).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_consumer_had_yet_to_handle_are_sent_again() {
    let harness = Harness::new().await;
    let bus = Bus::sqlite(&harness.path("data/bus.db"), harness.clock.clone()).await.unwrap();
    let listener = Subscription::to_subject("crowd.cheer", "band.sang");
    bus.declare(std::slice::from_ref(&listener), RunsIn::ThisProcess).await.unwrap();
    let event = Envelope { id: "e1".into(), subject: "band.sang".into(), payload: "{}".into() };
    bus.engine().publish(&[event]).await.unwrap();
    harness.back_up().await;
    harness.restore("latest", "new").await.unwrap();
    let unsent: Vec<Unsent> = db_in(&harness.path("new"))
        .await
        .read()
        .rows("select id from outbox where sent_at is null", vec![])
        .await
        .unwrap();
    assert_eq!(unsent.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["e1"]);
    assert!(!harness.path("new/bus.db").exists(), "a restored server begins with a new log");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_configuration_come_back_alone() {
    let mut harness = Harness::new().await;
    std::fs::write(harness.path("tutti.log"), "a line").unwrap();
    harness.options.include = vec![harness.path("tutti.log")];
    harness.back_up().await;
    let folder = harness.path("only");
    let repository = harness.repository().await;
    backup::restore_files_only(&repository, "latest", &folder).await.unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("included/0")).unwrap(), "a line");
    assert_eq!(std::fs::read(folder.join("secrets/url-signing.key")).unwrap(), [7; 32]);
    assert!(std::fs::read_to_string(folder.join("system.json")).unwrap().contains("0.0.0-test"));
    assert!(!folder.join("band.db").exists());
    assert!(backup::restore_files_only(&repository, "latest", &folder).await.is_err(), "it was overwritten");
}
