//! SIGKILL in the middle of an export: the archive is built anew after the restart, once, and mailed once.
//!
//! The process that dies is the real one, so what it leaves is what a lost machine leaves: half of an archive.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestMail, unzip};

use crate::server::{Member, Server};
use crate::wav::wave;

/// The bytes of the original: so many that no machine copies them before it is seen that it has begun.
const ORIGINAL_BYTES: usize = 48_000_000;
/// An archive has begun when it has so many bytes.
const BEGUN_BYTES: u64 = 64 * 1024;
/// The exports that a member may ask for in a day.
const MAX_EXPORTS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(180);

/// Returns the size of an archive, and whether it has its end (APPNOTE 4.3.16); `None` if the file is no archive.
fn archive_state(path: &Path) -> Option<(u64, bool)> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let (mut beginning, mut end) = ([0; 4], [0; 22]);
    file.read_exact_at(&mut beginning, 0).ok()?;
    file.read_exact_at(&mut end, bytes.checked_sub(22)?).ok()?;
    (beginning == *b"PK\x03\x04").then_some((bytes, end.starts_with(b"PK\x05\x06")))
}

/// Returns the archives in the store: the size of each, and whether it has its end.
fn archives(data: &Path) -> Vec<(u64, bool)> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries(&data.join("objects"))
        .flat_map(|shard| entries(&shard).collect::<Vec<_>>())
        .filter_map(|object| archive_state(&object))
        .collect()
}

/// Asks for an export. Returns its path.
async fn ask(member: &Member) -> String {
    let response = member.request(Method::POST, "/v1/me/export").json(&json!({})).send().await.unwrap();
    let status = response.status();
    let export: Value = response.json().await.unwrap();
    assert_eq!(status, 202, "{export}");
    format!("/v1/me/exports/{}", export["id"].as_str().unwrap())
}

/// Waits until `is_so` holds; fails the test after three minutes.
async fn wait_until(promise: &str, pause: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < TIMEOUT, "waited in vain: {promise}");
        tokio::time::sleep(pause).await;
    }
}

/// Waits until an export is ready, and every delivery is acknowledged.
async fn wait_until_ready(server: &Server, member: &Member, path: &str) {
    let (often, [flag, data]) = (Duration::from_millis(100), server.installation_args());
    wait_until("the archive is ready", often, async || member.get(path).await["state"] == "ready").await;
    let is_settled = async || {
        let waiting =
            Command::new(env!("CARGO_BIN_EXE_tutti")).args(["bus", "waiting", &flag, &data]).output().unwrap();
        String::from_utf8_lossy(&waiting.stdout).contains("No delivery is waiting.")
    };
    wait_until("every delivery is acknowledged", often, is_settled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_process_is_killed_in_the_middle_is_finished_once_after_the_restart() {
    // Nothing is converted, which would only take time.
    let settings = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1", "transcode.max_duration_hours=0"];
    let mut server = Server::start_alone(&settings).await;
    let (ada, data) = (server.sign_up("ada").await, server.data().to_owned());
    let song = wave(&vec![b'x'; ORIGINAL_BYTES]);
    let item = ada.upload("s.wav", "audio/wav", song.clone()).await;
    ada.wait_for_state(item["id"].as_str().unwrap(), "failed").await;

    // On a machine that stalls, an archive may be whole before the kill; then the next one is killed.
    let (mut exports, mut path, mut is_killed_amid) = (0, String::new(), false);
    while !is_killed_amid && exports < MAX_EXPORTS {
        path = ask(&ada).await;
        exports += 1;
        let has_begun = async || archives(&data).iter().any(|&(bytes, is_whole)| bytes >= BEGUN_BYTES && !is_whole);
        let is_over = async || has_begun().await || ada.get(&path).await["state"] == "ready";
        wait_until("the archive is begun", Duration::from_millis(1), is_over).await;
        server.kill();
        is_killed_amid = has_begun().await;
        server.restart();
        wait_until_ready(&server, &ada, &path).await;
    }
    assert!(is_killed_amid, "the test proves nothing: each archive was whole before the kill");

    let files = unzip(&ada.bytes(&format!("{path}/archive")).await);
    let originals: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("originals/")).collect();
    let [(name, original)] = originals[..] else { panic!("{:?}", files.keys()) };
    let is_wave = Path::new(name).extension().is_some_and(|extension| extension == "wav");
    assert!(is_wave && *original == song, "{name} has {} other bytes", original.len());
    let account: Value = serde_json::from_slice(&files["account.json"]).unwrap();
    assert_eq!(account["handle"], "ada");
    assert!(files["README.txt"].starts_with(b"This archive has what is kept about you"));

    let mails = || {
        let mails = TestMail::read_all(&data).into_iter();
        mails.filter(|mail| mail.to == "ada@tutti.example" && mail.subject.starts_with("Your data")).count()
    };
    wait_until("each export is mailed", Duration::from_millis(200), async || mails() >= exports).await;
    // What the dead process left is removed, and so are older archives.
    let is_alone = async || matches!(archives(&data)[..], [(_, true)]);
    wait_until("the store has one archive", Duration::from_millis(200), is_alone).await;
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    assert_eq!(mails(), exports, "each export is mailed once");
}
