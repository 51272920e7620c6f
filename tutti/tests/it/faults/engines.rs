//! Engines that are killed, frozen and wiped under load: requests that need them are answered "retry later" in time,
//! other requests succeed, and recovery needs no operator.
//!
//! Invariant: no process of the product is touched here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testkit::engines::Program;
use testkit::fleet::Topology;

use super::client::{Client, Outcome};
use super::harness::Harness;
use super::load::Load;
use super::outage;
use super::uploads::{upload, upload_until_accepted};
use super::verify::verify;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Postgres,
    Nats,
    S3,
}

impl Engine {
    fn of(self, harness: &mut Harness) -> &mut Program {
        match self {
            Self::Postgres => &mut harness.postgres.program,
            Self::Nats => &mut harness.nats.program,
            Self::S3 => &mut harness.s3.program,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn an_engine_outage_delays_only_what_needs_the_engine() {
    let mut harness = Harness::start(&Topology::one_of_each());
    let load = Load::start(&harness).await;
    interrupt_each(&mut harness, &load, 2).await;
    verify(&mut harness, load).await;
}

/// Kills and freezes one engine after the other, and wipes NATS, `rounds` times.
pub(super) async fn interrupt_each(harness: &mut Harness, load: &Load, rounds: usize) {
    let photo = load.samples.photo();
    let warm = upload_until_accepted(&load.client, &photo).await;
    load.ledger.record(warm.clone(), photo);
    let began = Instant::now();
    while load.client.get(&format!("/v1/media/{warm}")).await.json()["state"] != "ready" {
        assert!(began.elapsed() < Duration::from_secs(60), "the first photo does not get ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let original = format!("/v1/media/{warm}/original");
    for _ in 0..rounds {
        for engine in [Engine::Postgres, Engine::Nats, Engine::S3] {
            for killed in [true, false] {
                // Each instance of each role between has read it then.
                for _ in 0..8 {
                    load.client.get(&original).await;
                }
                interrupt(engine, killed, harness, load, &original).await;
            }
        }
        tokio::task::block_in_place(|| harness.nats.wipe());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Kills an engine and restarts it, or freezes and thaws it.
async fn interrupt(engine: Engine, killed: bool, harness: &mut Harness, load: &Load, original: &str) {
    let keyed = (engine == Engine::Postgres).then(|| KeyedUpload::begin(&load.client, load.samples.photo()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    tokio::task::block_in_place(|| if killed { engine.of(harness).kill() } else { engine.of(harness).freeze() });
    let began = Instant::now();
    while began.elapsed() < outage() {
        check_availability(engine, load, original).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let interrupted_for = began.elapsed();
    tokio::task::block_in_place(|| if killed { engine.of(harness).restart() } else { engine.of(harness).thaw() });
    let back_since = Instant::now();
    let photo = load.samples.photo();
    load.ledger.record(upload_until_accepted(&load.client, &photo).await, photo);
    if let Some(keyed) = keyed {
        let (id, photo) = keyed.retry_until_accepted(&load.client).await;
        load.ledger.record(id, photo);
    }
    let how = if killed { "dead" } else { "frozen" };
    println!(
        "{engine:?} was {how} for {:.1} s; an upload was accepted {:.1} s after its return",
        interrupted_for.as_secs_f64(),
        back_since.elapsed().as_secs_f64()
    );
}

/// Checks what must work during an outage of an engine. The load itself checks that every other request is answered
/// "retry later" in time.
async fn check_availability(engine: Engine, load: &Load, original: &str) {
    let read = async || match load.client.send(Method::GET, original, |request| request).await {
        Outcome::Response(response) => response.status.as_u16(),
        Outcome::RetryLater(status) => status.as_u16(),
        Outcome::Broken => 0,
    };
    let photo = load.samples.photo();
    match engine {
        Engine::Postgres => {
            assert_eq!(read().await, 200, "what was read before can't be read while the database is unavailable");
            assert!(
                matches!(upload(&load.client, "p.jpg", "image/jpeg", &photo).await, Err(Outcome::RetryLater(_))),
                "an upload without a database"
            );
        }
        Engine::Nats => {
            assert_eq!(read().await, 200);
            let accepted = upload(&load.client, "p.jpg", "image/jpeg", &photo).await;
            load.ledger.record(
                accepted.unwrap_or_else(|_| panic!("an upload was not accepted while the bus is unavailable")),
                photo,
            );
        }
        Engine::S3 => {
            assert!(load.client.sign_in().await, "signing in failed while the store is unavailable");
            let listed = load.client.send(Method::GET, "/v1/media?limit=5", |request| request).await;
            assert!(
                matches!(listed, Outcome::Response(response) if response.status == 200),
                "listing failed while the store is unavailable"
            );
            let renamed = load
                .client
                .send(Method::PATCH, original.trim_end_matches("/original"), |request| {
                    request.json(&json!({ "name": "renamed" }))
                })
                .await;
            assert!(
                matches!(renamed, Outcome::Response(response) if response.status == 200),
                "renaming failed while the store is unavailable"
            );
            // A request that has begun outlasts a freeze of a few seconds.
            match upload(&load.client, "p.jpg", "image/jpeg", &photo).await {
                Ok(id) => load.ledger.record(id, photo),
                Err(outcome) => {
                    assert!(matches!(outcome, Outcome::RetryLater(_)), "an upload was not told to retry later");
                }
            }
        }
    }
}

/// An upload with an `Idempotency-Key` whose database becomes unavailable in its middle.
struct KeyedUpload {
    key: String,
    photo: Bytes,
    first: tokio::task::JoinHandle<Outcome>,
}

impl KeyedUpload {
    fn begin(client: &Arc<Client>, photo: Bytes) -> Self {
        let key = format!("keyed {}", rand::random::<u64>());
        let (client, slow) = (client.clone(), Self::request(&key, photo.clone(), Duration::from_millis(50)));
        let first = tokio::spawn(async move { client.send(Method::POST, "/v1/media?name=keyed.jpg", slow).await });
        Self { key, photo, first }
    }

    /// Returns a request whose body is sent in twenty chunks, with a pause before each.
    fn request(key: &str, photo: Bytes, pause: Duration) -> impl Fn(RequestBuilder) -> RequestBuilder + use<> {
        let key = key.to_owned();
        move |request| {
            let chunks: Vec<Bytes> =
                photo.chunks(photo.len().div_ceil(20)).map(|chunk| photo.slice_ref(chunk)).collect();
            let chunks = futures::stream::iter(chunks).then(move |chunk| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(chunk)
            });
            let request = request.header("content-type", "image/jpeg").header("content-length", photo.len());
            request.header("idempotency-key", &key).body(reqwest::Body::wrap_stream(chunks))
        }
    }

    /// Sends it again with its key until it is accepted: no outage may leave the key locked.
    async fn retry_until_accepted(self, client: &Client) -> (String, Bytes) {
        // Any outcome is right.
        drop(self.first.await.unwrap());
        let began = Instant::now();
        loop {
            let again = Self::request(&self.key, self.photo.clone(), Duration::ZERO);
            let outcome = client.send(Method::POST, "/v1/media?name=keyed.jpg", again).await;
            match outcome {
                Outcome::Response(response) if response.status == 201 => {
                    return (response.json()["id"].as_str().unwrap().to_owned(), self.photo);
                }
                Outcome::Response(response) => assert_eq!(response.status, 409, "{}", response.text()),
                _ => {}
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the key of a failed upload stays locked");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}
