//! The process as its operator meets it: draining, refusals to start, and the commands.

use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use reqwest::Method;
use testkit::engines::Authority;

use crate::server::Server;
use crate::wav::wave;

fn tutti(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tutti")).args(arguments).output().unwrap()
}

fn stderr_of_failure(arguments: &[&str]) -> String {
    let output = tutti(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8(output.stderr).unwrap()
}

/// Returns a WAVE file with this many bytes of samples.
fn wave_bytes(bytes: u32) -> Vec<u8> {
    wave(&(0..bytes).map(|at| (at % 251) as u8).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_an_upload_finish_and_exits_with_zero() {
    let mut server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let song = wave_bytes(400_000);
    let length = song.len();
    // The first half arrives before the signal. The rest follows while the server shuts down.
    let (sender, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    sender.unbounded_send(Ok(song[..200_000].to_vec())).unwrap();
    let request = ada
        .request(Method::POST, "/v1/media?name=s.wav")
        .header("content-type", "audio/wav")
        .header("content-length", length);
    let upload = tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send());
    let began = std::time::Instant::now();
    while !server.get_operations("/metrics").await.contains("tutti_media_uploads_in_flight 1") {
        assert!(began.elapsed().as_secs() < 60, "the upload did not begin");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::spawn(async move {
        for piece in song[200_000..].chunks(10_000) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // The upload's own assertion says so if the server has gone.
            let _ = sender.unbounded_send(Ok(piece.to_vec()));
        }
    });
    let exits = server.terminate();
    assert_eq!(upload.await.unwrap().expect("the upload was cut off").status(), 201);
    assert!(exits.iter().all(ExitStatus::success), "{exits:?}");
    assert!(server.logs().contains("all running work has finished"), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_does_not_end_is_cut_off_when_the_grace_is_over() {
    let mut server = Server::start(&["server.drain_seconds=1"]).await;
    let ada = server.sign_up("ada").await;
    let (sender, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    sender.unbounded_send(Ok(wave_bytes(50_000))).unwrap();
    let request = ada
        .request(Method::POST, "/v1/media?name=s.wav")
        .header("content-type", "audio/wav")
        .header("content-length", 400_000);
    let upload = tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send());
    let began = std::time::Instant::now();
    while !server.get_operations("/metrics").await.contains("tutti_media_uploads_in_flight 1") {
        assert!(began.elapsed().as_secs() < 60, "the upload did not begin");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let exits = server.terminate();
    assert!(exits.iter().all(ExitStatus::success), "{exits:?}");
    assert!(server.logs().contains("some work was interrupted"), "{}", server.logs());
    let response = upload.await.unwrap();
    assert!(
        response.is_err() || response.unwrap().status().is_server_error(),
        "an upload that never ended was answered"
    );
    drop(sender);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_data_folder_and_a_taken_port_is_named() {
    let server = Server::start(&[]).await;
    let data = server.data();
    let said = stderr_of_failure(&[
        "serve",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    assert!(said.contains("another Tutti process") && said.contains("--data"), "{said}");
    let taken = server.url.trim_start_matches("http://");
    let said = stderr_of_failure(&["serve", "--data", "/nonexistent", "--listen", taken]);
    assert!(said.contains(taken) && said.contains("--listen"), "{said}");
}

#[test]
fn a_wrong_configuration_names_the_key_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = |more: &[&str]| {
        stderr_of_failure(
            &[
                &["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"],
                &["--admin-listen", "127.0.0.1:0"][..],
                more,
            ]
            .concat(),
        )
    };
    let said = start(&["--set", "media.photo_max_byts=1"]);
    assert!(said.contains("photo_max_byts") && said.contains("photo_max_bytes"), "{said}");
    let said = start(&["--set", "meida.photo_max_bytes=1"]);
    assert!(said.contains("meida") && said.contains("media"), "{said}");
    let said = start(&["--set", "peers.medai=http://10.0.0.7:8080"]);
    assert!(said.contains("medai") && said.contains("transcode"), "{said}");
    let said = start(&["--set", "peers.media=10.0.0.7:8080"]);
    assert!(said.contains("`10.0.0.7:8080`") && said.contains("http://10.0.0.7:8080"), "{said}");
    let said = start(&["--set", "nonsense"]);
    assert!(said.contains("section.key=value"), "{said}");
    let said = start(&["medai"]);
    assert!(said.contains("medai") && said.contains("transcode"), "{said}");
    // It is reported before a port that is taken, so that the right thing is mended first.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (wrong, named) in [
        ("media.photo_max_byts=1", "photo_max_bytes"),
        ("gateway.allowed_origins=[\"*\"]", "gateway.allowed_origins"),
        ("accounts.sessions_per_account=0", "accounts.sessions_per_account"),
        ("db.url=mysql://db/tutti", "postgres://"),
        ("webhooks.ca_file=/nonexistent", "webhooks.ca_file"),
    ] {
        let said = stderr_of_failure(&["serve", "--listen", &address, "--set", wrong]);
        assert!(said.contains(named) && !said.contains("can't listen"), "{said}");
    }
    let file = folder.path().join("tutti.toml");
    std::fs::write(&file, "[media]\nphoto_max_bytes = \"many\"\n").unwrap();
    let said = start(&["--config", file.to_str().unwrap()]);
    assert!(said.contains("photo_max_bytes") && said.contains("[media]"), "{said}");
}

#[test]
fn shells_and_man_know_every_command() {
    let print = |arguments: &[&str]| {
        let output = tutti(arguments);
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = print(&["completions", shell]);
        assert!(script.contains("serve") && script.contains("ops-listen"), "{shell}: {script}");
    }
    let page = print(&["man"]);
    assert!(page.starts_with('.') && page.contains(".TH") && page.contains("tutti\\-serve(1)"), "{page}");
    assert!(print(&["man", "serve"]).contains("\\-\\-ops\\-listen"));
    let said = stderr_of_failure(&["man", "sevre"]);
    assert!(said.contains("sevre") && said.contains("--help"), "{said}");
}

#[test]
fn help_shows_examples_and_the_version_is_printed() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["upload", "--help"],
        &["demo", "--help"],
        &["move", "--help"],
        &["backup", "--help"],
        &["backup", "key", "--help"],
        &["backup", "drill", "--help"],
        &["backup", "prune", "--help"],
        &["restore", "--help"],
        &["verify", "--help"],
        &["list", "--help"],
        &["bus", "dead", "--help"],
        &["bus", "replay", "--help"],
        &["bus", "waiting", "--help"],
        &["bus", "forget", "--help"],
        &["accounts", "grant", "--help"],
        &["accounts", "revoke", "--help"],
        &["audit", "verify", "--help"],
        &["check", "social", "--help"],
        &["check", "notify", "--help"],
        &["keys", "vapid", "--help"],
        &["objects", "check", "--help"],
        &["objects", "repair", "--help"],
        &["migrate", "--help"],
        &["config", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
        &["openapi", "--help"],
        &["doctor", "--help"],
    ] {
        let text = String::from_utf8(tutti(command).stdout).unwrap();
        assert!(text.contains("Example"), "{command:?}: {text}");
    }
    assert_eq!(
        String::from_utf8(tutti(&["version"]).stdout).unwrap(),
        format!("tutti {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(String::from_utf8(tutti(&["doctor"]).stdout).unwrap().contains("ffmpeg"));
}

#[test]
fn the_doctor_names_a_subject_of_web_push_that_apple_refuses() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("vapid.pem");
    let made = tutti(&["keys", "vapid"]).stdout;
    assert!(String::from_utf8_lossy(&made).contains("-----BEGIN PRIVATE KEY-----"));
    std::fs::write(&file, made).unwrap();
    let key = format!("notify.push_vapid_key_file={}", file.display());
    let data = home.path().join("data").display().to_string();
    for (subject, is_refused) in [("mailto:ops@localhost", true), ("mailto:ops@example.org", false)] {
        let subject = format!("notify.push_vapid_subject={subject}");
        let output = tutti(&["doctor", "--data", &data, "--set", &key, "--set", &subject]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.contains("wrong") && said.contains("push_vapid_subject"), is_refused, "{said}");
    }
}

#[test]
fn certificates_of_listeners_are_checked_by_the_doctor_and_before_anything_is_opened() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data").display().to_string();
    let set = |authority: &Authority| {
        let (certificate, key) = authority.server_files();
        [
            format!("gateway.tls_certificate_file={}", certificate.display()),
            format!("gateway.tls_key_file={}", key.display()),
        ]
    };
    for (authority, is_valid) in [(Authority::new(), true), (Authority::with_expired_server(), false)] {
        let [certificate, key] = set(&authority);
        let output = tutti(&["doctor", "--data", &data, "--set", &certificate, "--set", &key]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.contains("of the public listener is valid for"), is_valid, "{said}");
        assert_eq!(said.contains("has expired"), !is_valid, "{said}");
    }
    let [certificate, key] = set(&Authority::new());
    let serve = |more: &[&str]| stderr_of_failure(&[&["serve", "--data", &data][..], more].concat());
    let said = serve(&["--set", &certificate]);
    assert!(said.contains("gateway.tls_key_file") && said.contains("name both files"), "{said}");
    // The authority and its files are gone.
    let said = serve(&["--set", &certificate, "--set", &key]);
    assert!(said.contains("server.pem") && said.contains("can't be read"), "{said}");
    assert!(!home.path().join("data").exists(), "nothing was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upload_command_goes_on_where_it_was_cut_off() {
    let mut server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let home = tempfile::tempdir().unwrap();
    let song = home.path().join("long song.wav");
    std::fs::write(&song, wave_bytes(40_000_000)).unwrap();
    let command = |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
        command
            .args(["upload", song.to_str().unwrap(), "--to", url, "--login", "ada"])
            .env("TUTTI_PASSWORD", "a long enough password")
            .env("XDG_STATE_HOME", home.path());
        command
    };
    let mut first =
        command(&server.url).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let started = std::time::Instant::now();
    let remembered = home.path().join("tutti/uploads.json");
    while !remembered.exists() {
        assert!(started.elapsed().as_secs() < 20, "the upload did not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let before = std::fs::read_to_string(&remembered).unwrap();
    server.kill();
    server.restart();
    let metrics = server.get_operations("/metrics").await;
    assert!(metrics.contains("\ntutti_process_crashes_total 1\n"), "the start log knows of the kill: {metrics}");
    let url = server.url.clone();
    let mut again = command(&url);
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let id = said.trim().rsplit('/').next().unwrap();
    assert!(ada.bytes(&format!("/v1/media/{id}/original")).await == std::fs::read(&song).unwrap());
    assert!(before.contains("/v1/uploads/") && !std::fs::read_to_string(&remembered).unwrap().contains("/v1/uploads/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_command_lists_backlogs_and_keeps_live_consumers() {
    let server = Server::start(&[]).await;
    let [flag, path] = server.installation_args();
    let bus = |arguments: &[&str]| {
        let output = tutti(&[&["bus"], arguments, &[&flag, &path]].concat());
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (succeeded, said) = bus(&["waiting"]);
    assert!(succeeded && said.contains("No delivery is waiting."), "{said}");
    let (succeeded, said) = bus(&["dead"]);
    assert!(succeeded && said.contains("There are no dead letters."), "{said}");
    let (succeeded, said) = bus(&["forget", "media.ready"]);
    assert!(!succeeded && said.contains("still needed"), "{said}");
    let (succeeded, said) = bus(&["forget", "search.index"]);
    assert!(!succeeded && said.contains("there is no consumer called search.index"), "{said}");
    let (succeeded, said) = bus(&["replay", "--service", "media", "--since", "2026-01-31T20:00:00Z"]);
    assert!(succeeded && said.contains("0 events were sent again"), "{said}");
    let (succeeded, said) = bus(&["replay"]);
    assert!(succeeded && said.contains("0 dead letters"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migrate_command_finds_nothing_left_to_do_beside_running_servers() {
    let server = Server::start(&[]).await;
    let [flag, path] = server.installation_args();
    let output = tutti(&["migrate", &flag, &path]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("media") && !said.contains("brought up to date"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    let binary = env!("CARGO_BIN_EXE_tutti");
    for command in ["config", "openapi"] {
        let line = format!("set -o pipefail; {binary} {command} | head -c 100");
        let run = Command::new("bash").args(["-c", &line]).output().unwrap();
        assert_eq!((run.status.code(), run.stdout.len()), (Some(0), 100), "{command}");
        assert_eq!(String::from_utf8_lossy(&run.stderr), "", "{command}");
    }
}
