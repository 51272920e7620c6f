//! A client of a product with faults, and the responses that it accepts.
//!
//! Invariant: a program can act on every outcome: the response that it asked for, "retry later" (429 or 503, with
//! `Retry-After`), or a broken connection. Any other 5xx, and any response later than [`DEADLINE`], fails the test.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// No response may take longer, whatever is broken.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);
pub(super) const PASSWORD: &str = "a long enough password";

/// How a request ended.
pub(super) enum Outcome {
    Response(Response),
    /// 429 or 503 with `Retry-After`.
    RetryLater(StatusCode),
    /// The connection broke: the request may have had its effect or not.
    Broken,
}

pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Response {
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

/// A client with an account, which goes on to the next gateway after an error.
pub(super) struct Client {
    pub(super) handle: String,
    gateway_urls: Vec<String>,
    next_gateway: AtomicUsize,
    http: reqwest::Client,
    tokens: Mutex<Tokens>,
    /// The longest wait for a response, and for what.
    longest: Mutex<(Duration, String)>,
}

#[derive(Clone, Default)]
struct Tokens {
    access: String,
    refresh: String,
    /// Whether the refresh token may have been used although its response was lost.
    maybe_used: bool,
}

impl Tokens {
    fn of(response: &Response) -> Self {
        let (json, text) = (response.json(), |value: &Value| value.as_str().unwrap().to_owned());
        Self { access: text(&json["access_token"]), refresh: text(&json["refresh_token"]), maybe_used: false }
    }
}

impl Client {
    /// Creates an account, while nothing is broken.
    pub(super) async fn sign_up(handle: &str, gateway_urls: Vec<String>) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).timeout(DEADLINE).build().unwrap();
        let client = Self {
            handle: handle.to_owned(),
            gateway_urls,
            next_gateway: AtomicUsize::new(0),
            http,
            tokens: Mutex::default(),
            longest: Mutex::default(),
        };
        let body = json!({ "handle": handle, "email": format!("{handle}@tutti.example"), "password": PASSWORD });
        let response =
            client.send_until_answered(201, Method::POST, "/v1/accounts", |request| request.json(&body)).await;
        *client.tokens.lock().unwrap() = Tokens::of(&response);
        client
    }

    /// Returns the access token.
    pub(super) fn access(&self) -> String {
        self.tokens.lock().unwrap().access.clone()
    }

    /// Sends a request once. `path` may be a whole URL, whose path is used.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Outcome {
        let path = path.strip_prefix("http://").map_or(path, |url| &url[url.find('/').unwrap()..]);
        let gateway = self.next_gateway.load(Ordering::Relaxed) % self.gateway_urls.len();
        let access = self.tokens.lock().unwrap().access.clone();
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.gateway_urls[gateway]))
            .header("tus-resumable", "1.0.0");
        if !access.is_empty() {
            request = request.bearer_auth(access);
        }
        let began = Instant::now();
        let outcome = async {
            let response = build(request).send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>(Response { status, headers, body: response.bytes().await? })
        };
        let outcome = outcome.await;
        self.record_wait(began.elapsed(), || format!("{method} {path}"));
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                assert!(
                    !error.is_timeout() && began.elapsed() < DEADLINE,
                    "{method} {path} got no response within {DEADLINE:?}: {error:?}"
                );
                self.next_gateway.fetch_add(1, Ordering::Relaxed);
                return Outcome::Broken;
            }
        };
        let later = matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            !later || response.headers.contains_key("retry-after"),
            "{method} {path}: {} without Retry-After",
            response.status
        );
        assert!(
            later || !response.status.is_server_error(),
            "{method} {path}: {} {}",
            response.status,
            response.text()
        );
        if later {
            self.next_gateway.fetch_add(1, Ordering::Relaxed);
            return Outcome::RetryLater(response.status);
        }
        Outcome::Response(response)
    }

    fn record_wait(&self, time: Duration, what: impl Fn() -> String) {
        let mut longest = self.longest.lock().unwrap();
        if time > longest.0 {
            *longest = (time, what());
        }
    }

    /// Returns a sentence about the longest wait.
    pub(super) fn longest_wait(&self) -> String {
        let (time, what) = self.longest.lock().unwrap().clone();
        format!("the longest wait was {:.1} s, for {what}", time.as_secs_f64())
    }

    /// Uploads once to a server whose disk may be full, and returns any response.
    pub(super) async fn upload_once(&self, kind: &'static str, bytes: &Bytes) -> Response {
        let access = self.tokens.lock().unwrap().access.clone();
        let sent = self
            .http
            .post(format!("{}/v1/media?name=x", self.gateway_urls[0]))
            .bearer_auth(access)
            .header("content-type", kind)
            .body(bytes.clone())
            .send();
        let response = sent.await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Response { status, headers, body: response.bytes().await.unwrap() }
    }

    /// Sends a request until there is a response, which must have this status; fails the test after a minute.
    pub(super) async fn send_until_answered(
        &self,
        status: u16,
        method: Method,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Response {
        let began = Instant::now();
        loop {
            if let Outcome::Response(response) = self.send(method.clone(), path, &build).await {
                assert_eq!(response.status, status, "{method} {path}: {}", response.text());
                return response;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{method} {path} got no response within a minute");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Sends a GET until the response is 200.
    pub(super) async fn get(&self, path: &str) -> Response {
        self.send_until_answered(200, Method::GET, path, |request| request).await
    }

    /// Signs in. Returns whether there was a response.
    pub(super) async fn sign_in(&self) -> bool {
        let body = json!({ "login": self.handle, "password": PASSWORD });
        let Outcome::Response(response) = self.send(Method::POST, "/v1/sessions", |request| request.json(&body)).await
        else {
            return false;
        };
        assert_eq!(response.status, 201, "signing in: {}", response.text());
        *self.tokens.lock().unwrap() = Tokens::of(&response);
        true
    }

    /// Exchanges the refresh token. A token whose response was lost may be used: then it may be refused, and the client
    /// signs in.
    pub(super) async fn refresh(&self) -> bool {
        let tokens = self.tokens.lock().unwrap().clone();
        let body = json!({ "refresh_token": tokens.refresh });
        match self.send(Method::POST, "/v1/sessions/refresh", |request| request.json(&body)).await {
            Outcome::Response(response) if response.status == 200 => {
                *self.tokens.lock().unwrap() = Tokens::of(&response);
            }
            Outcome::Response(response) => {
                assert!(
                    response.status == 401 && tokens.maybe_used,
                    "refreshing: {} {}",
                    response.status,
                    response.text()
                );
                return self.sign_in().await;
            }
            Outcome::RetryLater(_) | Outcome::Broken => {
                self.tokens.lock().unwrap().maybe_used = true;
                return false;
            }
        }
        true
    }
}
