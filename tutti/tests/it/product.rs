//! The main job, end to end: a photo, a song and a video are uploaded, and every client that may read them can.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::logs::{PLACE, TITLE};

use crate::metrics_lint::lint;
use crate::server::{Member, Server};

fn generate(folder: &TempDir, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder.path().join(name);
    // The place and the title are markers: `Server` searches every line of its log for both.
    let (title, place) = (format!("title={TITLE}"), format!("location={PLACE}"));
    testkit::ffmpeg(&[arguments, &["-metadata", &title, "-metadata", &place, path.to_str().unwrap()]].concat());
    std::fs::read(path).unwrap()
}

fn clip(folder: &TempDir) -> Vec<u8> {
    generate(
        folder,
        "clip.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=640x360:r=25:d=9",
            "-f",
            "lavfi",
            "-i",
            "sine=f=440:d=9",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "50",
        ],
    )
}

/// Returns the URLs in a playlist, relative to the playlist's own URL.
fn variant_urls(playlist: &str, base: &str) -> Vec<String> {
    let folder = base.split('?').next().unwrap().rsplit_once('/').unwrap().0;
    playlist
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("{folder}/{line}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_decodes_every_frame_of_an_uploaded_video() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let item = ada.upload(&format!("{TITLE}.mp4"), "video/mp4", clip(&folder)).await;
    let item = ada.wait_for_state(item["id"].as_str().unwrap(), "ready").await;
    assert_eq!(
        (item["kind"].as_str(), item["width"].as_u64(), item["height"].as_u64()),
        (Some("video"), Some(640), Some(360)),
        "{item:#}"
    );
    assert!((8900..=9200).contains(&item["duration_ms"].as_u64().unwrap()), "{item:#}");

    // The signed URL opens without a token, as a `<video>` element requests it.
    let master = format!("{}{}", server.url, item["urls"]["hls"].as_str().unwrap());
    let text = server.client.get(&master).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("#EXT-X-STREAM-INF") && text.contains("TYPE=AUDIO"), "{text}");
    for rendition in variant_urls(&text, &master) {
        let text = server.client.get(&rendition).send().await.unwrap().text().await.unwrap();
        assert!(text.contains("#EXT-X-ENDLIST") && text.contains("#EXT-X-MAP"), "{rendition}\n{text}");
    }
    // A real player's demuxer and decoder return every frame.
    let probe = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
            &master,
        ])
        .output()
        .unwrap();
    let frames = String::from_utf8_lossy(&probe.stdout);
    // ffprobe prints one line for each place in which it lists the stream, with blank lines between.
    let counts: Vec<&str> =
        frames.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty()).collect();
    assert!(
        !counts.is_empty() && counts.iter().all(|count| *count == "225"),
        "{frames}{}",
        String::from_utf8_lossy(&probe.stderr)
    );
    for part in ["poster", "storyboard"] {
        let url = format!("{}{}", server.url, item["urls"][part].as_str().unwrap());
        assert_eq!(server.client.get(url).send().await.unwrap().status(), 200, "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_and_a_song_are_ready_and_strangers_see_them_only_once_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]).await;
    let (ada, bob) = (server.sign_up("ada").await, server.sign_up("bob").await);
    let photo = generate(&folder, "p.jpg", &["-f", "lavfi", "-i", "testsrc2=s=800x600", "-frames:v", "1"]);
    let song = generate(&folder, "s.mp3", &["-f", "lavfi", "-i", "sine=f=330:d=5"]);
    let photo = ada.upload("p.jpg", "image/jpeg", photo).await;
    let song = ada.upload("s.mp3", "audio/mpeg", song).await;
    let waves = generate(&folder, "w.gif", &["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10", "-frames:v", "5"]);
    let waves = ada.upload("w.gif", "image/gif", waves).await;
    let photo = ada.wait_for_state(photo["id"].as_str().unwrap(), "ready").await;
    let song = ada.wait_for_state(song["id"].as_str().unwrap(), "ready").await;
    assert_eq!((photo["kind"].as_str(), song["kind"].as_str()), (Some("photo"), Some("audio")));
    assert!(photo["thumbhash"].is_string() && song["urls"]["waveform"].is_string());
    let waves = ada.wait_for_state(waves["id"].as_str().unwrap(), "ready").await;
    let motion = format!("{}{}", server.url, waves["urls"]["motion"].as_str().unwrap());
    let motion = server.client.get(motion).send().await.unwrap();
    assert_eq!((motion.status().as_u16(), motion.headers()["content-type"].to_str().unwrap()), (200, "video/mp4"));
    assert!(photo["urls"]["motion"].is_null(), "a still picture has none");

    let picture = format!("/v1/media/{}/image?w=320", photo["id"].as_str().unwrap());
    assert_eq!(bob.request(Method::GET, &picture).send().await.unwrap().status(), 404);
    assert_link_opens_until_revoked(&server, &ada, photo["id"].as_str().unwrap()).await;
    let view = ada
        .request(Method::PATCH, &format!("/v1/media/{}", photo["id"].as_str().unwrap()))
        .json(&json!({ "visibility": "public" }))
        .send()
        .await
        .unwrap();
    assert_eq!(view.status(), 200);
    let started = std::time::Instant::now();
    loop {
        // Other roles receive the event within moments.
        let response = server.client.get(format!("{}{picture}", server.url)).send().await.unwrap();
        if response.status() == 200 {
            assert!(response.headers()["content-type"].to_str().unwrap().starts_with("image/"));
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "{}", response.status());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_page_has_preview(&server, photo["id"].as_str().unwrap()).await;
    let original = format!("/v1/media/{}/original", photo["id"].as_str().unwrap());
    assert_eq!(bob.request(Method::GET, &original).send().await.unwrap().status().as_u16() / 100, 4);
    let (wrong, count) = lint(&server.get_operations("/metrics").await);
    assert!(wrong.is_empty() && count > 10, "{count} metrics: {wrong:#?}");
}

/// Checks that a link opens a private photo and its image to anyone who has it, until it is revoked.
async fn assert_link_opens_until_revoked(server: &Server, owner: &Member, id: &str) {
    let links = format!("/v1/media/{id}/links");
    let made = owner.request(Method::POST, &links).json(&json!({ "expires_in": 3600 })).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let shared = format!("{}/v1/shared/{}", server.url, made["token"].as_str().unwrap());
    let opened: Value = server.client.get(&shared).send().await.unwrap().json().await.unwrap();
    let image = format!("{}{}&w=320", server.url, opened["media"]["urls"]["image"].as_str().unwrap());
    assert_eq!(server.client.get(image).send().await.unwrap().status(), 200);
    let link = format!("{links}/{}", made["id"].as_str().unwrap());
    assert_eq!(owner.request(Method::DELETE, &link).send().await.unwrap().status(), 204);
    assert_eq!(server.client.get(&shared).send().await.unwrap().status(), 404);
}

/// Checks that the page of an item that everyone may read has the tags of a preview, and that its image is there.
async fn assert_page_has_preview(server: &Server, id: &str) {
    let started = std::time::Instant::now();
    let tag = "<meta property=\"og:image\" content=\"";
    loop {
        let page = server.client.get(format!("{}/m/{id}", server.url)).send().await.unwrap().text().await.unwrap();
        // A page that got no preview in time has none; the next request may.
        if let Some((_, rest)) = page.split_once(tag) {
            let image = rest.split('"').next().unwrap().replace("&amp;", "&");
            assert!(image.starts_with(&format!("{}/v1/media/{id}/image?", server.url)), "{image}");
            let response = server.client.get(image).send().await.unwrap();
            assert!(response.status() == 200 && response.headers()["content-type"] == "image/jpeg", "{response:?}");
            return;
        }
        assert!(started.elapsed().as_secs() < 60, "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_in_the_trash_is_not_served_until_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let video = ada.upload("clip.mp4", "video/mp4", clip(&folder)).await;
    let video = ada.wait_for_state(video["id"].as_str().unwrap(), "ready").await;
    let path = format!("/v1/media/{}", video["id"].as_str().unwrap());
    let urls = ["hls", "poster", "storyboard", "original"].map(|part| video["urls"][part].as_str().unwrap());
    let expect_all = async |status: u16| {
        let started = std::time::Instant::now();
        for url in &urls {
            // Other roles receive the event within moments.
            while server.client.get(format!("{}{url}", server.url)).send().await.unwrap().status() != status {
                assert!(started.elapsed().as_secs() < 60, "{url} is not {status}");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    };
    expect_all(200).await;
    assert_eq!(ada.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
    expect_all(404).await;
    let trash = ada.get("/v1/media?trash=true").await;
    let poster = trash["items"][0]["urls"]["poster"].as_str().unwrap();
    assert_eq!(server.client.get(format!("{}{poster}", server.url)).send().await.unwrap().status(), 200);
    assert_eq!(ada.request(Method::POST, &format!("{path}/restore")).send().await.unwrap().status(), 200);
    expect_all(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_an_account_erases_its_media() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]).await;
    let ada = server.sign_up("ada").await;
    let photo = generate(&folder, "p.jpg", &["-f", "lavfi", "-i", "testsrc2=s=80x60", "-frames:v", "1"]);
    let photo = ada.upload("p.jpg", "image/jpeg", photo).await;
    ada.wait_for_state(photo["id"].as_str().unwrap(), "ready").await;
    let gone = ada
        .request(Method::DELETE, "/v1/me")
        .json(&json!({ "password": "a long enough password" }))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204, "{}", gone.text().await.unwrap());
    let started = std::time::Instant::now();
    loop {
        let left = server.leftover_files().await;
        if left.is_empty() {
            break;
        }
        assert!(started.elapsed().as_secs() < 120, "objects are left: {left:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_listener_reveals_nothing_internal() {
    let server = Server::start(&[]).await;
    for path in ["/metrics", "/internal/media/5kT0vYq8Zb3mXw1RcHs9Ga", "/v1/internal/media"] {
        let response = server.client.get(format!("{}{path}", server.url)).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert!(!text.contains("tutti_http") && !text.contains("sha256"), "{path}: {text}");
    }
    let ready = server.client.get(format!("{}/readyz", server.url)).send().await.unwrap();
    assert_eq!((ready.status().as_u16(), ready.text().await.unwrap().as_str()), (200, "ready\n"));
    let metrics = server.get_operations("/metrics").await;
    let names = ["http_requests_total", "bus_backlog", "bus_dead_letters", "process_starts_total", "memory_size_bytes"];
    for name in names {
        assert!(metrics.contains(&format!("\ntutti_{name}")), "{name}: {metrics}");
    }
}
