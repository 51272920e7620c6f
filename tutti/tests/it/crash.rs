//! SIGKILL at random moments of upload and conversion: nothing that was acknowledged is lost, and nothing is left over.
//!
//! Photos arrive in one request, songs resumably, videos are converted. Each acknowledged upload is recorded and
//! compared with the server's state at the end.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;

use crate::faults::short_or_long;
use crate::server::{Member, Server};
use crate::wav::wave;

const CHUNK: usize = 96 * 1024;

/// The items that the server has acknowledged, with their bytes.
type Acknowledged = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

static UNIQUE: AtomicU32 = AtomicU32::new(0);

/// Returns a tiny JPEG with a comment of its own, so that no two are equal.
fn photo(base: &[u8]) -> Vec<u8> {
    let number = UNIQUE.fetch_add(1, Ordering::Relaxed);
    let text = format!("photo {number} {}", "x".repeat(40_000));
    let mut bytes = base[..2].to_vec();
    bytes.extend([0xff, 0xfe]);
    bytes.extend(u16::try_from(text.len() + 2).unwrap().to_be_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(&base[2..]);
    bytes
}

/// Returns three seconds of 16-bit mono audio, no two equal.
fn song() -> Vec<u8> {
    let number = UNIQUE.fetch_add(1, Ordering::Relaxed);
    let samples: Vec<u8> = (0..3 * 44_100_u32).flat_map(|at| sample(at, 200 + number).to_le_bytes()).collect();
    wave(&samples)
}

/// Returns a sample of a sine of roughly `hertz`.
fn sample(at: u32, hertz: u32) -> i16 {
    ((f64::from(at) * f64::from(hertz) * 0.000_142).sin() * 9000.0) as i16
}

/// Uploads photos until `stop` is set. A connection that breaks proves nothing.
async fn post_photos(member: Member, base: Arc<Vec<u8>>, acknowledged: Acknowledged, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let bytes = photo(&base);
        let sent = member
            .request(Method::POST, "/v1/media?name=p.jpg")
            .header("content-type", "image/jpeg")
            .body(bytes.clone())
            .send()
            .await;
        if let Ok(response) = sent
            && !member.is_retry_later(&response)
        {
            let status = response.status();
            if let Ok(item) = response.json::<serde_json::Value>().await {
                assert_eq!(status, 201, "{item}");
                acknowledged.lock().unwrap().push((item["id"].as_str().unwrap().to_owned(), bytes));
            }
            // Each of them is converted and compared in the end.
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..100))).await;
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Uploads one song after the other in chunks. Every acknowledged offset must still be there after a crash.
async fn send_songs(member: Member, acknowledged: Acknowledged, stop: Arc<AtomicBool>) {
    let mut upload: Option<(String, Vec<u8>, usize)> = None;
    while !stop.load(Ordering::Relaxed) {
        let step = match upload.take() {
            None => begin_song(&member).await,
            Some((url, song, known)) => continue_song(&member, url, song, known, &acknowledged).await,
        };
        match step {
            SongUpload::Next(next) => {
                upload = next;
                // So that a kill hits most songs in their middle, and few are converted in the end.
                tokio::time::sleep(Duration::from_millis(rand::random_range(0..150))).await;
            }
            SongUpload::Broken(same) => {
                upload = same;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    // The server would keep an unfinished upload for a day, so this one is cancelled.
    if let Some((url, _, _)) = upload {
        let response = member.request(Method::DELETE, &url).send().await.unwrap();
        assert!(
            response.status() == 204 || response.status() == 404 || response.status() == 410,
            "{}",
            response.status()
        );
    }
}

enum SongUpload {
    Next(Option<(String, Vec<u8>, usize)>),
    Broken(Option<(String, Vec<u8>, usize)>),
}

async fn begin_song(member: &Member) -> SongUpload {
    let song = song();
    let sent = member
        .request(Method::POST, "/v1/uploads")
        .header("upload-length", song.len())
        .header("upload-metadata", "filename cy53YXY=")
        .send()
        .await;
    match sent {
        Ok(response) if member.is_retry_later(&response) => SongUpload::Broken(None),
        Ok(response) => {
            assert_eq!(response.status(), 201, "an upload was refused");
            let location = response.headers()["location"].to_str().unwrap().to_owned();
            SongUpload::Next(Some((location, song, 0)))
        }
        Err(_) => SongUpload::Broken(None),
    }
}

async fn continue_song(
    member: &Member,
    url: String,
    song: Vec<u8>,
    known: usize,
    acknowledged: &Acknowledged,
) -> SongUpload {
    let Ok(head) = member.request(Method::HEAD, &url).send().await else {
        return SongUpload::Broken(Some((url, song, known)));
    };
    if member.is_retry_later(&head) {
        return SongUpload::Broken(Some((url, song, known)));
    }
    assert_eq!(head.status(), 200, "an upload that was acknowledged is gone");
    let header = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let offset: usize = header(&head, "upload-offset").unwrap().parse().unwrap();
    assert!(offset >= known, "{known} bytes were acknowledged, {offset} are left");
    if let Some(id) = header(&head, "tutti-media-id") {
        acknowledged.lock().unwrap().push((id, song));
        return SongUpload::Next(None);
    }
    let piece = song[offset..song.len().min(offset + CHUNK)].to_vec();
    let request = member
        .request(Method::PATCH, &url)
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream")
        .body(piece);
    match request.send().await {
        Ok(response) if member.is_retry_later(&response) => SongUpload::Broken(Some((url, song, offset))),
        Ok(response) => {
            assert_eq!(response.status(), 204, "a chunk was refused");
            let now = header(&response, "upload-offset").unwrap().parse().unwrap();
            SongUpload::Next(Some((url, song, now)))
        }
        Err(_) => SongUpload::Broken(Some((url, song, offset))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_that_was_acknowledged_and_leave_nothing_behind() {
    let settings = ["gateway.writes_per_second=0"];
    let mut server = Server::start(&settings).await;
    let kills = short_or_long(8_u32, 60);
    // Converting them is most of the work of the short form.
    let video_count = short_or_long(2_u32, 4);
    let ada = server.sign_up("ada").await;
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base.jpg");
    testkit::ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", base.to_str().unwrap()]);
    let base = Arc::new(std::fs::read(base).unwrap());
    let mut videos = Vec::new();
    for number in 0..video_count {
        let path = folder.path().join(format!("{number}.mp4"));
        let picture = format!("testsrc2=s=320x180:r=25:d={}", 3 + number);
        testkit::ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-f",
            "lavfi",
            "-i",
            "sine=f=300",
            "-shortest",
            "-pix_fmt",
            "yuv420p",
            path.to_str().unwrap(),
        ]);
        videos.push(std::fs::read(path).unwrap());
    }

    let (acknowledged, stop) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(tokio::spawn(post_photos(ada.clone(), base.clone(), acknowledged.clone(), stop.clone())));
        workers.push(tokio::spawn(send_songs(ada.clone(), acknowledged.clone(), stop.clone())));
    }
    for kill in 0..kills {
        if kill % (kills / video_count) == 0 {
            let video = videos.remove(0);
            let item = ada.upload("v.mp4", "video/mp4", video.clone()).await;
            acknowledged.lock().unwrap().push((item["id"].as_str().unwrap().to_owned(), video));
        }
        tokio::time::sleep(Duration::from_millis(40 + u64::from(rand::random::<u8>()))).await;
        // A slow machine gets time to acknowledge an upload between two kills.
        let (began, enough) = (std::time::Instant::now(), kill as usize + 1);
        while acknowledged.lock().unwrap().len() <= enough && began.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.kill();
        server.restart();
    }
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }

    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    assert!(
        acknowledged.len() > kills as usize,
        "only {} uploads were acknowledged: the test proves little",
        acknowledged.len()
    );
    for (id, bytes) in &acknowledged {
        assert!(ada.bytes(&format!("/v1/media/{id}/original")).await == *bytes, "{id} has other bytes");
    }
    for (id, _) in &acknowledged {
        ada.wait_for_state(id, "ready").await;
    }

    // Deleted items and untracked objects are removed, so the store is empty afterwards.
    loop {
        let page = ada.get("/v1/media?limit=100").await;
        let items = page["items"].as_array().unwrap().clone();
        if items.is_empty() {
            break;
        }
        for item in items {
            let path = format!("/v1/media/{}?purge=true", item["id"].as_str().unwrap());
            assert_eq!(ada.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
        }
    }
    let started = std::time::Instant::now();
    loop {
        let left = server.leftover_files().await;
        if left.is_empty() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(180), "left behind: {left:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(server.terminate().iter().all(ExitStatus::success));
}
