//! Keys whose objects nothing names: a key is deleted only when nothing can appear under it any more.
//!
//! A late request of a dead process is simulated by the test itself, which stores the object after it was removed.
//! Invariant: no test here waits for time to pass; it moves the clock.

use base::Clock;
use base::ObjectKey;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use db::{Db, Error, FromQueryResult, Lane, Sql};
use objects::orphans;
use objects::orphans::{ObjectColumn, Policy};
use objects::{KeyLease, Objects, Orphans, removal_hold};
use objects_s3::S3Options;

use super::{Store, listed};

const COLUMNS: &[ObjectColumn] = &[ObjectColumn::whole("thing", "object")];

/// A database, a store and a clock that several processes use.
struct Harness {
    folder: tempfile::TempDir,
    db: Db,
    objects: Objects,
    clock: Clock,
}

impl Harness {
    async fn of(store: &Store) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
        db.migrate(
            "test",
            &[db::Migration { version: 1, min_compatible: 1, sql: "create table thing (object text primary key)" }],
        )
        .await
        .unwrap();
        Self { folder, db, objects: store.open().await, clock: Clock::fixed(Utc::now()) }
    }

    /// Starts the instance once more.
    async fn start(&self) -> Orphans {
        let policy = Policy { columns: COLUMNS, abandoned_after: TimeDelta::days(7) };
        Orphans::open(&self.db, &self.objects, &self.clock, self.folder.path(), policy).await.unwrap()
    }

    async fn store(&self, key: &ObjectKey) {
        let mut writer = self.objects.create_as(key.clone()).await.unwrap();
        writer.write(Bytes::from_static(b"late")).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn name(&self, lease: &KeyLease) -> Result<(), Error> {
        let key = lease.key().clone();
        self.db
            .write(Lane::ALL, async move |tx| {
                tx.execute("insert into thing (object) values ($1)", vec![key.as_str().into()]).await?;
                orphans::mark_all_referenced(tx, &[key]).await
            })
            .await
    }

    async fn tracked(&self) -> Vec<String> {
        #[derive(FromQueryResult)]
        struct Row {
            object: String,
        }
        let rows: Vec<Row> =
            self.db.read().rows("select object from orphan_object order by object", vec![]).await.unwrap();
        rows.into_iter().map(|row| row.object).collect()
    }

    async fn exists(&self, key: &ObjectKey) -> bool {
        listed(&self.objects, key).await.is_some()
    }
}

async fn key_of_a_killed_process(harness: &Harness) -> ObjectKey {
    let mut leases = harness.start().await.register(1).await.unwrap();
    let lease = leases.pop().unwrap();
    let key = lease.key().clone();
    // SIGKILL runs no destructor.
    std::mem::forget(lease);
    key
}

/// The cause of a flaky `killed_processes_lose_nothing_and_leave_nothing`: a process was killed while the store was
/// still to apply its PUT; the next start removed the key, which had nothing yet, deleted its row, and then the object
/// appeared.
#[tokio::test]
async fn an_object_that_appears_after_its_removal_is_removed_again() {
    let store = Store::s3();
    let harness = Harness::of(&store).await;
    let key = key_of_a_killed_process(&harness).await;
    let next = harness.start().await;
    assert!(next.sweep().await.unwrap());
    assert_eq!(
        harness.tracked().await,
        [key.as_str()],
        "it was forgotten while the store may still apply a request of the dead"
    );
    harness.store(&key).await;
    harness.clock.advance(TimeDelta::seconds(5));
    assert!(next.sweep().await.unwrap());
    assert!(!harness.exists(&key).await, "what appeared late stays");
    // Again, at the very last moment.
    let settles = TimeDelta::seconds(i64::try_from(S3Options::default().settle_seconds).unwrap());
    harness.clock.advance(settles - TimeDelta::seconds(6));
    assert!(next.sweep().await.unwrap());
    harness.store(&key).await;
    assert_eq!(harness.tracked().await, [key.as_str()]);
    harness.clock.advance(TimeDelta::seconds(1));
    assert!(next.sweep().await.unwrap());
    assert!(!harness.exists(&key).await);
    assert_eq!(harness.tracked().await, [""; 0], "nothing can come any more");
}

#[tokio::test]
async fn in_a_folder_a_dead_process_has_nothing_under_way_and_its_keys_are_forgotten_at_once() {
    let store = Store::folder();
    let harness = Harness::of(&store).await;
    let key = key_of_a_killed_process(&harness).await;
    harness.store(&key).await;
    assert!(harness.start().await.sweep().await.unwrap());
    assert!(!harness.exists(&key).await);
    assert_eq!(harness.tracked().await, [""; 0]);
}

#[tokio::test]
async fn what_a_lease_holds_stays_and_what_none_holds_goes_unless_it_is_named() {
    let store = Store::folder();
    let harness = Harness::of(&store).await;
    let process = harness.start().await;
    let [named, dropped, held] = <[KeyLease; 3]>::try_from(process.register(3).await.unwrap()).unwrap();
    let keys = [&named, &dropped, &held].map(|lease| lease.key().clone());
    for key in &keys {
        harness.store(key).await;
    }
    harness.name(&named).await.unwrap();
    drop((named, dropped));
    // Another instance beside it must leave it all alone.
    let elsewhere = tempfile::tempdir().unwrap();
    let policy = Policy { columns: COLUMNS, abandoned_after: TimeDelta::days(7) };
    let other = Orphans::open(&harness.db, &harness.objects, &harness.clock, elsewhere.path(), policy).await.unwrap();
    assert!(other.sweep().await.unwrap());
    assert!(harness.exists(&keys[1]).await);
    assert!(process.sweep().await.unwrap());
    assert_eq!(
        [harness.exists(&keys[0]).await, harness.exists(&keys[1]).await, harness.exists(&keys[2]).await],
        [true, false, true]
    );
    // An instance that never comes back.
    harness.clock.advance(TimeDelta::days(8));
    assert!(other.sweep().await.unwrap());
    assert!(!harness.exists(&keys[2]).await);
    // Its process was only frozen, and now names an object that is gone.
    assert!(matches!(harness.name(&held).await, Err(Error::Conflict)), "a row names an object that was removed");
}

#[tokio::test]
async fn the_sweep_removes_nothing_that_a_row_names_whatever_went_wrong_before() {
    let store = Store::folder();
    let harness = Harness::of(&store).await;
    let key = key_of_a_killed_process(&harness).await;
    harness.store(&key).await;
    let text = key.to_string();
    // Named by a release that did not know this table.
    let done: Result<u64, Error> = harness
        .db
        .write(Lane::ALL, async move |tx| tx.execute("insert into thing (object) values ($1)", vec![text.into()]).await)
        .await;
    assert_eq!(done.unwrap(), 1);
    assert!(harness.start().await.sweep().await.unwrap());
    assert!(harness.exists(&key).await);
    assert_eq!(harness.tracked().await, [""; 0]);
}

#[tokio::test]
async fn while_a_backup_holds_removals_nothing_goes_and_afterwards_all_of_it_does() {
    let store = Store::folder();
    let harness = Harness::of(&store).await;
    let key = key_of_a_killed_process(&harness).await;
    harness.store(&key).await;
    let process = harness.start().await;
    let until = |minutes: i64| harness.clock.now() + TimeDelta::minutes(minutes);
    let hold = async |token: &str| removal_hold::hold(&harness.db, token, until(0), until(5)).await.unwrap();
    assert!(hold("one").await && hold("one").await, "its holder extends it");
    assert!(!hold("two").await, "two backups run at once");
    let is_held = async |token: &str| removal_hold::is_held(&harness.db, token, until(0)).await.unwrap();
    assert!(is_held("one").await && !is_held("two").await);
    assert!(process.sweep().await.unwrap() && process.remove(std::slice::from_ref(&key)).await.unwrap());
    assert!(harness.exists(&key).await, "it was removed under a backup");
    // The backup was killed, and another one begins.
    harness.clock.advance(TimeDelta::minutes(5));
    assert!(!is_held("one").await, "a lease ends by itself");
    assert!(hold("two").await);
    removal_hold::release(&harness.db, "one").await.unwrap();
    assert!(process.sweep().await.unwrap());
    assert!(harness.exists(&key).await, "another's hold was ended");
    removal_hold::release(&harness.db, "two").await.unwrap();
    assert!(process.sweep().await.unwrap());
    assert!(!harness.exists(&key).await);
}
