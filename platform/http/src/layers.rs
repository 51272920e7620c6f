//! The layers of every role's router: request id, verifier, metrics, problems with ids, caught panics.
//!
//! Does not own the routes or the guard. Invariant: every response carries the request id it was logged under, and a
//! `Cache-Control` header.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use base::spans::{self, Attribute, Kind};
use base::{Random, Trace};
use futures::FutureExt as _;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::{Instrument as _, Span};

use super::trace::read_trace;
use crate::auth::Verifier;
use crate::problem::{Problem, every_role};
use base::telemetry::{Metrics, RequestLabels, RouteLabels};

/// The header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request id, in a request's extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Adds layers to a router.
pub type RouterLayer = std::sync::Arc<dyn Fn(Router) -> Router + Send + Sync>;

/// The input of [`with_common_layers`].
#[derive(Debug, Clone)]
pub struct LayerState {
    /// The role's name, for metrics and logs.
    pub role: &'static str,
    /// Counts requests.
    pub metrics: Metrics,
    /// Verifies tokens for the extractors.
    pub verifier: Verifier,
}

/// Adds the common layers to a router.
pub fn with_common_layers(router: Router, state: LayerState) -> Router {
    with_guarded_layers(router, None, state)
}

/// Adds the common layers, with a guard between them and the routes and fallbacks.
pub fn with_guarded_layers(router: Router, guard: Option<&RouterLayer>, state: LayerState) -> Router {
    let router = router
        .fallback(async || Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL."))
        .method_not_allowed_fallback(async || {
            Problem::of(every_role::METHOD_NOT_ALLOWED, "This URL does not support that method.")
        });
    // A guarded router is public: the ids and traces of its callers are not trusted.
    let layers = LayersState { trusts_caller: guard.is_none(), state };
    let router = match guard {
        Some(guard) => guard(router),
        None => router,
    };
    router.layer(Extension(layers.state.verifier.clone())).layer(from_fn_with_state(layers, track_request))
}

#[derive(Clone)]
struct LayersState {
    state: LayerState,
    /// Whether the callers are our own processes.
    trusts_caller: bool,
}

async fn track_request(
    State(LayersState { state, trusts_caller }): State<LayersState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_label(&request);
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let Traced { id, span, mut recorded } = trace_request(&mut request, state.role, trusts_caller, method, &route);
    let trace = recorded.as_ref().map(spans::Span::trace);
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone());
    let handled = Trace::within(trace, handled).await;
    let mut response = handled.unwrap_or_else(|panic| {
        let _entered = span.enter();
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Problem::fault(&std::io::Error::other(message.unwrap_or_else(|| "a handler panicked".into()))).into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = response.headers().clone();
        response = problem.render(Some(&id));
        for (name, value) in &headers {
            if !response.headers().contains_key(name) {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some(recorded) = &mut recorded {
        let status = response.status();
        recorded.add(Attribute::Status(status.as_u16()));
        if status.is_server_error() {
            recorded.fail(status.as_str());
        }
    }
    // Views contain signatures and tokens: a response without a cache rule must not be stored.
    if !response.status().is_informational() {
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    let labels = RouteLabels { role: state.role, route: route.clone() };
    state.metrics.seconds.get_or_create(&labels).observe(started.elapsed().as_secs_f64());
    let labels = RequestLabels { role: state.role, route, method, status: response.status().as_u16() };
    state.metrics.requests.get_or_create(&labels).inc();
    response
}

/// The request's id, its span in the log, and its recorded span.
struct Traced {
    id: String,
    span: Span,
    recorded: Option<spans::Span>,
}

/// Gives a request its id, its trace and its spans.
fn trace_request(
    request: &mut Request,
    role: &'static str,
    trusts_caller: bool,
    method: &'static str,
    route: &str,
) -> Traced {
    let known = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let (id, parent, kind, client_id) = match known {
        // An internal request in this process has an id and a span already; a second pair would be a good part of the
        // cost of a small response. If the first is recorded, so is this one.
        Some(id) => {
            let parent = request.extensions().get::<Trace>().copied().filter(Trace::is_recorded);
            if parent.is_none() {
                return Traced { id, span: Span::current(), recorded: None };
            }
            (id, parent, Kind::Internal, None)
        }
        None => {
            let client_id = if trusts_caller { None } else { strip_caller_ids(request.headers_mut()) };
            let id = request_id(request);
            request.extensions_mut().insert(RequestId(id.clone()));
            if let Ok(value) = HeaderValue::from_str(&id) {
                request.headers_mut().insert(REQUEST_ID, value);
            }
            // A query of this process to itself has no header, and belongs to what its task works at.
            let parent = read_trace(request.headers_mut()).or_else(Trace::current);
            (id, parent, Kind::Server, client_id)
        }
    };
    let mut recorded = spans::begin(kind, parent.as_ref());
    let trace = recorded.as_ref().map(spans::Span::trace).or(parent).unwrap_or_else(Trace::begin);
    request.extensions_mut().insert(trace);
    if let Some(recorded) = &mut recorded {
        let attributes =
            [Attribute::Role(role), Attribute::Method(method), Attribute::Route(route), Attribute::RequestId(&id)];
        recorded.describe(|| format!("{method} {route}"), &attributes);
    }
    let span = tracing::info_span!(
        "request",
        role,
        method,
        route,
        request.id = id,
        trace.id = trace.id(),
        request.client_id = client_id
    );
    Traced { id, span, recorded }
}

/// Returns the method as a label; an unknown method is `other`, or clients could create labels without end.
fn method_label(request: &Request) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == request.method().as_str()).unwrap_or("other")
}

/// Returns the caller's id if it is short and plain (so that logs across roles share it), and a new one otherwise.
pub(super) fn request_id(request: &Request) -> String {
    valid_request_id(request.headers()).unwrap_or_else(new_id)
}

fn valid_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_valid =
        |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    id.filter(is_valid).map(str::to_owned)
}

/// Removes a client's request id and trace headers: with them, its requests could pose as those of others in the logs.
/// Returns the id if it is short and plain, to be logged as the client's.
fn strip_caller_ids(headers: &mut HeaderMap) -> Option<String> {
    let client_id = valid_request_id(headers);
    for name in [
        REQUEST_ID,
        HeaderName::from_static("traceparent"),
        HeaderName::from_static("tracestate"),
        HeaderName::from_static("baggage"),
    ] {
        headers.remove(name);
    }
    client_id
}

/// Returns the response to a request that no router may see. It closes the connection.
pub(super) fn refusal(problem: &Problem) -> Response {
    let mut response = render_problem(problem, &new_id());
    response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Renders a problem with its request id.
pub(super) fn render_problem(problem: &Problem, id: &str) -> Response {
    let mut response = problem.render(Some(id));
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Returns a UUIDv7 from the process's own generator: `Uuid::now_v7` asks the kernel for each one.
fn new_id() -> String {
    Random::system().uuid_v7(base::Clock::system().now()).simple().to_string()
}
