//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first answer is kept for a day and given again, with `Idempotent-Replay: true`. A key belongs to the member and the
//! address it was used at. A request that runs says so now and then; one that has fallen silent has died with its process, and its key is free.
//! Invariant: while the first request runs, a second with its key is refused (409), never run beside it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{OptionalFromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use sea_orm::FromQueryResult;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::auth::Member;
use crate::clock::Clock;
use crate::db::{Db, Error, Sql, Value};
use crate::problem::Problem;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// How often a request says that it still runs.
const SAYS_SO: Duration = Duration::from_secs(20);
/// One that has said nothing for this long is dead. Two minutes of it are for clocks that differ.
const SILENT: TimeDelta = TimeDelta::seconds(60 + 120);
/// What could not be written because the database is away is tried again this often, and this many times: an hour in all.
const TRY_AGAIN: Duration = Duration::from_millis(500);
const TRIES: u32 = 7200;
const MOST_BODY: usize = 256 * 1024;

/// State of the layer: use with `axum::middleware::from_fn_with_state(Idempotency::new(…), Idempotency::layer)`.
#[derive(Debug, Clone)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
}

#[derive(FromQueryResult)]
struct Kept {
    status: Option<i64>,
    content_type: Option<String>,
    location: Option<String>,
    body: Option<Vec<u8>>,
}

/// An answer that is kept.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    content_type: Option<String>,
    location: Option<String>,
    body: Bytes,
}

/// A key in the hands of one request.
#[derive(Clone)]
struct Claim {
    db: Db,
    key: String,
    holder: String,
}

/// A request that holds its key. Dropped with its connection, it gives the key back.
struct Running(Option<Claim>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(claim) = self.0.take() {
            claim.ends(None);
        }
    }
}

impl Claim {
    /// Keeps the answer, or gives the key back where there is none to keep; as soon as the database takes it.
    fn ends(self, answer: Option<Answer>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            for _ in 0..TRIES {
                match self.end(answer.clone()).await {
                    Err(error) if error.passes() => tokio::time::sleep(TRY_AGAIN).await,
                    Err(error) => return tracing::warn!(%error, "an Idempotency-Key could not be given back; it ends by itself"),
                    Ok(()) => return,
                }
            }
        });
    }

    async fn end(&self, answer: Option<Answer>) -> Result<(), Error> {
        let mut values: Vec<Value> = vec![self.key.clone().into(), self.holder.clone().into()];
        let text = match answer {
            None => "delete from idempotency where key = $1 and holder = $2 and status is null",
            Some(answer) => {
                values.extend([i64::from(answer.status.as_u16()).into(), answer.content_type.into(), answer.location.into(), answer.body.to_vec().into()]);
                "update idempotency set status = $3, content_type = $4, location = $5, body = $6 where key = $1 and holder = $2 and status is null"
            }
        };
        self.db.write(move |tx| Box::pin(async move { tx.execute(text, values).await })).await.map(drop)
    }

    /// Says now and then that the request still runs.
    async fn is_alive(&self, clock: &Clock) -> Infallible {
        loop {
            tokio::time::sleep(SAYS_SO).await;
            let values = vec![self.key.clone().into(), self.holder.clone().into(), clock.now().into()];
            let text = "update idempotency set created_at = $3 where key = $1 and holder = $2 and status is null";
            let said: Result<u64, Error> = self.db.write(move |tx| Box::pin(async move { tx.execute(text, values).await })).await;
            if let Err(error) = said {
                tracing::warn!(%error, "a running request could not say that it holds its Idempotency-Key");
            }
        }
    }
}

impl Idempotency {
    /// A layer that keeps answers in `db`.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// The middleware. Requests without the header, without a member, or other than POST pass untouched.
    pub async fn layer(State(this): State<Self>, request: Request, next: Next) -> Response {
        if request.method() != Method::POST || !request.headers().contains_key(KEY) {
            return next.run(request).await;
        }
        // On the heap: most requests need none of it, and thousands of them wait in the middle of an upload.
        match Box::pin(this.run(request, next)).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(),
        }
    }

    async fn run(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let (mut parts, body) = request.into_parts();
        let member = <Member as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &()).await?;
        let request = Request::from_parts(parts, body);
        let Some(member) = member else { return Ok(next.run(request).await) };
        let claim = Claim { db: self.db.clone(), key: key(&request, &member)?, holder: Uuid::new_v4().to_string() };
        if let Some(answer) = self.begin(&claim).await? {
            return Ok(answer);
        }
        let mut running = Running(Some(claim.clone()));
        let response = tokio::select! {
            response = next.run(request) => response,
            never = claim.is_alive(&self.clock) => match never {},
        };
        if !response.status().is_success() {
            return Ok(response);
        }
        let (answer, response) = taken(response).await?;
        // What was done is done: whoever asked is told so, also where the answer can be kept only later.
        if let Err(error) = claim.end(Some(answer.clone())).await {
            tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key yet");
            claim.ends(Some(answer));
        }
        running.0 = None;
        Ok(response)
    }

    /// Takes the key; or answers what the first request was answered.
    async fn begin(&self, claim: &Claim) -> Result<Option<Response>, Problem> {
        let (key, holder, now) = (claim.key.clone(), claim.holder.clone(), self.clock.now());
        let kept: Option<Kept> = self
            .db
            .write(move |tx| {
                Box::pin(async move {
                    tx.execute("delete from idempotency where key = $1 and status is null and created_at < $2", vec![key.clone().into(), (now - SILENT).into()]).await?;
                    let values = vec![key.clone().into(), holder.into(), now.into()];
                    let taken = tx.execute("insert into idempotency (key, holder, created_at) values ($1, $2, $3) on conflict do nothing", values).await?;
                    if taken == 1 {
                        return Ok::<_, Error>(None);
                    }
                    tx.row("select status, content_type, location, body from idempotency where key = $1", vec![key.into()]).await
                })
            })
            .await?;
        let Some(kept) = kept else { return Ok(None) };
        let Some(status) = kept.status else {
            let detail = "A request with this Idempotency-Key is running, or was until just now. Wait for its answer, or try again.";
            return Err(Problem::new(StatusCode::CONFLICT, "request.in_progress", detail).retry_after(Duration::from_secs(1)));
        };
        let mut response = Response::new(Body::from(kept.body.unwrap_or_default()));
        *response.status_mut() = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
        let headers = [(header::CONTENT_TYPE, kept.content_type), (header::LOCATION, kept.location), (REPLAY, Some("true".into()))];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(Some(response))
    }
}

/// What is to be kept of an answer, and the answer.
async fn taken(response: Response) -> Result<(Answer, Response), Problem> {
    let (parts, body) = response.into_parts();
    let body = http_body_util::Limited::new(body, MOST_BODY).collect().await.map_err(|error| Problem::fault(&*error))?.to_bytes();
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let answer = Answer { status: parts.status, content_type: text(header::CONTENT_TYPE), location: text(header::LOCATION), body: body.clone() };
    Ok((answer, Response::from_parts(parts, Body::from(body))))
}

/// A key as it is kept: of this member, at this address.
fn key(request: &Request, member: &Member) -> Result<String, Problem> {
    let given = request.headers().get(KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if given.is_empty() || given.len() > 255 {
        return Err(Problem::bad_request("request.bad_idempotency_key", "An Idempotency-Key has 1 to 255 characters."));
    }
    let path = request.extensions().get::<axum::extract::OriginalUri>().map_or_else(|| request.uri().path().to_owned(), |uri| uri.path().to_owned());
    let mut hash = Sha256::new();
    for part in [member.id().as_bytes().as_slice(), path.as_bytes(), given] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_whose_request_died_is_free_again_and_the_dead_one_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let db = Db::sqlite(&folder.path().join("test.db")).await.expect("a database can be made");
        db.migrate("test", &[]).await.expect("it is empty");
        let clock = Clock::fixed(chrono::Utc::now());
        let layer = Idempotency::new(db.clone(), clock.clone());
        let claim = |holder: &str| Claim { db: db.clone(), key: "k".into(), holder: holder.into() };
        let answer = |location: &str| Answer { status: StatusCode::CREATED, content_type: None, location: Some(location.into()), body: Bytes::new() };

        assert!(layer.begin(&claim("dies")).await.expect("it is free").is_none());
        clock.advance(SILENT - TimeDelta::seconds(1));
        let problem = layer.begin(&claim("other")).await.expect_err("it may still run");
        assert_eq!((problem.status, &*problem.code), (StatusCode::CONFLICT, "request.in_progress"));
        clock.advance(TimeDelta::seconds(2));
        assert!(layer.begin(&claim("other")).await.expect("it is free again").is_none());

        claim("dies").end(Some(answer("/late"))).await.expect("nobody minds");
        claim("dies").end(None).await.expect("nobody minds");
        layer.begin(&claim("third")).await.expect_err("the other runs");
        claim("other").end(Some(answer("/first"))).await.expect("the database answers");
        claim("other").end(None).await.expect("what is kept stays");
        let replay = layer.begin(&claim("third")).await.expect("there is an answer").expect("there is an answer");
        assert_eq!((replay.status(), &replay.headers()[header::LOCATION]), (StatusCode::CREATED, &HeaderValue::from_static("/first")));
    }
}
