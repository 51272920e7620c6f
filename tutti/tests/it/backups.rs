//! Recovery points as an operator makes, tries and needs them: beside a running server, and after it is gone.
//!
//! Invariant: what is compared is what members got before and get after.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::engines::{Postgres, shared_postgres};

use crate::move_data::{download_stream, open};
use crate::server::Server;
use crate::wav::wave;

/// How long to wait for what a server does by its own clock.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder with a key and a repository, and the settings that name them.
struct Harness {
    home: tempfile::TempDir,
    /// More settings, for the server and for commands.
    engines: Vec<String>,
}

impl Harness {
    fn new() -> Self {
        let harness = Self { home: tempfile::tempdir().unwrap(), engines: Vec::new() };
        let (succeeded, printed, said) = harness.tutti(&["backup", "key", harness.path("own.key").to_str().unwrap()]);
        assert!(succeeded && printed.starts_with("age1"), "{printed}{said}");
        harness
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn settings(&self) -> Vec<String> {
        let repository = [
            format!("backup.folder={}", self.path("repository").display()),
            format!("backup.key_file={}", self.path("own.key").display()),
        ];
        repository.into_iter().chain(self.engines.iter().cloned()).collect()
    }

    /// Runs a command with the settings. Returns whether it exited with 0, its stdout and its stderr.
    fn tutti(&self, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
        command.args(arguments);
        // Making a key needs no installation, and takes the options all the same.
        command.args(self.settings().iter().flat_map(|set| ["--set", set.as_str()]));
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// Makes a recovery point of a server's data, once no other backup runs.
    fn back_up(&self, data: &Path) -> (bool, String, String) {
        let started = Instant::now();
        loop {
            let made = self.tutti(&["backup", "--data", data.to_str().unwrap()]);
            if made.0 || !made.2.contains("another backup") || started.elapsed() > TIMEOUT {
                return made;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Begins a restore and kills it before it is done.
    fn kill_restore(&self, data: &Path) {
        let marker = data.join("restore-incomplete");
        for _ in 0..10 {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
            command.args(["restore", "--data", data.to_str().unwrap()]);
            command.args(self.settings().iter().flat_map(|set| ["--set", set.as_str()]));
            let mut restore = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            while !marker.exists() && restore.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            restore.kill().unwrap();
            restore.wait().unwrap();
            if marker.exists() {
                return;
            }
            // It was faster.
            std::fs::remove_dir_all(data).unwrap();
        }
        panic!("no restore was killed before its end");
    }

    fn points(&self) -> Vec<Value> {
        let (succeeded, printed, said) = self.tutti(&["list", "--json"]);
        assert!(succeeded, "{said}");
        serde_json::from_str(&printed).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_machine_comes_back_from_the_repository_and_a_key_with_sign_ins_and_playback() {
    let harness = Harness::new();
    let mut server = Server::start_alone(&[]).await;
    let (ada, data) = (server.sign_up("ada").await, server.data().to_owned());
    let song = wave(&vec![9; 1_600_000]);
    let item = ada.upload("s.wav", "audio/wav", song.clone()).await;
    let item = ada.wait_for_state(item["id"].as_str().unwrap(), "ready").await;
    let hls = item["urls"]["hls"].as_str().unwrap().to_owned();
    let stream = download_stream(&server.url, &hls).await;

    let (succeeded, printed, said) = harness.back_up(&data);
    assert!(succeeded && printed.contains("objects"), "{printed}{said}");
    let later = ada.upload("later.wav", "audio/wav", wave(&vec![1; 1000])).await;
    let (succeeded, _, said) = harness.tutti(&["verify"]);
    assert!(succeeded, "{said}");
    let refused = harness.tutti(&["restore", "--data", data.to_str().unwrap()]).2;
    assert!(refused.contains("already uses the data folder"), "{refused}");
    let other = harness.path("other.key");
    assert!(harness.tutti(&["backup", "key", other.to_str().unwrap()]).0);
    let refused = harness.tutti(&["restore", "--data", "nowhere", "--key", other.to_str().unwrap()]).2;
    assert!(refused.contains("another one"), "{refused}");

    // The machine is gone. What is left is the repository, and the key.
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    std::fs::rename(&data, harness.path("gone")).unwrap();
    harness.kill_restore(&data);
    let (succeeded, _, said) = harness.tutti(&["serve", "--data", data.to_str().unwrap()]);
    assert!(!succeeded && said.contains("is not finished"), "a server started on a half of an installation: {said}");
    let (succeeded, printed, said) = harness.tutti(&["restore", "--data", data.to_str().unwrap()]);
    assert!(succeeded && printed.contains("is restored"), "{printed}{said}");
    server.restart();
    let signed_in = server
        .client
        .post(format!("{}/v1/sessions", server.url))
        .json(&json!({ "login": "ada", "password": "a long enough password" }))
        .send()
        .await
        .unwrap();
    assert!(signed_in.status().is_success(), "{}", signed_in.text().await.unwrap());
    // Her session and her links go on too.
    let now = ada.get(&format!("/v1/media/{}", item["id"].as_str().unwrap())).await;
    assert_eq!((&now["state"], &now["created_at"]), (&item["state"], &item["created_at"]));
    assert!(open(&server.url, item["urls"]["original"].as_str().unwrap()).await == song);
    assert!(download_stream(&server.url, &hls).await == stream, "the playlist or a segment is another one");
    let path = format!("/v1/media/{}", later["id"].as_str().unwrap());
    let response = ada.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 404, "it came after the point");
    assert!(response.headers().contains_key("tutti-epoch"), "{:?}", response.headers());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_backs_up_by_its_own_clock_and_a_drill_finds_a_removed_object() {
    let harness = Harness::new();
    let settings = harness.settings();
    let settings: Vec<&str> = settings.iter().map(String::as_str).chain(["backup.every_minutes=60"]).collect();
    let server = Server::start_alone(&settings).await;
    let (ada, data) = (server.sign_up("ada").await, server.data().to_owned());
    let started = Instant::now();
    while harness.points().is_empty() {
        assert!(started.elapsed() < TIMEOUT, "no backup was made: {}", server.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let picture = harness.path("p.png");
    testkit::ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", picture.to_str().unwrap()]);
    let bytes = std::fs::read(picture).unwrap();
    let photo = ada.upload("p.png", "image/png", bytes.clone()).await;
    ada.wait_for_state(photo["id"].as_str().unwrap(), "ready").await;
    let (succeeded, _, said) = harness.back_up(&data);
    assert!(succeeded, "{said}");
    let scratch = harness.path("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let drill = || {
        let arguments = ["backup", "drill", "--json", "--scratch", scratch.to_str().unwrap()];
        let (succeeded, printed, said) = harness.tutti(&[&arguments[..], &["--data", data.to_str().unwrap()]].concat());
        let report: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{said}"));
        (succeeded, report)
    };
    let (succeeded, report) = drill();
    assert!(succeeded && report["rows"].as_u64() > Some(0) && report["objects"].as_u64() > Some(0), "{report:#}");
    assert_eq!(report["problems"], json!([]));
    let measured = || async {
        let metrics = server.get_operations("/metrics").await;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            line.unwrap_or_default()
        };
        ["tutti_backup_last_success_timestamp_seconds", "tutti_backup_drill_success_timestamp_seconds"].map(value)
    };
    while measured().await.iter().any(|value| *value <= 0.0) {
        assert!(started.elapsed() < TIMEOUT * 3, "the drill is in no metric: {:?}", measured().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let objects = std::fs::read_dir(data.join("objects")).unwrap();
    let mut objects = objects.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    let lost = objects.find_map(|file| Some(file.unwrap().path()).filter(|path| std::fs::read(path).unwrap() == bytes));
    let lost = lost.expect("the photo is there as it was sent");
    std::fs::remove_file(&lost).unwrap();
    let key = lost.strip_prefix(data.join("objects")).unwrap().display().to_string();
    let (succeeded, _, said) = harness.back_up(&data);
    assert!(!succeeded && said.contains("lacks 1 objects") && said.contains(&key), "{said}");
    let (succeeded, report) = drill();
    assert!(!succeeded && report["problems"][0].as_str().unwrap().contains(&key), "{report:#}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "a drill leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_of_postgresql_restores_into_a_database_of_its_own_and_removes_it() {
    #[derive(db::FromQueryResult)]
    struct Name {
        name: String,
    }
    let mut harness = Harness::new();
    let postgres = tokio::task::spawn_blocking(shared_postgres).await.unwrap();
    let schema = format!("backup_{}", base::Random::system().uuid_v4().simple());
    let program = |name: &str| format!("backup.{name}={}", Postgres::client_program(name).display());
    std::fs::write(harness.path("url.key"), [7; 32]).unwrap();
    harness.engines = vec![
        format!("db.url={}", postgres.url),
        format!("db.schema={schema}_{{service}}"),
        format!("secrets.url_signing_key_file={}", harness.path("url.key").display()),
        program("pg_dump"),
        program("pg_restore"),
    ];
    let settings = harness.settings();
    let server = Server::start_alone(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (ada, data) = (server.sign_up("ada").await, server.data().to_owned());
    let song = ada.upload("s.wav", "audio/wav", wave(&vec![3; 1000])).await;
    let (succeeded, _, said) = harness.back_up(&data);
    assert!(succeeded, "{said}");
    let data = data.to_str().unwrap();
    let home = harness.home.path().to_str().unwrap();
    let options = db::PostgresOptions {
        url: postgres.url.clone(),
        schema: "public".into(),
        readers: 1,
        writers: 1,
        statement_timeout: Duration::from_secs(10),
    };
    let db = db::Db::postgres(&options).await.unwrap();
    // What a drill left that was killed days ago goes with the next one.
    let text = format!("create database tutti_drill_1_{}", base::Random::system().uuid_v4().simple());
    sea_orm::ConnectionTrait::execute_unprepared(db.read(), &text).await.unwrap();
    let (succeeded, printed, said) = harness.tutti(&["backup", "drill", "--json", "--scratch", home, "--data", data]);
    assert!(succeeded, "{printed}{said}");
    let text = "select cast(datname as text) as name from pg_database where datname like 'tutti\\_drill\\_%'";
    let left: Vec<Name> = db::Sql::rows(db.read(), text, vec![]).await.unwrap();
    assert!(left.is_empty(), "a drill left {}", left[0].name);
    // The installation itself is untouched.
    ada.get(&format!("/v1/media/{}", song["id"].as_str().unwrap())).await;
}
