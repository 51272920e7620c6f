//! A disk that runs full under a server with embedded engines, and has room again.
//!
//! The disk is a small file system in memory that only the server sees (`testkit::fleet`). If this user may not mount
//! one, the short form passes with a message, so that `make test` works there; the long form fails. Invariant: the
//! server is never restarted.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use testkit::fleet::Fleet;

use super::client::Client;
use super::harness::SETTINGS;
use super::uploads::Samples;
use super::{is_long, short_or_long};

/// Free bytes at the beginning of each round.
const FREE_BYTES: u64 = 6 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_with_507_loses_nothing_and_goes_on_when_there_is_room() {
    base::tls::install_provider();
    // Room for the uploads of all rounds, and for their renditions.
    let disk = short_or_long(96 << 20, 480 << 20);
    let settings = SETTINGS.map(str::to_owned);
    let fleet = match tokio::task::block_in_place(|| {
        Fleet::start_alone_on_disk(Path::new(env!("CARGO_BIN_EXE_tutti")), disk, &settings)
    }) {
        Ok(fleet) => fleet,
        Err(reason) => {
            assert!(!is_long(), "{reason}");
            return println!("NOT TESTED: what a full disk does, because {reason}");
        }
    };
    let samples = tokio::task::spawn_blocking(Samples::make).await.unwrap();
    let ada = Client::sign_up("ada", vec![fleet.gateway_url().to_owned()]).await;
    let process = &fleet.processes[0];
    let ballast =
        format!("/proc/{}/root{}/ballast", process.program.id().unwrap(), process.data.parent().unwrap().display());
    let mut accepted = Vec::new();
    let (refused, full) = (AtomicU32::new(0), AtomicU32::new(0));
    for round in 0..short_or_long(1, 10) {
        fill(Path::new(&ballast), FREE_BYTES);
        let video = samples.video();
        if let UploadResult::Accepted(id) = upload(&ada, "video/mp4", &video).await {
            accepted.push((id, video));
        }
        let (began, before) = (Instant::now(), refused.load(Ordering::Relaxed));
        while refused.load(Ordering::Relaxed) < 5 * (round + 1) {
            assert!(began.elapsed() < Duration::from_secs(60), "the disk did not run full");
            // Long ones until one is refused, since each is converted in the end; then small ones take what is left.
            let song = Samples::song_of(if refused.load(Ordering::Relaxed) == before { 8 } else { 2 });
            match upload(&ada, "audio/wav", &song).await {
                UploadResult::Accepted(id) => accepted.push((id, song)),
                refusal => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    full.fetch_add(u32::from(refusal == UploadResult::DiskFull), Ordering::Relaxed);
                }
            }
            let (id, bytes) = &accepted[rand::random_range(0..accepted.len())];
            assert!(
                ada.get(&format!("/v1/media/{id}/original")).await.body == *bytes,
                "{id} can't be read on a full disk"
            );
        }
        std::fs::remove_file(&ballast).unwrap();
        let song = Samples::song();
        let began = Instant::now();
        let id = loop {
            if let UploadResult::Accepted(id) = upload(&ada, "audio/wav", &song).await {
                break id;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "there is room again, and no upload is accepted");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        accepted.push((id, song));
    }
    assert!(full.load(Ordering::Relaxed) > 0, "no response named the full disk");
    println!("{} uploads were accepted, {} refused", accepted.len(), refused.load(Ordering::Relaxed));
    for (id, bytes) in &accepted {
        assert!(ada.get(&format!("/v1/media/{id}/original")).await.body == *bytes, "{id} has other bytes");
    }
    let began = Instant::now();
    for (id, _) in &accepted {
        loop {
            let item = ada.get(&format!("/v1/media/{id}")).await.json();
            if item["state"] == "ready" {
                break;
            }
            assert!(
                item["state"] != "failed" && began.elapsed() < Duration::from_secs(120),
                "waited in vain: {item:#}\n{}",
                fleet.logs()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[derive(PartialEq)]
enum UploadResult {
    Accepted(String),
    /// Refused with 507.
    DiskFull,
    /// Refused with 503.
    RetryLater,
}

/// Fills the disk until only `room` bytes are left.
fn fill(ballast: &Path, room: u64) {
    let folder = rustix::fs::statvfs(ballast.parent().unwrap()).unwrap();
    let free = folder.f_bavail * folder.f_frsize;
    std::fs::write(ballast, vec![1; usize::try_from(free.saturating_sub(room)).unwrap()]).unwrap();
}

/// Uploads once; the refusal on a full disk must name it.
async fn upload(ada: &Client, kind: &'static str, bytes: &bytes::Bytes) -> UploadResult {
    let response = ada.upload_once(kind, bytes).await;
    match response.status.as_u16() {
        201 => UploadResult::Accepted(response.json()["id"].as_str().unwrap().to_owned()),
        507 => {
            assert_eq!(response.json()["code"], "server.storage_full", "{}", response.text());
            assert!(response.headers.contains_key("retry-after"));
            UploadResult::DiskFull
        }
        503 => {
            assert!(response.headers.contains_key("retry-after"));
            UploadResult::RetryLater
        }
        _ => panic!("the response on a full disk was {} {}", response.status, response.text()),
    }
}
