//! A stand-in for the push services of Google, of Apple and of browsers: it records what it gets, and answers what a
//! test says.
//!
//! Invariant: it listens on loopback only, with HTTP/1 and HTTP/2, and answers each request of a path in the same way
//! until the test changes that.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base::Random;
use http::{HeaderMap, StatusCode, Uri, Version};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{TestClient, World, WorldBuilder};
use tokio::net::TcpListener;

pub const DEVICES: &str = "/v1/devices";
/// The path of Firebase.
pub const FCM: &str = "/v1/projects/demo/messages:send";
pub const APNS_TOKEN: &str = "ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12";

/// The keys of the browser that all subscriptions are of (RFC 8291, appendix A).
const BROWSER_PRIVATE_KEY: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const BROWSER_PUBLIC_KEY: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const BROWSER_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Opens the message in standard input with the reference library, as the browser does.
const OPEN: &str = "
const { createECDH } = require('node:crypto');
const { decrypt } = require('http_ece');
const [number, authSecret] = process.argv.slice(1);
const privateKey = createECDH('prime256v1');
privateKey.setPrivateKey(number, 'base64url');
const message = require('node:fs').readFileSync(0);
process.stdout.write(decrypt(message, { version: 'aes128gcm', privateKey, authSecret }));
";

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    /// Returns a header's text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns what the browser reads in the body: the reference library (npm `http_ece`) opens it.
    pub fn opened(&self) -> Value {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        let library = page.join("node_modules/http_ece");
        assert!(library.exists(), "type `dev/page --modules` in the repository's folder (`make test` does, too)");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.body).unwrap();
        let mut command = Command::new("node");
        command.args(["-e", OPEN, BROWSER_PRIVATE_KEY, BROWSER_SECRET]).current_dir(page);
        let output = command.stdin(file.reopen().unwrap()).output().expect("node runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// What is answered at a path.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Answer {
    pub fn of(status: u16, body: Value) -> Self {
        Self { status, body, ..Self::default() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    received: Mutex<Vec<(String, Received)>>,
}

/// A push service.
#[derive(Clone)]
pub struct PushService {
    pub url: String,
    shared: Arc<Shared>,
    folder: Arc<TempDir>,
}

impl PushService {
    /// Starts one that takes everything. It ends with the test.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = Self { url, shared: Arc::default(), folder: Arc::new(tempfile::tempdir().unwrap()) };
        service.answer("/token", Answer::of(200, json!({ "access_token": "access", "expires_in": 3600 })));
        let routes = Router::new().fallback(receive).with_state(service.shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        service
    }

    /// Returns a world whose notify role sends to this service.
    pub fn world(&self) -> WorldBuilder {
        let file = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (pem, _) = notify::new_vapid_key(&Random::system()).unwrap();
        let account = json!({
            "project_id": "demo",
            "client_email": "push@demo.example",
            "private_key": include_str!("service_account.pem"),
            "token_uri": format!("{}/token", self.url),
        });
        let settings = [
            format!("push_fcm_url={}", self.url),
            format!("push_fcm_account_file={}", file("account.json", &account.to_string())),
            format!("push_apns_url={}", self.url),
            format!("push_apns_key_file={}", file("apns.p8", &pem)),
            "push_apns_key_id=ABC123DEFG".to_owned(),
            "push_apns_team_id=DEF123GHIJ".to_owned(),
            "push_apns_topic=org.example.app".to_owned(),
            format!("push_vapid_key_file={}", file("vapid.pem", &pem)),
            "push_vapid_subject=mailto:ops@example.org".to_owned(),
            "push_allow_networks=[\"127.0.0.0/8\"]".to_owned(),
        ];
        settings.iter().fold(World::builder(), |builder, setting| builder.set(&format!("notify.{setting}")))
    }

    /// Sets the answer of a path.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().insert(path.to_owned(), answer);
    }

    /// Returns what a path has received, the first one first.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let received = self.shared.received.lock();
        received.iter().filter(|(at, _)| at == path).map(|(_, received)| received.clone()).collect()
    }

    /// Waits until a path has received this many requests, and returns them.
    pub async fn wait_for(&self, world: &World, path: &str, count: usize) -> Vec<Received> {
        let promise = format!("{path} receives {count}");
        let received = async || Some(self.received(path)).filter(|received| received.len() >= count);
        world.wait_for(&promise, received).await
    }

    /// Returns a subscription at a path of this service, as a browser writes it.
    pub fn subscription(&self, path: &str) -> Value {
        let keys = json!({ "p256dh": BROWSER_PUBLIC_KEY, "auth": BROWSER_SECRET });
        json!({ "endpoint": format!("{}{path}", self.url), "expirationTime": null, "keys": keys })
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    version: Version,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received = Received { version, headers, body: body.to_vec() };
    shared.received.lock().push((uri.path().to_owned(), received));
    let answer = shared.answers.lock().get(uri.path()).cloned();
    let Some(Answer { status, headers, body }) = answer else { return StatusCode::OK.into_response() };
    let mut response = (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// Registers a device, and returns its id.
pub async fn register(member: &TestClient, body: &Value) -> String {
    member.post(DEVICES, body).await.expect(200).json()["id"].as_str().unwrap().to_owned()
}

/// Registers an Android device with this token.
pub async fn register_fcm(member: &TestClient, token: &str) -> String {
    register(member, &json!({ "kind": "fcm", "token": token })).await
}

/// A push, as it waits or is shown.
#[derive(Debug, Clone, PartialEq, Eq, db::FromQueryResult)]
pub struct PushRow {
    pub state: String,
    pub attempts: i64,
    pub due_us: i64,
}

/// Returns the pushes that wait or are shown.
pub async fn pushes(world: &World) -> Vec<PushRow> {
    let sql = world.context("notify").db.read();
    db::Sql::rows(sql, "select state, attempts, due_us from push order by id", vec![]).await.unwrap()
}

/// Waits until the pushes are as `are_so` says.
pub async fn wait_for_pushes(world: &World, promise: &str, are_so: impl Fn(&[PushRow]) -> bool) -> Vec<PushRow> {
    world.wait_for(promise, async || Some(pushes(world).await).filter(|rows| are_so(rows))).await
}
