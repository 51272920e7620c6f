//! `tutti objects`: compares the store with the rows, beside a running server.
//!
//! Invariant: planted files are where the server would write them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use base::ObjectKey;
use db::{Db, Lane};
use objects::orphans::{insert_held, keys_within};
use reqwest::Method;
use serde_json::Value;
use testkit::fleet::query_lines;

use crate::server::Server;
use crate::wav::wave;

/// Runs `tutti objects`. Returns whether it exited with 0, its stdout and its stderr.
fn objects(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tutti"))
        .arg("objects")
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn check(data: &Path) -> (bool, Value) {
    let (succeeded, printed, complaint) = objects(data, &["check", "--json"]);
    (succeeded, serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{complaint}")))
}

fn keys(found: &Value) -> BTreeSet<String> {
    found.as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect()
}

/// Writes a file into the store as an object of this age.
fn plant(data: &Path, age: Duration) -> ObjectKey {
    let key = ObjectKey::random();
    let path = data.join("objects").join(key.as_str());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "a leftover").unwrap();
    set_age(&path, age);
    key
}

fn set_age(path: &Path, age: Duration) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

fn picture(folder: &Path, name: &str, source: &str) -> Vec<u8> {
    let path = folder.join(name);
    testkit::ffmpeg(&["-f", "lavfi", "-i", source, "-frames:v", "1", path.to_str().unwrap()]);
    std::fs::read(path).unwrap()
}

const OLD: Duration = Duration::from_secs(3 * 86_400);

#[tokio::test(flavor = "multi_thread")]
async fn the_store_and_the_rows_are_compared_in_both_directions_and_only_old_untracked_objects_are_removed() {
    let server = Server::start_alone(&[]).await;
    let (ada, data) = (server.sign_up("ada").await, server.data().to_owned());
    let home = tempfile::tempdir().unwrap();
    let lost = ada.upload("lost.jpg", "image/jpeg", picture(home.path(), "lost.jpg", "testsrc2=s=64x48")).await;
    ada.wait_for_state(lost["id"].as_str().unwrap(), "ready").await;
    let kept = picture(home.path(), "kept.png", "testsrc2=s=80x60");
    let id = ada.upload("kept.png", "image/png", kept.clone()).await["id"].as_str().unwrap().to_owned();
    ada.wait_for_state(&id, "ready").await;
    // An upload that was not continued for days still belongs to a member.
    let song = wave(&vec![7; 200_000]);
    let begun = ada.request(Method::POST, "/v1/uploads").header("upload-length", song.len()).send().await.unwrap();
    let location = begun.headers()["location"].to_str().unwrap().to_owned();
    let patch = |offset: usize, bytes: Vec<u8>| {
        ada.request(Method::PATCH, &location)
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream")
            .body(bytes)
            .send()
    };
    assert_eq!(patch(0, song[..90_000].to_vec()).await.unwrap().status(), 204);
    let (succeeded, report) = check(&data);
    assert!(succeeded, "{report:#}");
    assert_eq!(report["objects"], 3);

    // An object that a process of another machine may still be writing.
    let being_written = plant(&data, OLD);
    let (db, key) = (Db::sqlite(&data.join("media.db")).await.unwrap(), being_written.clone());
    let now = chrono::Utc::now();
    let held: Result<(), db::Error> =
        db.write(Lane::ALL, async move |tx| insert_held(tx, &[key], "another", "", now).await).await;
    held.unwrap();
    let (old, fresh) = (plant(&data, OLD), plant(&data, Duration::ZERO));
    let mut gone = None;
    for shard in std::fs::read_dir(data.join("objects")).unwrap() {
        for file in std::fs::read_dir(shard.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if std::fs::read(&path).unwrap() == std::fs::read(home.path().join("lost.jpg")).unwrap() {
                gone = Some(path.strip_prefix(data.join("objects")).unwrap().display().to_string());
                std::fs::remove_file(&path).unwrap();
            } else if !path.ends_with(fresh.as_str()) {
                set_age(&path, OLD);
            }
        }
    }
    let gone = gone.expect("the photo lies there as it is");
    let (succeeded, report) = check(&data);
    assert!(!succeeded);
    assert_eq!(keys(&report["untracked"]), BTreeSet::from([old.to_string(), fresh.to_string()]), "{report:#}");
    assert_eq!(keys(&report["missing"]), BTreeSet::from([gone]), "{report:#}");
    assert_eq!(report["missing"][0]["named_in"], "media.item.object");

    let (succeeded, _, said) = objects(&data, &["repair"]);
    assert!(
        !succeeded && said.contains("1 objects without a row were removed; 1 were") && said.contains("only a backup"),
        "{said}"
    );
    let (_, report) = check(&data);
    assert_eq!(keys(&report["untracked"]), BTreeSet::from([fresh.to_string()]));
    assert!(data.join("objects").join(being_written.as_str()).is_file());
    assert!(ada.bytes(&format!("/v1/media/{id}/original")).await == kept);
    assert_eq!(patch(90_000, song[90_000..].to_vec()).await.unwrap().status(), 204, "the upload goes on");
}

#[tokio::test]
async fn a_store_whose_rows_are_elsewhere_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_, _, said) = objects(folder.path(), &["repair"]);
    assert!(said.contains("there is no store in") && said.contains("--data"), "{said}");
    let key = plant(folder.path(), OLD);
    let (succeeded, _, said) = objects(folder.path(), &["repair"]);
    assert!(!succeeded && said.contains("the database of accounts is not in"), "{said}");
    assert!(folder.path().join("objects").join(key.as_str()).is_file());
    assert!(!folder.path().join("accounts.db").exists(), "a database was made");
}

/// Columns that hold keys without naming objects: the platform's own, and what one role stores of another's.
const COLUMNS_WITHOUT_REFERENCES: [&str; 6] = [
    "outbox.payload",
    "inbox.event_id",
    "orphan_object.object",
    "idempotency.body",
    "idempotency.location",
    "job.received",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_column_that_names_objects_is_declared() {
    let mut server = Server::start_alone(&["delivery.avif_after_reads=1"]).await;
    let (ada, home) = (server.sign_up("ada").await, tempfile::tempdir().unwrap());
    let film = home.path().join("film.mp4");
    let source = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=12:d=6",
        "-f",
        "lavfi",
        "-i",
        "sine=f=300",
        "-shortest",
        "-pix_fmt",
        "yuv444p",
        film.to_str().unwrap(),
    ];
    testkit::ffmpeg(&source);
    let photo = ada.upload("p.jpg", "image/jpeg", picture(home.path(), "p.jpg", "testsrc2=s=640x480")).await;
    let song = ada.upload("s.wav", "audio/wav", wave(&vec![9; 400_000])).await;
    let film = ada.upload("f.mp4", "video/mp4", std::fs::read(film).unwrap()).await;
    for item in [&photo, &song, &film] {
        ada.wait_for_state(item["id"].as_str().unwrap(), "ready").await;
    }
    ada.bytes(&format!("{}&w=320", photo["urls"]["image"].as_str().unwrap())).await;
    let begun = ada.request(Method::POST, "/v1/uploads").header("upload-length", 100_000).send().await.unwrap();
    let location = begun.headers()["location"].to_str().unwrap().to_owned();
    let patch = ada
        .request(Method::PATCH, &location)
        .header("upload-offset", 0)
        .header("content-type", "application/offset+octet-stream");
    assert_eq!(patch.body(wave(&vec![1; 60_000])).send().await.unwrap().status(), 204);
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    let mut seen = 0;
    for service in [accounts::service(), media::service(), transcode::service(), delivery::service()] {
        let db = Db::sqlite(&server.data().join(format!("{}.db", service.name))).await.unwrap();
        let columns = query_lines(
            &db,
            "
            select m.name || '.' || c.name as line
              from sqlite_schema m, pragma_table_info(m.name) c
             where m.type = 'table'",
        )
        .await;
        for place in &columns {
            let (table, column) = place.split_once('.').unwrap();
            let rows = query_lines(
                &db,
                &format!("select \"{column}\" as line from \"{table}\" where typeof(\"{column}\") = 'text'"),
            )
            .await;
            let holds_keys = rows.iter().any(|text| keys_within(text).next().is_some());
            let declared = service.objects.iter().find(|names| names.table == table && names.column == column);
            assert!(
                !holds_keys || declared.is_some() || COLUMNS_WITHOUT_REFERENCES.contains(&place.as_str()),
                "{}: {place} names objects and is not declared in its store",
                service.name
            );
            let whole = declared.is_some_and(|names| names.is_whole);
            assert!(
                !whole || rows.iter().all(|text| text.parse::<ObjectKey>().is_ok()),
                "{}: {place} holds more than keys",
                service.name
            );
            seen += usize::from(holds_keys && declared.is_some());
        }
        for names in service.objects {
            let place = format!("{}.{}", names.table, names.column);
            assert!(columns.contains(&place), "{}: there is no {place}", service.name);
        }
    }
    assert!(seen >= 10, "only {seen} columns held keys: this shows little");
}
