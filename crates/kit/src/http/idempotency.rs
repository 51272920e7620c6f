//! `Idempotency-Key`: a POST that is sent twice is done once.
//!
//! The first answer is kept for a day and given again, with `Idempotent-Replay: true`. A key belongs to the member and the
//! address it was used at. Invariant: while the first request runs, a second with its key is refused (409), never run beside it.

use axum::body::Body;
use axum::extract::{OptionalFromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use sea_orm::FromQueryResult;
use sha2::{Digest as _, Sha256};

use crate::auth::Member;
use crate::clock::Clock;
use crate::db::{Db, Error, Sql};
use crate::problem::Problem;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// A request that holds its key for longer has died with its process.
const RUNS_AT_MOST: TimeDelta = TimeDelta::hours(6);
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
    created_at: DateTime<Utc>,
}

/// A request that holds its key. Dropped with its connection, it gives the key back.
struct Running<'a> {
    this: &'a Idempotency,
    key: Option<String>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let this = self.this.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = this.forget(key).await {
                    tracing::warn!(%error, "an Idempotency-Key could not be given back; it ends by itself");
                }
            });
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
        let key = key(&request, &member)?;
        if let Some(answer) = self.begin(&key).await? {
            return Ok(answer);
        }
        let mut running = Running { this: self, key: Some(key) };
        let response = next.run(request).await;
        let Some(key) = running.key.take() else { return Ok(response) };
        if response.status().is_success() { self.keep(key, response).await } else { self.forget(key).await.map(|()| response).map_err(Problem::from) }
    }

    /// Takes the key; or answers what the first request was answered.
    async fn begin(&self, key: &str) -> Result<Option<Response>, Problem> {
        let (key, now) = (key.to_owned(), self.clock.now());
        let kept: Option<Kept> = self
            .db
            .write(move |tx| {
                Box::pin(async move {
                    tx.execute("delete from idempotency where key = $1 and status is null and created_at < $2", vec![key.clone().into(), (now - RUNS_AT_MOST).into()]).await?;
                    let taken = tx.execute("insert into idempotency (key, created_at) values ($1, $2) on conflict do nothing", vec![key.clone().into(), now.into()]).await?;
                    if taken == 1 {
                        return Ok::<_, Error>(None);
                    }
                    tx.row("select status, content_type, location, body, created_at from idempotency where key = $1", vec![key.into()]).await
                })
            })
            .await?;
        let Some(kept) = kept else { return Ok(None) };
        let Some(status) = kept.status else {
            let since = (now - kept.created_at).num_seconds();
            let detail = format!("A request with this Idempotency-Key has been running for {since} s. Wait for its answer.");
            return Err(Problem::new(StatusCode::CONFLICT, "request.in_progress", detail).retry_after(std::time::Duration::from_secs(1)));
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

    async fn keep(&self, key: String, response: Response) -> Result<Response, Problem> {
        let (parts, body) = response.into_parts();
        let body = http_body_util::Limited::new(body, MOST_BODY).collect().await.map_err(|error| Problem::fault(&*error))?.to_bytes();
        let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let (status, content_type, location, kept) = (i64::from(parts.status.as_u16()), text(header::CONTENT_TYPE), text(header::LOCATION), body.to_vec());
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    tx.execute(
                        "update idempotency set status = $2, content_type = $3, location = $4, body = $5 where key = $1",
                        vec![key.into(), status.into(), content_type.into(), location.into(), kept.into()],
                    )
                    .await
                })
            })
            .await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn forget(&self, key: String) -> Result<(), Error> {
        self.db.write(move |tx| Box::pin(async move { tx.execute("delete from idempotency where key = $1", vec![key.into()]).await })).await.map(drop)
    }
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
