//! A member of a product that is being broken, and what they may be answered.
//!
//! Invariant: every answer is one that a program can act on: what was asked for, "later" (429 or 503, with `Retry-After`), or a connection that
//! broke. Any other 5xx, and any answer later than [`DEADLINE`], fails the test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// Nobody waits for longer, whatever is broken.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);
const PASSWORD: &str = "a long enough password";

/// What a member heard.
pub(super) enum BroadcastMessage {
    TestResponse(TestResponse),
    /// 429 or 503 with `Retry-After`.
    Later(StatusCode),
    /// The connection broke: it may have happened or not.
    Broken,
}

pub(super) struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl TestResponse {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }
}

/// Somebody with an account, who knocks at the next door when one is shut.
pub(super) struct Member {
    pub(super) handle: String,
    doors: Vec<String>,
    door: AtomicUsize,
    client: reqwest::Client,
    tokens: Mutex<Tokens>,
    /// The longest wait for an answer, and for what.
    longest: Mutex<(Duration, String)>,
}

#[derive(Clone, Default)]
struct Tokens {
    access: String,
    refresh: String,
    /// Whether the refresh token may have been used without our hearing of it.
    unsure: bool,
}

impl Tokens {
    fn of(answer: &TestResponse) -> Self {
        let (json, text) = (answer.json(), |value: &Value| value.as_str().unwrap().to_owned());
        Self { access: text(&json["access_token"]), refresh: text(&json["refresh_token"]), unsure: false }
    }
}

impl Member {
    /// Makes an account, in fair weather.
    pub(super) async fn sign_up(handle: &str, doors: Vec<String>) -> Self {
        let client = reqwest::Client::builder().pool_max_idle_per_host(4).timeout(DEADLINE).build().unwrap();
        let member = Self { handle: handle.to_owned(), doors, door: AtomicUsize::new(0), client, tokens: Mutex::default(), longest: Mutex::default() };
        let body = json!({ "handle": handle, "email": format!("{handle}@tutti.example"), "password": PASSWORD });
        let answer = member.insist(201, Method::POST, "/v1/accounts", |request| request.json(&body)).await;
        *member.tokens.lock().unwrap() = Tokens::of(&answer);
        member
    }

    /// Asks once. `path` may be a whole address, of which the path counts.
    pub(super) async fn ask(&self, method: Method, path: &str, shape: impl Fn(RequestBuilder) -> RequestBuilder) -> BroadcastMessage {
        let path = path.strip_prefix("http://").map_or(path, |address| &address[address.find('/').unwrap()..]);
        let door = self.door.load(Ordering::Relaxed) % self.doors.len();
        let access = self.tokens.lock().unwrap().access.clone();
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.doors[door])).header("tus-resumable", "1.0.0");
        if !access.is_empty() {
            request = request.bearer_auth(access);
        }
        let began = Instant::now();
        let heard = async {
            let answer = shape(request).send().await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>(TestResponse { status, headers, body: answer.bytes().await? })
        };
        let heard = heard.await;
        self.waited(began.elapsed(), || format!("{method} {path}"));
        let answer = match heard {
            Ok(answer) => answer,
            Err(error) => {
                assert!(!error.is_timeout() && began.elapsed() < DEADLINE, "{method} {path} was not answered within {DEADLINE:?}: {error:?}");
                self.door.fetch_add(1, Ordering::Relaxed);
                return BroadcastMessage::Broken;
            }
        };
        let later = matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        assert!(!later || answer.headers.contains_key("retry-after"), "{method} {path}: {} without Retry-After", answer.status);
        assert!(later || !answer.status.is_server_error(), "{method} {path}: {} {}", answer.status, answer.text());
        if later {
            self.door.fetch_add(1, Ordering::Relaxed);
            return BroadcastMessage::Later(answer.status);
        }
        BroadcastMessage::TestResponse(answer)
    }

    fn waited(&self, time: Duration, what: impl Fn() -> String) {
        let mut longest = self.longest.lock().unwrap();
        if time > longest.0 {
            *longest = (time, what());
        }
    }

    /// What was waited for the longest, in a sentence.
    pub(super) fn longest_wait(&self) -> String {
        let (time, what) = self.longest.lock().unwrap().clone();
        format!("the longest wait was {:.1} s, for {what}", time.as_secs_f64())
    }

    /// Uploads once to a server whose disk may be full: whatever it answers.
    pub(super) async fn knock(&self, kind: &'static str, bytes: &Bytes) -> TestResponse {
        let access = self.tokens.lock().unwrap().access.clone();
        let sent = self.client.post(format!("{}/v1/media?name=x", self.doors[0])).bearer_auth(access).header("content-type", kind).body(bytes.clone()).send();
        let answer = sent.await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        TestResponse { status, headers, body: answer.bytes().await.unwrap() }
    }

    /// Asks until there is an answer, which must have this status; fails the test after a minute.
    pub(super) async fn insist(&self, status: u16, method: Method, path: &str, shape: impl Fn(RequestBuilder) -> RequestBuilder) -> TestResponse {
        let began = Instant::now();
        loop {
            if let BroadcastMessage::TestResponse(answer) = self.ask(method.clone(), path, &shape).await {
                assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
                return answer;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{method} {path} is not answered after a minute");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// GET until it is 200.
    pub(super) async fn get(&self, path: &str) -> TestResponse {
        self.insist(200, Method::GET, path, |request| request).await
    }

    /// Signs in; whether it was answered.
    pub(super) async fn sign_in(&self) -> bool {
        let body = json!({ "login": self.handle, "password": PASSWORD });
        let BroadcastMessage::TestResponse(answer) = self.ask(Method::POST, "/v1/sessions", |request| request.json(&body)).await else { return false };
        assert_eq!(answer.status, 201, "signing in: {}", answer.text());
        *self.tokens.lock().unwrap() = Tokens::of(&answer);
        true
    }

    /// Exchanges the refresh token. One that was never answered may have been used: then it may be refused, and the member signs in.
    pub(super) async fn refresh(&self) -> bool {
        let tokens = self.tokens.lock().unwrap().clone();
        let body = json!({ "refresh_token": tokens.refresh });
        match self.ask(Method::POST, "/v1/sessions/refresh", |request| request.json(&body)).await {
            BroadcastMessage::TestResponse(answer) if answer.status == 200 => *self.tokens.lock().unwrap() = Tokens::of(&answer),
            BroadcastMessage::TestResponse(answer) => {
                assert!(answer.status == 401 && tokens.unsure, "refreshing: {} {}", answer.status, answer.text());
                return self.sign_in().await;
            }
            BroadcastMessage::Later(_) | BroadcastMessage::Broken => {
                self.tokens.lock().unwrap().unsure = true;
                return false;
            }
        }
        true
    }
}
