//! Any moment of PostgreSQL: a base backup and the write-ahead log, as docs/guides/backups.md says.
//!
//! Invariant: the moment is named in the log itself, so the test depends on no clock.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use db::{Db, FromQueryResult, Sql as _};
use sea_orm::ConnectionTrait as _;
use testkit::engines::Postgres;

use crate::engines::postgres;
use crate::fixtures::{Harness, assert_whole, sing, songs};

/// How long to wait for the server.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(FromQueryResult)]
struct SegmentRow {
    name: String,
}

#[derive(FromQueryResult)]
struct StateRow {
    recovers: bool,
}

async fn execute(db: &Db, text: &str) {
    db.read().execute_unprepared(text).await.unwrap();
}

/// Ends the segment of the log that is being written, and waits until it is archived.
async fn archive_log(db: &Db, archive: &Path) {
    let text = "select pg_walfile_name(pg_switch_wal()) as name";
    let row: Option<SegmentRow> = db.read().row(text, vec![]).await.unwrap();
    let (segment, started) = (archive.join(row.unwrap().name), Instant::now());
    while !segment.exists() {
        assert!(started.elapsed() < TIMEOUT, "{} was not archived", segment.display());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until the server has recovered.
async fn wait_until_recovered(db: &Db) {
    let started = Instant::now();
    loop {
        let text = "select pg_is_in_recovery() as recovers";
        let row: Result<Option<StateRow>, db::Error> = db.read().row(text, vec![]).await;
        if matches!(row, Ok(Some(StateRow { recovers: false }))) {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "the server did not recover");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_goes_back_to_a_moment_between_two_backups() {
    let harness = Harness::new().await;
    let start = || Postgres::start_with(&["archive_mode=on", "fsync=off"]);
    let mut server = tokio::task::spawn_blocking(start).await.unwrap();
    let (archive, url) = (server.create_folder("archive"), server.url());
    let (db, objects) = (postgres(&url, "band").await, harness.objects().await);
    // A segment has its name when it is whole.
    let folder = archive.display();
    let command = format!("cp \"%p\" \"{folder}/%f.new\" && mv \"{folder}/%f.new\" \"{folder}/%f\"");
    execute(&db, &format!("alter system set archive_command = '{command}'")).await;
    execute(&db, "select pg_reload_conf()").await;
    sing(&db, &objects, "1: before the base backup").await;
    let base = harness.path("base");
    let made = Command::new(Postgres::client_program("pg_basebackup"))
        .args(["--dbname", url.as_str(), "--checkpoint", "fast", "--wal-method", "stream", "--pgdata"])
        .arg(&base)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    sing(&db, &objects, "2: after it").await;
    execute(&db, "select pg_create_restore_point('good')").await;
    sing(&db, &objects, "3: too late").await;
    archive_log(&db, &archive).await;

    let restore_command = format!("restore_command=cp {}/%f %p", archive.display());
    let settings = [restore_command.as_str(), "recovery_target_name=good", "recovery_target_action=promote"];
    tokio::task::block_in_place(|| server.recover(&base, &settings));
    wait_until_recovered(&db).await;
    let titles: Vec<String> = songs(&db).await.into_iter().map(|song| song.title).collect();
    assert_eq!(titles, ["1: before the base backup", "2: after it"]);
    // Objects that were not deleted since are still in the store.
    assert_whole(&db, &objects).await;
}
