//! Child processes are sandboxed and share one memory budget, and nothing that they print about a file reaches a log.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use contract::media::Kind;

use crate::harness::Harness;

/// Stands in for an ffprobe that a file has compromised. It tries what is forbidden and reports in a codec's name, by
/// letters, what succeeded.
fn intruder(harness: &Harness, port: u16) -> PathBuf {
    let outside = harness.world.folder().display();
    let script = format!(
        r#"#!/bin/bash
done=""
attempt() {{ if eval "$2" 2>/dev/null; then done="$done$1"; fi; }}
answer() {{ printf '{{"streams":[{{"codec_type":"audio","codec_name":"did_%s"}}]}}' "$done"; exit 0; }}
trap answer EXIT
attempt a 'read -r line < /etc/passwd'
attempt b 'read -r line < {outside}/secret'
attempt c 'exec 4>> {outside}/data/transcode.db'
attempt d 'exec 5< /proc/$PPID/mem'
attempt e 'exec 6<> /dev/tcp/127.0.0.1/{port}'
attempt f ': > {outside}/made'
attempt g 'kill -CONT $PPID'
(sleep 0.3; : > {outside}/mark) < /dev/null > /dev/null 2>&1 &
done="${{done}}h"
"#
    );
    let path = harness.file("intruder");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_converter_reaches_nothing() {
    let operations = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = operations.local_addr().unwrap().port();
    // Without the sandbox it can do all of it, or the test would prove nothing.
    for mode in ["off", "strict"] {
        // The program's name is part of the configuration, so its folder must exist before the world does.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ffprobe");
        let harness =
            Harness::with(&[&format!("transcode.sandbox={mode}"), &format!("transcode.ffprobe={}", path.display())])
                .await;
        std::fs::copy(intruder(&harness, port), &path).unwrap();
        std::fs::write(harness.world.folder().join("secret"), "hush\n").unwrap();
        let clip = harness.make("clip.mp3", "-f lavfi -i sine -t 1");
        let media = harness.upload(&clip, Kind::Audio, "mp3").await;
        let failed = harness.failed(&media).await;
        // Some systems deny children their parents' memory (d) themselves.
        let free = failed.detail.contains("did_abc") && failed.detail.contains("efgh,");
        assert!(if mode == "off" { free } else { failed.detail.contains("uses did_,") }, "{mode}: {failed:?}");
        assert_eq!(harness.world.folder().join("made").exists(), mode == "off");
        assert!(mode == "off" || !harness.world.folder().join("mark").exists(), "a grandchild was running");
        harness.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_in_a_file_is_in_no_log_line() {
    let harness = Harness::new().await;
    // Matroska with a location, a title and 255 channels that no filter accepts: ffmpeg prints all of it.
    let media = harness.upload(&location_in_matroska(&harness), Kind::Video, "mkv").await;
    let failed = harness.failed(&media).await;
    assert!(!failed.detail.contains("48.1") && !failed.detail.contains("SECRET"), "{failed:?}");
    // The world checks every line (`testkit::logs`).
    harness.end().await;
}

fn location_in_matroska(harness: &Harness) -> PathBuf {
    fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
        let mut bytes = id.to_vec();
        bytes.extend(((1_u64 << 56) | content.len() as u64).to_be_bytes());
        bytes.extend(content);
        bytes
    }
    fn number(id: &[u8], value: u16) -> Vec<u8> {
        element(id, &value.to_be_bytes())
    }
    fn tag(key: &str, value: &str) -> Vec<u8> {
        element(
            &[0x67, 0xc8],
            &[element(&[0x45, 0xa3], key.as_bytes()), element(&[0x44, 0x87], value.as_bytes())].concat(),
        )
    }
    let ebml = [
        number(&[0x42, 0x86], 1),
        number(&[0x42, 0xf7], 1),
        number(&[0x42, 0xf2], 4),
        number(&[0x42, 0xf3], 8),
        element(&[0x42, 0x82], b"matroska"),
        number(&[0x42, 0x87], 4),
        number(&[0x42, 0x85], 2),
    ];
    let info =
        [element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()), element(&[0x44, 0x89], &10000_f64.to_be_bytes())];
    let target = element(&[0x63, 0xc0], &number(&[0x68, 0xca], 50));
    let tags = element(
        &[0x73, 0x73],
        &[target, tag("LOCATION", testkit::logs::PLACE), tag("TITLE", testkit::logs::TITLE)].concat(),
    );
    let audio = element(
        &[0xe1],
        &[element(&[0xb5], &8000_f64.to_be_bytes()), number(&[0x9f], 255), number(&[0x62, 0x64], 16)].concat(),
    );
    let track = element(
        &[0xae],
        &[number(&[0xd7], 1), number(&[0x73, 0xc5], 1), number(&[0x83], 2), element(&[0x86], b"A_PCM/INT/LIT"), audio]
            .concat(),
    );
    let block = element(&[0xa3], &[&b"\x81\0\0\x80"[..], &[0; 5100][..]].concat());
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x12, 0x54, 0xc3, 0x67], &tags),
        element(&[0x16, 0x54, 0xae, 0x6b], &track),
        element(&[0x1f, 0x43, 0xb6, 0x75], &[number(&[0xe7], 0), block].concat()),
    ];
    let path = harness.file("place.mkv");
    let bytes =
        [element(&[0x1a, 0x45, 0xdf, 0xa3], &ebml.concat()), element(&[0x18, 0x53, 0x80, 0x67], &segment.concat())]
            .concat();
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn all_child_processes_together_stay_within_the_memory_budget() {
    const BUDGET: u64 = 900 << 20;
    let harness = Harness::with(&[&format!("transcode.total_memory_bytes={BUDGET}"), "transcode.workers=8"]).await;
    let clip = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=1280x720:rate=25 -t 1 -c:v mpeg4 -q:v 9");
    let (most, over) = (std::sync::Arc::new(AtomicU64::new(0)), std::sync::Arc::new(AtomicBool::new(false)));
    let watcher = std::thread::spawn({
        let (most, over) = (most.clone(), over.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(testkit::processes::descendants_rss_bytes(std::process::id()), Ordering::Relaxed);
                // A look goes through all processes of the machine: more often, it takes half of a core from them.
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    });
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(harness.upload(&clip, Kind::Video, "mp4").await);
    }
    for media in &sent {
        harness.ready(media).await;
    }
    over.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    let most = most.load(Ordering::Relaxed);
    assert!(most > 0 && most <= BUDGET, "{} MB of {}", most >> 20, BUDGET >> 20);
    println!("children took {} MB of {}", most >> 20, BUDGET >> 20);
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_needs_more_memory_than_the_budget_is_rejected_once() {
    let harness = Harness::with(&["transcode.total_memory_bytes=260000000"]).await;
    let clip = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=3840x2160:rate=25 -t 1 -c:v mpeg4 -q:v 9");
    let media = harness.upload(&clip, Kind::Video, "mp4").await;
    let failed = harness.failed(&media).await;
    assert_eq!(failed.code, "transcode.too_much_memory", "{failed:?}");
    assert!(failed.detail.contains("needs more memory to convert than"), "{failed:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codecs_that_are_not_listed_are_rejected_by_name() {
    let harness = Harness::new().await;
    let clip = harness.make(
        "clip.mkv",
        "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 1 -c:v libvpx-vp9 -deadline realtime -c:a tta",
    );
    let old = harness.make("old.mkv", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v huffyuv");
    for (path, name) in [(clip, "tta"), (old, "huffyuv")] {
        let media = harness.upload(&path, Kind::Video, "mkv").await;
        let failed = harness.failed(&media).await;
        assert_eq!(failed.code, "transcode.unsupported_codec", "{name}: {failed:?}");
        assert!(failed.detail.contains(name), "{failed:?}");
    }
    harness.end().await;
}
