//! A release as an operator prepares, accepts, starts and takes back: the commands of the real binary.
//!
//! Invariant: what is refused runs none of the configured commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;

use crate::server::Server;
use crate::wav::wave;

/// An installation's settings of releases and backups, and where their commands leave traces.
struct Release {
    home: tempfile::TempDir,
    data: PathBuf,
    settings: Vec<String>,
}

impl Release {
    fn new(server: &Server) -> Self {
        let (home, data) = (tempfile::tempdir().unwrap(), server.data().to_owned());
        let mut release = Self { home, data, settings: Vec::new() };
        let key = release.path("backup.key");
        assert!(release.run(&["backup", "key", key.to_str().unwrap()]).0);
        let touch = |name: &str| format!("release.{name}=[\"touch\", \"{}\"]", release.path(name).display());
        let mut settings = vec![
            format!("backup.folder={}", release.path("points").display()),
            format!("backup.key_file={}", key.display()),
            format!("release.watch=[\"{}\"]", server.operations_urls()[0]),
            "release.watch_minutes=0".to_owned(),
            "release.ready_seconds=0".to_owned(),
        ];
        settings.extend(["canary", "promote", "roll_back"].map(touch));
        release.settings = settings;
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a command with the settings. Returns whether it exited with 0, and what it said.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
        command.args(arguments).arg("--data").arg(&self.data);
        command.args(self.settings.iter().flat_map(|set| ["--set", set.as_str()]));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Fails unless a command is refused with this reason. Returns what it said.
    fn refused(&self, arguments: &[&str], reason: &str) -> String {
        let (succeeded, said) = self.run(arguments);
        assert!(!succeeded && said.contains(reason), "{arguments:?}: {said}");
        said
    }

    /// Whether a command of the configuration has run since the last time that this was asked.
    fn has_run(&self, name: &str) -> bool {
        std::fs::remove_file(self.path(name)).is_ok()
    }
}

/// Makes a tester's key. Returns the setting that names the tester.
pub(crate) fn new_tester(file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tutti")).args(["keys", "tester"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    std::fs::write(file, &text).unwrap();
    let key = text.lines().next().unwrap().strip_prefix("Public key: ").unwrap();
    format!("release.testers=[\"Ada L. {key}\"]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_prepared_accepted_started_and_taken_back_with_the_stated_loss() {
    let mut server = Server::start_alone(&[]).await;
    let ada = server.sign_up("ada").await;
    let kept = ada.upload("kept.wav", "audio/wav", wave(&vec![1; 1_000])).await;
    let mut release = Release::new(&server);

    release.refused(&["release", "start"], "not prepared");
    let old = env!("CARGO_BIN_EXE_tutti");
    let (succeeded, said) = release.run(&["release", "prepare", "--old", old]);
    assert!(succeeded && said.contains("every schema is current") && said.contains("drain plan"), "{said}");
    assert!(said.contains("is ready on a copy"), "{said}");

    // Production takes nothing that no tester has accepted.
    release.refused(&["release", "start"], "has not been accepted");
    let (tester_key, other_key) = (release.path("tester.pem"), release.path("other.pem"));
    let tester = new_tester(&tester_key);
    new_tester(&other_key);
    release.settings.push(tester);
    let accept = |release: &Release, key: &Path| {
        release.run(&["release", "accept", "--notes", "the list of checks", "--key", key.to_str().unwrap()])
    };
    assert!(accept(&release, &other_key).0);
    release.refused(&["release", "start"], "no tester");
    let (succeeded, said) = accept(&release, &tester_key);
    assert!(succeeded && said.contains("is accepted by the key"), "{said}");
    release.refused(&["release", "promote"], "no canary");
    assert!(!release.has_run("canary") && !release.has_run("promote"), "what is refused runs nothing");

    // A canary of which nothing is known is taken back at once.
    release.settings.push("release.watch=[\"http://127.0.0.1:9\"]".to_owned());
    release.refused(&["release", "start"], "was stopped and taken back");
    assert!(release.has_run("canary") && release.has_run("roll_back") && !release.has_run("promote"));
    release.settings.pop();
    let (succeeded, said) = release.run(&["release", "start", "--hold"]);
    assert!(succeeded && said.contains("accepted by Ada L.") && !release.has_run("promote"), "{said}");
    assert!(release.has_run("canary"));
    let (succeeded, said) = release.run(&["release", "promote"]);
    assert!(succeeded && release.has_run("promote"), "{said}");

    // Back: the binary alone, and then the rows with the loss that was listed.
    let (succeeded, said) = release.run(&["release", "rollback"]);
    assert!(succeeded && release.has_run("roll_back"), "{said}");
    release.refused(&["release", "start"], "type `tutti release prepare` again");
    assert!(!release.has_run("canary"), "its restore point would be of before the first attempt");
    let lost = ada.upload("lost.wav", "audio/wav", wave(&vec![2; 1_000])).await;
    let said = release.refused(&["release", "rollback", "--database"], "add --yes");
    assert!(said.contains("1 uploads") && said.contains("lost.wav") && !said.contains("kept.wav"), "{said}");
    release.refused(&["release", "rollback", "--database", "--yes"], "already uses the data folder");
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    let (succeeded, said) = release.run(&["release", "rollback", "--database", "--yes"]);
    assert!(succeeded && release.has_run("roll_back"), "{said}");
    server.restart();
    let status = async |item: &serde_json::Value| {
        let path = format!("/v1/media/{}", item["id"].as_str().unwrap());
        ada.request(Method::GET, &path).send().await.unwrap().status().as_u16()
    };
    assert_eq!((status(&kept).await, status(&lost).await), (200, 404));
    let aside = std::fs::read_dir(&release.data).unwrap().filter_map(Result::ok).find(|entry| {
        entry.file_name().to_string_lossy().starts_with("before-") && entry.path().join("media.db").is_file()
    });
    assert!(aside.is_some(), "what was there is set aside");
}
