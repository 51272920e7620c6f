//! Engines that are killed, frozen and wiped while everybody works: what needs them says "later" in time, the rest goes on, and
//! nobody is needed for it to end.
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

use super::answers::{BroadcastMessage, Member};
use super::harness::Harness;
use super::load::Load;
use super::uploads::{send, send_until_taken};
use super::verify::verify;
use super::{away, form};

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
async fn engines_that_are_away_are_waited_for_and_what_does_not_need_them_goes_on() {
    let mut harness = Harness::set(&Topology::one_of_each());
    let load = Load::start(&harness).await;
    let photo = load.samples.photo();
    let warm = send_until_taken(&load.member, &photo).await;
    load.ledger.note(warm.clone(), photo);
    let began = Instant::now();
    while load.member.get(&format!("/v1/media/{warm}")).await.json()["state"] != "ready" {
        assert!(began.elapsed() < Duration::from_secs(60), "the first photo does not get ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let original = format!("/v1/media/{warm}/original");
    for _ in 0..form(1, 2) {
        for engine in [Engine::Postgres, Engine::Nats, Engine::S3] {
            for killed in [true, false] {
                load.member.get(&original).await;
                absent(engine, killed, &mut harness, &load, &original).await;
            }
        }
        tokio::task::block_in_place(|| harness.nats.wipe());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    verify(&mut harness, load).await;
}

/// Kills an engine and starts it again, or freezes it and lets it go on.
async fn absent(engine: Engine, killed: bool, harness: &mut Harness, load: &Load, original: &str) {
    let keyed = (engine == Engine::Postgres).then(|| Keyed::begin(&load.member, load.samples.photo()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    tokio::task::block_in_place(|| if killed { engine.of(harness).kill() } else { engine.of(harness).freeze() });
    let began = Instant::now();
    while began.elapsed() < away() {
        promises(engine, load, original).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let was = began.elapsed();
    tokio::task::block_in_place(|| if killed { engine.of(harness).restart() } else { engine.of(harness).thaw() });
    let back = Instant::now();
    let photo = load.samples.photo();
    load.ledger.note(send_until_taken(&load.member, &photo).await, photo);
    if let Some(keyed) = keyed {
        let (id, photo) = keyed.end(&load.member).await;
        load.ledger.note(id, photo);
    }
    let how = if killed { "dead" } else { "frozen" };
    println!("{engine:?} was {how} for {:.1} s; an upload was taken {:.1} s after its return", was.as_secs_f64(), back.elapsed().as_secs_f64());
}

/// What holds while an engine is away. That everything else is answered "later" in time, the load itself checks.
async fn promises(engine: Engine, load: &Load, original: &str) {
    let read = async || match load.member.ask(Method::GET, original, |request| request).await {
        BroadcastMessage::TestResponse(answer) => answer.status.as_u16(),
        BroadcastMessage::Later(status) => status.as_u16(),
        BroadcastMessage::Broken => 0,
    };
    let photo = load.samples.photo();
    match engine {
        Engine::Postgres => {
            assert_eq!(read().await, 200, "what was read before can't be read while the database is away");
            assert!(matches!(send(&load.member, "p.jpg", "image/jpeg", &photo).await, Err(BroadcastMessage::Later(_))), "an upload without a database");
        }
        Engine::Nats => {
            assert_eq!(read().await, 200);
            let taken = send(&load.member, "p.jpg", "image/jpeg", &photo).await;
            load.ledger.note(taken.unwrap_or_else(|_| panic!("an upload was not taken while the bus is away")), photo);
        }
        Engine::S3 => {
            assert!(load.member.sign_in().await, "nobody can sign in while the store is away");
            let listed = load.member.ask(Method::GET, "/v1/media?limit=5", |request| request).await;
            assert!(matches!(listed, BroadcastMessage::TestResponse(answer) if answer.status == 200), "nobody can look at a list while the store is away");
            let renamed = load.member.ask(Method::PATCH, original.trim_end_matches("/original"), |request| request.json(&json!({ "name": "renamed" }))).await;
            assert!(matches!(renamed, BroadcastMessage::TestResponse(answer) if answer.status == 200), "nobody can change a name while the store is away");
            // A freeze of a few seconds is sat out by whoever has begun.
            match send(&load.member, "p.jpg", "image/jpeg", &photo).await {
                Ok(id) => load.ledger.note(id, photo),
                Err(heard) => assert!(matches!(heard, BroadcastMessage::Later(_)), "an upload was not told to come later"),
            }
        }
    }
}

/// An upload with an `Idempotency-Key` whose database goes away in its middle.
struct Keyed {
    key: String,
    photo: Bytes,
    first: tokio::task::JoinHandle<BroadcastMessage>,
}

impl Keyed {
    fn begin(member: &Arc<Member>, photo: Bytes) -> Self {
        let key = format!("keyed {}", rand::random::<u64>());
        let (member, slow) = (member.clone(), Self::request(&key, photo.clone(), Duration::from_millis(50)));
        let first = tokio::spawn(async move { member.ask(Method::POST, "/v1/media?name=keyed.jpg", slow).await });
        Self { key, photo, first }
    }

    /// In twenty pieces, with a pause before each.
    fn request(key: &str, photo: Bytes, pause: Duration) -> impl Fn(RequestBuilder) -> RequestBuilder + use<> {
        let key = key.to_owned();
        move |request| {
            let pieces: Vec<Bytes> = photo.chunks(photo.len().div_ceil(20)).map(|piece| photo.slice_ref(piece)).collect();
            let pieces = futures::stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(piece)
            });
            let request = request.header("content-type", "image/jpeg").header("content-length", photo.len());
            request.header("idempotency-key", &key).body(reqwest::Body::wrap_stream(pieces))
        }
    }

    /// Sends it again under its key until it is taken: no outage may leave the key behind.
    async fn end(self, member: &Member) -> (String, Bytes) {
        // Whatever it heard.
        drop(self.first.await.unwrap());
        let began = Instant::now();
        loop {
            let again = Self::request(&self.key, self.photo.clone(), Duration::ZERO);
            let heard = member.ask(Method::POST, "/v1/media?name=keyed.jpg", again).await;
            match heard {
                BroadcastMessage::TestResponse(answer) if answer.status == 201 => return (answer.json()["id"].as_str().unwrap().to_owned(), self.photo),
                BroadcastMessage::TestResponse(answer) => assert_eq!(answer.status, 409, "{}", answer.text()),
                _ => {}
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the key of an upload that came to nothing is not free again");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}
