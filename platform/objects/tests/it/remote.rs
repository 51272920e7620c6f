//! What only a remote store has: URLs for programs and browsers, and connections that break.

use std::time::Duration;

use base::ObjectKey;
use bytes::Bytes;
use futures::TryStreamExt as _;
use objects::{Error, PresignOptions, Source};
use objects_s3::S3Options;
use testkit::engines::shared_s3;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Store;
use testkit::objects::{MIB, content};

/// Starts a proxy that breaks each connection after the next number of response bytes.
async fn breaking_proxy(to: &str, after: Vec<usize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let to = to.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        let mut after = after.into_iter();
        while let Ok((client, _)) = listener.accept().await {
            let (most, server) =
                (after.next().unwrap_or(usize::MAX), tokio::net::TcpStream::connect(&to).await.unwrap());
            tokio::spawn(async move {
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                let (mut passed, mut buffer) = (0, vec![0; 16 << 10]);
                while passed < most {
                    match from_server.read(&mut buffer).await {
                        Ok(bytes) if bytes > 0 => {
                            passed += bytes;
                            if to_client.write_all(&buffer[..bytes]).await.is_err() {
                                break;
                            }
                        }
                        _ => break,
                    }
                }
                up.abort();
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_goes_on_where_a_connection_broke() {
    let shared = shared_s3();
    let options = shared.account.options(&shared.prefix);
    let content = content(5 * MIB);
    let stored = objects_s3::open(&options).unwrap().put(content.clone()).await.unwrap();
    // The signature covers the host, so the proxy's.
    let proxy =
        breaking_proxy(&shared.account.endpoint, vec![100_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000])
            .await;
    let broken = objects_s3::open(&S3Options { endpoint: Some(proxy), ..options }).unwrap();
    let chunks: Vec<Bytes> = broken.read(&stored.key, 10..4 * MIB as u64).await.unwrap().try_collect().await.unwrap();
    assert!(chunks.concat() == content[10..4 * MIB]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_sent_to_the_store_only_where_that_is_wanted_and_is_told_what_it_gets() {
    let shared = shared_s3();
    let options = shared.account.options(&shared.prefix);
    let objects = objects_s3::open(&options).unwrap();
    let stored = objects.put(Bytes::from_static(b"<html><script>alert(1)</script>")).await.unwrap();
    let download = PresignOptions {
        content_type: "image/jpeg",
        disposition: "attachment; filename=\"a b.jpg\"",
        valid_for: Duration::from_secs(60),
    };
    assert_eq!(objects.presign(&stored.key, &download).await.unwrap(), None);
    let presign = objects_s3::open(&S3Options {
        direct_downloads: true,
        public_endpoint: Some(shared.account.endpoint.clone()),
        endpoint: Some("http://127.0.0.1:1".into()),
        ..options
    })
    .unwrap();
    let address = presign.presign(&stored.key, &download).await.unwrap().expect("it is wanted");
    let client = reqwest::Client::new();
    let answer = client.get(&address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"a b.jpg\"");
    // What was signed can't be changed.
    assert_eq!(client.get(address.replace("image%2Fjpeg", "text%2Fhtml")).send().await.unwrap().status(), 403);
    assert_eq!(client.delete(&address).send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_is_no_missing_object_and_a_wrong_key_gets_nowhere() {
    let shared = shared_s3();
    let options = shared.account.options(&shared.prefix);
    let objects = objects_s3::open(&options).unwrap();
    let mut writer = objects.create().await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    let at = writer.checkpoint().await.unwrap();
    let elsewhere = objects_s3::open(&S3Options {
        bucket: format!("nowhere-{}", base::Random::system().id().to_lowercase()),
        ..options.clone()
    })
    .unwrap();
    let locked = objects_s3::open(&S3Options { secret_key: Some("guessed".into()), ..options }).unwrap();
    for objects in [elsewhere, locked.clone()] {
        assert!(matches!(objects.ping().await, Err(Error::Engine(_))));
        assert!(
            matches!(objects.resume(&at, ObjectKey::random()).await, Err(Error::Engine(_))),
            "the upload would begin anew"
        );
    }
    // (This server creates a bucket for any client that may write.)
    assert!(matches!(locked.put("x".into()).await, Err(Error::Engine(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffprobe_reads_an_object_by_its_url() {
    let (shared, dir) = (shared_s3(), tempfile::tempdir().unwrap());
    let objects = objects_s3::open(&shared.account.options(&shared.prefix)).unwrap();
    let file = dir.path().join("a.mp4");
    let made = tokio::process::Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=d=1:s=64x64",
            "-f",
            "lavfi",
            "-i",
            "sine=d=1",
            "-pix_fmt",
            "yuv420p",
        ])
        .arg(&file)
        .status()
        .await
        .expect("ffmpeg is installed");
    assert!(made.success());
    let stored = objects.put_file(&file).await.unwrap();
    let source = objects.source(&stored.key).await.unwrap();
    assert!(!format!("{source:?}").contains("http"), "a presigned URL must not be printed");
    let Source::Url(url) = source else { panic!("a remote store returns URLs") };
    let output = tokio::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-protocol_whitelist",
            "http,tcp",
            "-f",
            "mov",
            "-show_entries",
            "format=duration:stream=codec_type",
            "-of",
            "csv",
            "-i",
        ])
        .arg(&url)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("video") && said.contains("audio") && said.contains("format,1.0"),
        "{said} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_uploads_take_as_much_memory_as_was_said_and_not_as_much_as_they_bring() {
    // The peak memory of the process, in bytes (proc(5)).
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    };
    let store = Store::s3();
    let objects = store.open_small().await;
    let before = peak();
    let writers = (0..4_u8).map(|number| {
        let objects = objects.clone();
        tokio::spawn(async move {
            let mut writer = objects.create().await.unwrap();
            for _ in 0..96 {
                writer.write(vec![number; MIB].into()).await.unwrap();
            }
            writer.finish().await.unwrap().key
        })
    });
    for key in futures::future::try_join_all(writers).await.unwrap() {
        assert_eq!(objects.len(&key).await.unwrap(), 96 * MIB as u64);
    }
    // 15 MiB may be buffered; each of the four also sends a part of 5 MiB, and the allocator keeps some.
    let took = peak() - before;
    assert!(took < 128 * MIB, "384 MiB in four uploads took {} MiB of memory", took / MIB);
}
