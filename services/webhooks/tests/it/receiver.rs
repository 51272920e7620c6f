//! A receiver of webhooks: it records what it gets and answers what a test says.
//!
//! Invariant: it listens on loopback only, and answers each request of a path in the same way until the test changes
//! that.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use parking_lot::Mutex;
use serde_json::Value;
use testkit::World;
use tokio::net::TcpListener;

/// What a receiver answers at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// 429, with `Retry-After` in seconds.
    Busy(u32),
    /// Nothing, ever.
    Hang,
}

/// A message that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Received {
    /// Returns a header's text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    received: Mutex<Vec<Received>>,
}

/// A receiver.
#[derive(Clone)]
pub struct Receiver {
    /// Its origin.
    pub url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Starts one that answers 204 to everything. It ends with the test.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let routes = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, shared }
    }

    /// Sets the answer of a path.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().insert(path.to_owned(), answer);
    }

    /// Returns what a path has received, the first one first.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.shared.received.lock().iter().filter(|received| received.path == path).cloned().collect()
    }

    /// Waits until a path has received this many messages, and returns them.
    pub async fn wait_for(&self, world: &World, path: &str, count: usize) -> Vec<Received> {
        world
            .wait_for(&format!("{path} receives {count}"), async || {
                let received = self.received(path);
                (received.len() >= count).then_some(received)
            })
            .await
    }
}

async fn receive(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared.received.lock().push(Received { path: uri.path().to_owned(), headers, body });
    let answer = shared.answers.lock().get(uri.path()).copied();
    match answer.unwrap_or(Answer::Status(204)) {
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), "an answer").into_response(),
        Answer::Busy(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Hang => std::future::pending().await,
    }
}
