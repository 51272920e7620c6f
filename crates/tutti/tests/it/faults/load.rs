//! People at work while things break: they send photos, songs and videos, read what they sent, look at their lists, and sign in.
//!
//! Owns the ledger of what was acknowledged. Invariant: what stands in the ledger was answered by the server, so it may be held against it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use tokio::task::JoinHandle;

use super::answers::{BroadcastMessage, Member};
use super::form;
use super::harness::Harness;
use super::uploads::{Resumable, Samples, send};

/// What was acknowledged, and what people heard otherwise.
#[derive(Default)]
pub(super) struct Ledger {
    items: Mutex<Vec<(String, Bytes)>>,
    pub(super) later: AtomicU32,
    pub(super) broken: AtomicU32,
    pub(super) read: AtomicU32,
    pub(super) signed_in: AtomicU32,
}

impl Ledger {
    /// The server has said that it has these bytes.
    pub(super) fn note(&self, id: String, bytes: Bytes) {
        self.items.lock().unwrap().push((id, bytes));
    }

    pub(super) fn items(&self) -> Vec<(String, Bytes)> {
        self.items.lock().unwrap().clone()
    }

    fn count(&self, heard: &BroadcastMessage) {
        match heard {
            BroadcastMessage::Later(_) => self.later.fetch_add(1, Ordering::Relaxed),
            BroadcastMessage::Broken => self.broken.fetch_add(1, Ordering::Relaxed),
            BroadcastMessage::TestResponse(_) => 0,
        };
    }

    fn any(&self) -> Option<(String, Bytes)> {
        let items = self.items.lock().unwrap();
        (!items.is_empty()).then(|| items[rand::random_range(0..items.len())].clone())
    }
}

/// People at work.
pub(super) struct Load {
    pub(super) member: Arc<Member>,
    pub(super) samples: Arc<Samples>,
    pub(super) ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    people: Vec<JoinHandle<()>>,
}

/// What one person has at hand.
#[derive(Clone)]
struct Person {
    member: Arc<Member>,
    samples: Arc<Samples>,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
}

impl Person {
    /// Pauses for about so long; `false` when the day is over.
    async fn pause(&self, ms: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(rand::random_range(ms / 2..=ms * 3 / 2))).await;
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Load {
    /// Lets people begin: each kind of work on its own, as a member who signs in and out elsewhere meanwhile.
    pub(super) async fn start(harness: &Harness) -> Self {
        let samples = Arc::new(tokio::task::spawn_blocking(Samples::make).await.unwrap());
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let member = Arc::new(Member::sign_up("ada", harness.doors()).await);
        let person = Person { member: member.clone(), samples: samples.clone(), ledger: ledger.clone(), stop: stop.clone() };
        let people = vec![
            tokio::spawn(photographer(person.clone())),
            tokio::spawn(singer(person.clone())),
            tokio::spawn(filmer(person.clone())),
            tokio::spawn(reader(person.clone())),
            tokio::spawn(comer_and_goer(person)),
        ];
        Self { member, samples, ledger, stop, people }
    }

    /// Lets people finish what they are at; what any of them could not bear fails the test here.
    pub(super) async fn end(self) -> (Arc<Member>, Arc<Ledger>) {
        self.stop.store(true, Ordering::Relaxed);
        for person in self.people {
            if let Err(error) = person.await {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        (self.member, self.ledger)
    }
}

async fn photographer(person: Person) {
    while person.pause(form(250, 600)).await {
        let photo = person.samples.photo();
        match send(&person.member, "p.jpg", "image/jpeg", &photo).await {
            Ok(id) => person.ledger.note(id, photo),
            Err(heard) => person.ledger.count(&heard),
        }
    }
}

async fn filmer(person: Person) {
    loop {
        let video = person.samples.video();
        match send(&person.member, "v.mp4", "video/mp4", &video).await {
            Ok(id) => person.ledger.note(id, video),
            Err(heard) => person.ledger.count(&heard),
        }
        if !person.pause(form(9_000, 15_000)).await {
            return;
        }
    }
}

/// Sends one song after the other in pieces.
async fn singer(person: Person) {
    let mut upload = None;
    while person.pause(200).await {
        let Some(mut under_way) = upload.take() else {
            upload = Resumable::begin(&person.member, Samples::song()).await;
            continue;
        };
        match Resumable::go_on(&mut under_way, &person.member).await {
            Some((id, song)) => {
                person.ledger.note(id, song);
                person.pause(form(3_000, 6_000)).await;
            }
            None => upload = Some(under_way),
        }
    }
    // An upload that has begun would be kept for its day: this one is taken back.
    if let Some(under_way) = upload {
        under_way.cancel(&person.member).await;
    }
}

async fn reader(person: Person) {
    while person.pause(100).await {
        let Some((id, bytes)) = person.ledger.any() else { continue };
        let heard = person.member.ask(Method::GET, &format!("/v1/media/{id}/original"), |request| request).await;
        if let BroadcastMessage::TestResponse(answer) = &heard {
            assert_eq!(answer.status, StatusCode::OK, "{id}: {}", answer.text());
            assert!(answer.body == bytes, "{id} has other bytes");
            person.ledger.read.fetch_add(1, Ordering::Relaxed);
        }
        person.ledger.count(&heard);
        let heard = person.member.ask(Method::GET, "/v1/media?limit=20", |request| request).await;
        if let BroadcastMessage::TestResponse(answer) = &heard {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        }
        person.ledger.count(&heard);
    }
}

async fn comer_and_goer(person: Person) {
    while person.pause(700).await {
        let done = if rand::random() { person.member.sign_in().await } else { person.member.refresh().await };
        person.ledger.signed_in.fetch_add(u32::from(done), Ordering::Relaxed);
    }
}
