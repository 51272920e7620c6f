//! Load while faults happen: a client uploads photos, songs and videos, reads them, lists them, posts, and signs in.
//!
//! Owns the ledger of acknowledged uploads and posts. Invariant: the server has acknowledged every entry of the ledger,
//! so the verification may demand it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinHandle;

use super::client::{Client, Outcome};
use super::harness::Harness;
use super::short_or_long;
use super::uploads::{ResumableUpload, Samples, upload};

const CAPTIONS: &str = "WEBVTT\n\n00:00.000 --> 00:01.000\nÜbergänge\n";

/// What was acknowledged, and the counts of other outcomes.
#[derive(Default)]
pub(super) struct Ledger {
    items: Mutex<Vec<(String, Bytes)>>,
    /// The texts of posts, each of which is written once.
    posts: Mutex<Vec<String>>,
    pub(super) later: AtomicU32,
    pub(super) broken: AtomicU32,
    pub(super) read: AtomicU32,
    pub(super) signed_in: AtomicU32,
}

impl Ledger {
    /// Records that the server has acknowledged these bytes.
    pub(super) fn record(&self, id: String, bytes: Bytes) {
        self.items.lock().unwrap().push((id, bytes));
    }

    pub(super) fn items(&self) -> Vec<(String, Bytes)> {
        self.items.lock().unwrap().clone()
    }

    pub(super) fn posts(&self) -> Vec<String> {
        self.posts.lock().unwrap().clone()
    }

    fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::RetryLater(_) => self.later.fetch_add(1, Ordering::Relaxed),
            Outcome::Broken => self.broken.fetch_add(1, Ordering::Relaxed),
            Outcome::Response(_) => 0,
        };
    }

    fn random_item(&self) -> Option<(String, Bytes)> {
        let items = self.items.lock().unwrap();
        (!items.is_empty()).then(|| items[rand::random_range(0..items.len())].clone())
    }
}

/// Running load.
pub(super) struct Load {
    pub(super) client: Arc<Client>,
    pub(super) samples: Arc<Samples>,
    pub(super) ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

/// What one task of the load uses.
#[derive(Clone)]
struct Worker {
    client: Arc<Client>,
    samples: Arc<Samples>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// Pauses for about this long, or until the load is to stop: then it returns `false`.
    async fn pause(&self, ms: u64) -> bool {
        let mut left = rand::random_range(ms / 2..=ms * 3 / 2);
        while left > 0 && !self.stop.load(Ordering::Relaxed) {
            let step = left.min(200);
            tokio::time::sleep(Duration::from_millis(step)).await;
            left -= step;
        }
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Load {
    /// Starts the load: a task for each kind of work, all with one member's account.
    pub(super) async fn start(harness: &Harness) -> Self {
        let samples = Arc::new(tokio::task::spawn_blocking(Samples::make).await.unwrap());
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let client = Arc::new(Client::sign_up("ada", harness.gateway_urls()).await);
        let worker =
            Worker { client: client.clone(), samples: samples.clone(), ledger: ledger.clone(), stop: stop.clone() };
        let workers = vec![
            tokio::spawn(upload_photos(worker.clone())),
            tokio::spawn(upload_songs(worker.clone())),
            tokio::spawn(upload_videos(worker.clone())),
            tokio::spawn(read_items(worker.clone())),
            tokio::spawn(write_posts(worker.clone())),
            tokio::spawn(sign_in_and_refresh(worker)),
        ];
        Self { client, samples, ledger, stop, workers }
    }

    /// Lets each task finish its current work. A task that has panicked fails the test here.
    pub(super) async fn end(self) -> (Arc<Client>, Arc<Ledger>) {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            if let Err(error) = worker.await {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        (self.client, self.ledger)
    }
}

async fn upload_photos(worker: Worker) {
    while worker.pause(short_or_long(1_200, 600)).await {
        let photo = worker.samples.photo();
        match upload(&worker.client, "p.jpg", "image/jpeg", &photo).await {
            Ok(id) => worker.ledger.record(id, photo),
            Err(outcome) => worker.ledger.count(&outcome),
        }
    }
}

async fn upload_videos(worker: Worker) {
    loop {
        let video = worker.samples.video();
        match upload(&worker.client, "v.mp4", "video/mp4", &video).await {
            Ok(id) => {
                put_captions(&worker, &id).await;
                worker.ledger.record(id, video);
            }
            Err(outcome) => worker.ledger.count(&outcome),
        }
        // Converting is most of the load: in the short form one video is enough.
        if !worker.pause(short_or_long(60_000, 15_000)).await {
            return;
        }
    }
}

/// Puts captions on an item. They count for the quota, whether this client hears of it or not.
async fn put_captions(worker: &Worker, id: &str) {
    let path = format!("/v1/media/{id}/captions/en");
    let outcome = worker.client.send(Method::PUT, &path, |request| request.body(CAPTIONS)).await;
    if let Outcome::Response(response) = &outcome {
        assert_eq!(response.status, StatusCode::OK, "{id}: {}", response.text());
    }
    worker.ledger.count(&outcome);
}

/// Uploads one song after the other in chunks.
async fn upload_songs(worker: Worker) {
    let mut resumable = None;
    while worker.pause(200).await {
        let Some(mut under_way) = resumable.take() else {
            resumable = ResumableUpload::begin(&worker.client, Samples::song()).await;
            continue;
        };
        match ResumableUpload::send_next_chunk(&mut under_way, &worker.client).await {
            Some((id, song)) => {
                worker.ledger.record(id, song);
                worker.pause(6_000).await;
            }
            None => resumable = Some(under_way),
        }
    }
    // The server would keep an unfinished upload for a day, so this one is cancelled.
    if let Some(under_way) = resumable {
        under_way.cancel(&worker.client).await;
    }
}

async fn read_items(worker: Worker) {
    while worker.pause(100).await {
        let Some((id, bytes)) = worker.ledger.random_item() else { continue };
        let outcome = worker.client.send(Method::GET, &format!("/v1/media/{id}/original"), |request| request).await;
        if let Outcome::Response(response) = &outcome {
            assert_eq!(response.status, StatusCode::OK, "{id}: {}", response.text());
            assert!(response.body == bytes, "{id} has other bytes");
            worker.ledger.read.fetch_add(1, Ordering::Relaxed);
        }
        worker.ledger.count(&outcome);
        let outcome = worker.client.send(Method::GET, "/v1/media?limit=20", |request| request).await;
        if let Outcome::Response(response) = &outcome {
            assert_eq!(response.status, StatusCode::OK, "{}", response.text());
        }
        worker.ledger.count(&outcome);
    }
}

/// Writes posts. One whose outcome is unknown is sent again with its key, until it is acknowledged.
async fn write_posts(worker: Worker) {
    let mut text = rand::random::<u64>().to_string();
    while worker.pause(3_000).await {
        let body = json!({"text": text, "audience": "public"});
        let outcome = worker
            .client
            .send(Method::POST, "/v1/posts", |request| request.header("idempotency-key", &text).json(&body))
            .await;
        match &outcome {
            Outcome::Response(response) if response.status == StatusCode::CONFLICT => {
                assert_eq!(response.json()["code"], "request.in_progress", "{}", response.text());
            }
            Outcome::Response(response) => {
                assert_eq!(response.status, StatusCode::CREATED, "{}", response.text());
                worker.ledger.posts.lock().unwrap().push(text);
                text = rand::random::<u64>().to_string();
            }
            Outcome::RetryLater(_) | Outcome::Broken => {}
        }
        worker.ledger.count(&outcome);
    }
}

async fn sign_in_and_refresh(worker: Worker) {
    while worker.pause(700).await {
        let done = if rand::random() { worker.client.sign_in().await } else { worker.client.refresh().await };
        worker.ledger.signed_in.fetch_add(u32::from(done), Ordering::Relaxed);
    }
}
