//! A disk that runs full under a server with embedded engines, and gets room again.
//!
//! The disk is a small file system in memory that only the server sees (`testkit::fleet`). Where this machine lets nobody mount one, the short form
//! says so and passes, or nobody could run `make test` there; the long form fails. Invariant: the server is never started again.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use testkit::fleet::Fleet;

use super::answers::Member;
use super::harness::SETTINGS;
use super::uploads::Samples;
use super::{form, long};

/// How much of it is left when people begin.
const ROOM: u64 = 6 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_with_507_loses_nothing_and_goes_on_when_there_is_room() {
    kit::tls::provider();
    // Room for whatever is taken in all rounds, and for what is made of it.
    let disk = form(96 << 20, 480 << 20);
    let settings = SETTINGS.map(str::to_owned);
    let fleet = match tokio::task::block_in_place(|| Fleet::start_alone_on_disk(Path::new(env!("CARGO_BIN_EXE_tutti")), disk, &settings)) {
        Ok(fleet) => fleet,
        Err(reason) => {
            assert!(!long(), "{reason}");
            return println!("NOT TESTED: what a full disk does, because {reason}");
        }
    };
    let samples = tokio::task::spawn_blocking(Samples::make).await.unwrap();
    let ada = Member::sign_up("ada", vec![fleet.gateway_url().to_owned()]).await;
    let player = &fleet.processes[0];
    let ballast = format!("/proc/{}/root{}/ballast", player.program.id().unwrap(), player.data.parent().unwrap().display());
    let mut kept = Vec::new();
    let (refused, full) = (AtomicU32::new(0), AtomicU32::new(0));
    for round in 0..form(2, 10) {
        fill(Path::new(&ballast), ROOM);
        let video = samples.video();
        if let Taken::Yes(id) = upload(&ada, "video/mp4", &video).await {
            kept.push((id, video));
        }
        let began = Instant::now();
        while refused.load(Ordering::Relaxed) < 5 * (round + 1) {
            assert!(began.elapsed() < Duration::from_secs(60), "the disk did not run full");
            let song = Samples::song();
            match upload(&ada, "audio/wav", &song).await {
                Taken::Yes(id) => kept.push((id, song)),
                put_off => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    full.fetch_add(u32::from(put_off == Taken::Full), Ordering::Relaxed);
                }
            }
            let (id, bytes) = &kept[rand::random_range(0..kept.len())];
            assert!(ada.get(&format!("/v1/media/{id}/original")).await.body == *bytes, "{id} can't be read on a full disk");
        }
        std::fs::remove_file(&ballast).unwrap();
        let song = Samples::song();
        let began = Instant::now();
        let id = loop {
            if let Taken::Yes(id) = upload(&ada, "audio/wav", &song).await {
                break id;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "there is room again, and no upload is taken");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        kept.push((id, song));
    }
    assert!(full.load(Ordering::Relaxed) > 0, "nobody was told that the disk is full");
    println!("{} uploads were taken, {} refused for want of room", kept.len(), refused.load(Ordering::Relaxed));
    for (id, bytes) in &kept {
        assert!(ada.get(&format!("/v1/media/{id}/original")).await.body == *bytes, "{id} has other bytes");
    }
    let began = Instant::now();
    for (id, _) in &kept {
        loop {
            let item = ada.get(&format!("/v1/media/{id}")).await.json();
            if item["state"] == "ready" {
                break;
            }
            assert!(item["state"] != "failed" && began.elapsed() < Duration::from_secs(120), "waited in vain: {item:#}\n{}", fleet.logs());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[derive(PartialEq)]
enum Taken {
    Yes(String),
    /// 507.
    Full,
    /// 503.
    Later,
}

/// Fills the disk until only `room` is left.
fn fill(ballast: &Path, room: u64) {
    let folder = rustix::fs::statvfs(ballast.parent().unwrap()).unwrap();
    let free = folder.f_bavail * folder.f_frsize;
    std::fs::write(ballast, vec![1; usize::try_from(free.saturating_sub(room)).unwrap()]).unwrap();
}

/// Uploads; a disk without room must be said as such.
async fn upload(ada: &Member, kind: &'static str, bytes: &bytes::Bytes) -> Taken {
    let answer = ada.knock(kind, bytes).await;
    match answer.status.as_u16() {
        201 => Taken::Yes(answer.json()["id"].as_str().unwrap().to_owned()),
        507 => {
            assert_eq!(answer.json()["code"], "server.storage_full", "{}", answer.text());
            assert!(answer.headers.contains_key("retry-after"));
            Taken::Full
        }
        503 => {
            assert!(answer.headers.contains_key("retry-after"));
            Taken::Later
        }
        _ => panic!("a full disk was answered {} {}", answer.status, answer.text()),
    }
}
