//! The bounds of a listener: concurrent requests, the size of a head.
//!
//! The gateway's guard does more, as it is public; every other listener has these bounds. Invariant: a request over a
//! bound is refused before any handler sees it, even if it has no route.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Problem, every_role};

/// The bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The maximum of requests in progress; more are refused with 503.
    pub max_requests: usize,
    /// The bounds of a request's head.
    pub head: HeadBounds,
}

/// The bounds of a request's head.
#[derive(Debug, Clone, Copy)]
pub struct HeadBounds {
    /// The longest URL, with its query, in bytes.
    pub max_url_bytes: usize,
    /// The maximum of header lines.
    pub max_headers: usize,
}

impl Default for HeadBounds {
    fn default() -> Self {
        Self { max_url_bytes: 8 * 1024, max_headers: 80 }
    }
}

impl HeadBounds {
    /// Refuses a head that is too large, before any of it is processed.
    pub fn check<B>(&self, request: &http::Request<B>) -> Result<(), Problem> {
        let url_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
        if url_bytes > self.max_url_bytes {
            let detail = format!("The URL has {url_bytes} bytes; {} are allowed.", self.max_url_bytes);
            return Err(Problem::of(every_role::URL_TOO_LONG, detail));
        }
        let headers = request.headers().len();
        if headers > self.max_headers {
            let detail = format!("The request has {headers} header lines; {} are allowed.", self.max_headers);
            return Err(Problem::of(every_role::TOO_MANY_HEADERS, detail));
        }
        Ok(())
    }
}

impl Bounds {
    /// Applies the bounds to a router and its fallbacks.
    pub fn apply(self, router: Router) -> Router {
        let state = (self.head, Arc::new(Semaphore::new(self.max_requests)));
        router.layer(from_fn_with_state(state, enforce))
    }
}

async fn enforce(
    State((head, permits)): State<(HeadBounds, Arc<Semaphore>)>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(problem) = head.check(&request) {
        return problem.into_response();
    }
    match permits.try_acquire_owned() {
        Ok(permit) => next.run(request).await.map(|body| Body::new(PermitBody { body, _permit: permit })),
        Err(_) => {
            Problem::unavailable("The server is busy. Try again in a moment.", Duration::from_secs(1)).into_response()
        }
    }
}

/// A response body that holds a permit until it was sent.
struct PermitBody {
    body: Body,
    _permit: OwnedSemaphorePermit,
}

impl http_body::Body for PermitBody {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
