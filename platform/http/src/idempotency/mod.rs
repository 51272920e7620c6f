//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! For a day the layer stores that the request was done, its fingerprint, and the location of what it created: the
//! response is read from there again, with `Idempotent-Replay: true`. A key belongs to the member and the path it was
//! used at. A running request renews its claim; if it stops, it died with its process, and its key is free, unless the
//! transaction of its [`Effect`] was committed. Owns the layer; [`store`] has the rows, [`fingerprint`] compares
//! requests, and decision 24 has the reasons. Invariant: while the first request runs, a second with its key is refused
//! (409), never run beside it; and once a request has had its effect, this layer never turns its response into an
//! error.

mod effect;
mod fingerprint;
mod store;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{OptionalFromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::{Random, Trace};
use futures::future::BoxFuture;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::auth::{MaybeSuspended, Verifier};
use crate::problem::{Problem, every_role};
use crate::{Deadline, RequestId};
use base::clock::Clock;
use db::{Db, Error};
pub use effect::Effect;
use fingerprint::{FingerprintWatch, compare};
use store::{BeginOutcome, Completed, Key, Replay, StoredOutcome};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// A POST that stands for another method is as repeatable as that method.
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
/// Request headers that reading the response again needs.
const REPLAY_HEADERS: [HeaderName; 4] =
    [header::AUTHORIZATION, header::ACCEPT, header::ACCEPT_LANGUAGE, HeaderName::from_static("tus-resumable")];
/// How often a running request renews its claim.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);
/// How often, and how many times, a write is retried while the database is unavailable: an hour in all.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
const MAX_TRIES: u32 = 7200;
/// The largest response that is stored itself, in bytes, if it can't be read again.
const MAX_BODY_BYTES: u64 = 8 * 1024;

/// Marks a response whose request may run again: it changes nothing more, and its response is not stored.
#[derive(Debug, Clone, Copy)]
pub struct Repeatable;

/// Marks the response to a read of something that its owner has removed and may restore. A repeated request that
/// created it is told that it was removed.
#[derive(Debug, Clone, Copy)]
pub struct Removed;

/// State of the layer: use with `axum::middleware::from_fn_with_state(Idempotency::new(…), Idempotency::layer)`.
#[derive(Debug, Clone)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
    /// The routes at which responses are read again.
    routes: Router,
}

/// A key that is claimed by one request.
#[derive(Clone)]
struct Claim {
    db: Db,
    key: Key,
}

/// A running request that holds its key. Dropped with its connection, it releases the key.
struct RunningRequest(Option<Claim>);

impl Drop for RunningRequest {
    fn drop(&mut self) {
        if let Some(claim) = self.0.take() {
            claim.finish(None);
        }
    }
}

impl Claim {
    /// Stores what was done, or releases the key if nothing was; retries until the database accepts it.
    fn finish(self, done: Option<Completed>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            for _ in 0..MAX_TRIES {
                match store::end(&self.db, &self.key, done.clone()).await {
                    Err(error) if error.is_unavailable() => tokio::time::sleep(RETRY_INTERVAL).await,
                    Err(error) => {
                        return tracing::warn!(%error, "an Idempotency-Key could not be released; it expires by itself");
                    }
                    Ok(()) => return,
                }
            }
        });
    }

    /// Renews the claim again and again.
    async fn heartbeat(&self, clock: &Clock) -> Infallible {
        loop {
            tokio::time::sleep(HEARTBEAT_INTERVAL).await;
            if let Err(error) = store::renew(&self.db, &self.key, clock.now()).await {
                tracing::warn!(%error, "a running request could not renew its Idempotency-Key");
            }
        }
    }
}

impl Idempotency {
    /// Returns a layer that keeps its rows in `db`, and reads what a request created at `routes` (the same routes,
    /// without this layer).
    pub fn new(db: Db, clock: Clock, routes: Router) -> Self {
        Self { db, clock, routes }
    }

    /// Deletes all keys of a member who has left.
    pub async fn forget(db: &Db, member: Uuid) -> Result<(), Error> {
        store::forget(db, member).await
    }

    /// The middleware. Requests without the header, without a member, or with another method than POST pass unchanged.
    pub async fn layer(State(this): State<Self>, request: Request, next: Next) -> Response {
        let headers = request.headers();
        if request.method() != Method::POST || !headers.contains_key(KEY) || headers.contains_key(METHOD_OVERRIDE) {
            return next.run(request).await;
        }
        // On the heap: most requests need none of it, and thousands of them wait in the middle of an upload.
        let response: BoxFuture<'_, Result<Response, Problem>> = Box::pin(this.run(request, next));
        match response.await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }

    async fn run(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let member = <MaybeSuspended as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &()).await?;
        let request = Request::from_parts(parts, body);
        let Some(member) = member else { return Ok(next.run(request).await) };
        let (key, holder) = (key_hash(&request, &member)?, Random::system().uuid_v4().to_string());
        let (mut parts, body) = request.into_parts();
        let key = match store::begin(&self.db, key, holder, member.id(), self.clock.now()).await? {
            BeginOutcome::Claimed(key) => key,
            BeginOutcome::Done(stored) => return self.replay(stored, Request::from_parts(parts, body), next).await,
            BeginOutcome::Running => return Err(in_progress()),
        };
        let claim = Claim { db: self.db.clone(), key };
        let mut running = RunningRequest(Some(claim.clone()));
        let (fingerprint_watch, body) = FingerprintWatch::wrap(&parts, body);
        let effect = Effect::new(claim.key.clone(), fingerprint_watch.clone());
        parts.extensions.insert(effect.clone());
        let response = tokio::select! {
            response = next.run(Request::from_parts(parts, body)) => response,
            never = claim.heartbeat(&self.clock) => match never {},
        };
        if !response.status().is_success() {
            return if effect.is_lost() { Err(in_progress()) } else { Ok(response) };
        }
        let (done, response) = record_response(response, &fingerprint_watch).await;
        // The work is done: the response says so, even if that can be recorded only later.
        if let Err(error) = store::end(&self.db, &claim.key, Some(done.clone())).await {
            tracing::warn!(%error, "the result of a request could not be recorded for its Idempotency-Key yet");
            claim.finish(Some(done));
        }
        running.0 = None;
        Ok(response)
    }

    /// Returns the response to a request that was done before.
    async fn replay(&self, stored: StoredOutcome, request: Request, next: Next) -> Result<Response, Problem> {
        let (parts, mut body) = request.into_parts();
        if let Some(fingerprint) = &stored.fingerprint {
            let (same, whole) = compare(&parts, body, fingerprint).await?;
            if !same {
                let detail = "This Idempotency-Key was used for another request. Nothing was done. Use a new key for \
                    each new request.";
                return Err(Problem::of(every_role::IDEMPOTENCY_KEY_REUSED, detail));
            }
            body = whole;
        }
        let request = Request::from_parts(parts, body);
        let mut response = match (&stored.replay, &stored.location) {
            (Replay::Rerun, _) => next.run(request).await,
            (Replay::Get, Some(location)) => {
                self.read_again(replay_request(Method::GET, location, &request)?, stored.status).await?
            }
            (Replay::Head, Some(location)) => {
                self.read_again(replay_request(Method::HEAD, location, &request)?, stored.status).await?
            }
            (Replay::Stored, _) => stored_response(&stored),
            (Replay::Get | Replay::Head | Replay::Unavailable, _) => {
                let detail = "This request was done before, and was not done again. Its response was not stored: read \
                    what it changed.";
                return Err(Problem::of(every_role::DONE_BEFORE, detail));
            }
        };
        let location = stored
            .location
            .and_then(|location| HeaderValue::from_str(&location).ok())
            .filter(|_| response.status() == stored.status);
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.headers_mut().insert(REPLAY, HeaderValue::from_static("true"));
        Ok(response)
    }

    /// Reads what a request created, as its member may see it now.
    async fn read_again(&self, replay_request: Request, status: StatusCode) -> Result<Response, Problem> {
        let mut response =
            self.routes.clone().oneshot(replay_request).await.unwrap_or_else(|never: Infallible| match never {});
        let is_removed = response.extensions().get::<Removed>().is_some();
        match response.status() {
            found if found.is_success() && !is_removed => *response.status_mut() = status,
            found if is_removed || found == StatusCode::NOT_FOUND || found == StatusCode::GONE => {
                let detail = "What this request created was removed since. It was not created again. Use a new key to \
                    create another.";
                return Err(Problem::of(every_role::RESULT_REMOVED, detail));
            }
            // The resource has no state to ask for.
            StatusCode::METHOD_NOT_ALLOWED => {
                response = Response::default();
                *response.status_mut() = status;
            }
            _ => {}
        }
        Ok(response)
    }
}

fn in_progress() -> Problem {
    let detail = "A request with this Idempotency-Key is running, or was until just now. Wait for its response, or try \
        again.";
    Problem::of(every_role::IN_PROGRESS, detail).retry_after(Duration::from_secs(1))
}

/// Returns the request that reads `location` for the sender of `request`.
fn replay_request(method: Method, location: &str, request: &Request) -> Result<Request, Problem> {
    let mut replay_request = Request::new(Body::empty());
    *replay_request.method_mut() = method;
    *replay_request.uri_mut() = location.parse().map_err(|error: http::uri::InvalidUri| Problem::fault(&error))?;
    for name in REPLAY_HEADERS {
        if let Some(value) = request.headers().get(&name) {
            replay_request.headers_mut().insert(name, value.clone());
        }
    }
    let (from, to) = (request.extensions(), replay_request.extensions_mut());
    copy_extension::<Verifier>(from, to);
    copy_extension::<MaybeSuspended>(from, to);
    copy_extension::<RequestId>(from, to);
    copy_extension::<Trace>(from, to);
    copy_extension::<Deadline>(from, to);
    Ok(replay_request)
}

fn copy_extension<T: Clone + Send + Sync + 'static>(from: &Extensions, to: &mut Extensions) {
    if let Some(known) = from.get::<T>() {
        to.insert(known.clone());
    }
}

fn stored_response(stored: &StoredOutcome) -> Response {
    let mut response = Response::new(Body::from(stored.body.clone()));
    *response.status_mut() = stored.status;
    if let Some(value) = stored.content_type.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Returns what is to be stored of a response, and the response. Only a small response that is already in memory is
/// read; others are passed on untouched.
async fn record_response(response: Response, fingerprint_watch: &FingerprintWatch) -> (Completed, Response) {
    let (content_type, location) =
        (header_text(response.headers(), header::CONTENT_TYPE), header_text(response.headers(), header::LOCATION));
    let is_ours = location.as_ref().is_some_and(|location| location.starts_with('/') && !location.starts_with("//"));
    let size = response.body().size_hint().exact();
    let replay = match size {
        _ if response.extensions().get::<Repeatable>().is_some() => Replay::Rerun,
        Some(0) if is_ours => Replay::Head,
        _ if is_ours => Replay::Get,
        Some(size) if size <= MAX_BODY_BYTES => Replay::Stored,
        _ => Replay::Unavailable,
    };
    let mut done = Completed {
        status: response.status(),
        content_type,
        location,
        body: None,
        replay,
        fingerprint: fingerprint_watch.fingerprint(),
    };
    if replay != Replay::Stored {
        return (done, response);
    }
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            done.body = Some(body.to_vec());
            (done, Response::from_parts(parts, Body::from(body)))
        }
        // The caller sees the same error.
        Err(error) => {
            done.replay = Replay::Unavailable;
            (
                done,
                Response::from_parts(
                    parts,
                    Body::from_stream(futures::stream::once(async { Err::<bytes::Bytes, _>(error) })),
                ),
            )
        }
    }
}

/// Returns the key as it is stored: a hash of the member, the path and the given key.
fn key_hash(request: &Request, member: &MaybeSuspended) -> Result<String, Problem> {
    let given = request.headers().get(KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if given.is_empty() || given.len() > 255 {
        return Err(Problem::of(every_role::BAD_IDEMPOTENCY_KEY, "An Idempotency-Key has 1 to 255 characters."));
    }
    let path = request
        .extensions()
        .get::<axum::extract::OriginalUri>()
        .map_or_else(|| request.uri().path().to_owned(), |uri| uri.path().to_owned());
    let mut hash = Sha256::new();
    for part in [member.id().as_bytes().as_slice(), path.as_bytes(), given] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(hex::encode(hash.finalize()))
}
