//! The routes of a process's listeners: the public one, the operators' one (of the role `admin`), and the operations
//! one.
//!
//! Every route is behind a guard: the gateway's or the admin role's where these run, the listener's bounds elsewhere.
//! Invariant: metrics and reasons are served by the operations listener only; the public one says `ready` or
//! `not ready`, has no route of the role `admin`, and tells of the process only what another process of the fleet has
//! signed its request for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use boot::Process;
use http::{HeaderMap, StatusCode, header};
use http_server::Problem;
use http_server::{Bounds, HeadBounds, trust_internal_headers};

use crate::metrics_format;
use crate::readiness::Readiness;

/// Concurrent requests of the operations listener: an operator, a load balancer and Prometheus, each with some that
/// hang.
const MAX_OPERATIONS_REQUESTS: usize = 16;
/// Dead letters that a scrape counts at most, so that many of them make no scrape slow.
const MAX_COUNTED_DEAD_LETTERS: usize = 100;
/// The role that has a listener of its own.
pub(crate) const ADMIN: &str = "admin";

/// Returns the routes of the public listener: the gateway's if it runs here, the roles' own otherwise.
pub(crate) fn public(readiness: &Arc<Readiness>, process: &Process, max_connections: usize) -> Router {
    let routers = &process.routers;
    let gateway = routers.iter().find(|(name, _)| *name == "gateway");
    let health = Router::new()
        .route("/healthz", get(async || (no_store(), "ok\n")))
        .route("/readyz", get(public_readyz).with_state(readiness.clone()))
        .merge(process.reports.clone());
    if let Some((_, gateway)) = gateway {
        return process.guard("gateway").apply(health).merge(gateway.clone());
    }
    let roles = routers.iter().filter(|(name, _)| *name != ADMIN).enumerate().fold(
        Router::new(),
        |roles, (index, (_, router))| {
            // Two fallbacks can't be merged: the first role's fallback responds to unknown paths.
            roles.merge(if index == 0 { router.clone() } else { router.clone().reset_fallback() })
        },
    );
    // Without a gateway this listener is private: its clients are peers. Each of its connections may have one request.
    let bounds = Bounds { max_requests: max_connections.max(1), head: HeadBounds::default() };
    bounds.apply(health.merge(roles.layer(from_fn(trust_internal_headers))))
}

/// Returns the routes of the operators' listener, if the role `admin` runs here.
pub(crate) fn operators(process: &Process) -> Option<Router> {
    process.routers.iter().find(|(name, _)| *name == ADMIN).map(|(_, router)| router.clone())
}

/// Returns the routes of the operations listener.
pub(crate) fn operations(readiness: &Arc<Readiness>) -> Router {
    let routes = Router::new()
        .route("/healthz", get(async || (no_store(), "ok\n")))
        .route("/readyz", get(operations_readyz))
        .route("/metrics", get(metrics))
        .with_state(readiness.clone());
    let not_found =
        async || Problem::new(StatusCode::NOT_FOUND, "request.no_such_url", "There is nothing at this URL.");
    Bounds { max_requests: MAX_OPERATIONS_REQUESTS, head: HeadBounds::default() }.apply(routes.fallback(not_found))
}

fn no_store() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}

async fn public_readyz(State(readiness): State<Arc<Readiness>>, RawQuery(query): RawQuery) -> Response {
    if readiness.not_ready(query.as_deref()).await.is_empty() {
        return (no_store(), "ready\n").into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, no_store(), "not ready\n").into_response()
}

async fn operations_readyz(State(readiness): State<Arc<Readiness>>, RawQuery(query): RawQuery) -> Response {
    let not_ready = readiness.not_ready(query.as_deref()).await;
    if not_ready.is_empty() {
        let degraded = readiness.degraded().await;
        let text = if degraded.is_empty() {
            "ready\n".to_owned()
        } else {
            format!("ready, although:\n- {}\n", degraded.join("\n- "))
        };
        return (no_store(), text).into_response();
    }
    let text = format!("not ready:\n- {}\n", not_ready.join("\n- "));
    (StatusCode::SERVICE_UNAVAILABLE, no_store(), text).into_response()
}

async fn metrics(State(readiness): State<Arc<Readiness>>, request: HeaderMap) -> Response {
    let respond = |text: String| {
        let (content_type, text) = metrics_format::negotiate(&request, text);
        ([(header::CONTENT_TYPE, content_type)], text).into_response()
    };
    match readiness.process() {
        Some(process) => respond(metrics_text(process).await),
        None => respond("# EOF\n".to_owned()),
    }
}

/// Returns the metrics of a process as OpenMetrics text, with what the bus is asked for now.
pub(crate) async fn metrics_text(process: &Process) -> String {
    match process.bus.engine().backlog().await {
        Ok(backlog) => {
            // The list leaves out consumers without a backlog, so earlier values of theirs are cleared.
            process.metrics.backlog.clear();
            let idle = process.consumers.iter().map(|consumer| (consumer.clone(), 0));
            for (consumer, waiting) in idle.chain(backlog) {
                let labels = base::telemetry::ConsumerLabels { consumer };
                process.metrics.backlog.get_or_create(&labels).set(i64::try_from(waiting).unwrap_or(i64::MAX));
            }
            count_dead_letters(process).await;
        }
        Err(error) => tracing::warn!(%error, "the bus did not report its backlog"),
    }
    process.metrics.text()
}

/// Sets how many dead letters each consumer has.
async fn count_dead_letters(process: &Process) {
    match process.bus.engine().dead_letters(MAX_COUNTED_DEAD_LETTERS).await {
        Ok(letters) => {
            let mut counts: BTreeMap<String, i64> =
                process.consumers.iter().map(|consumer| (consumer.clone(), 0)).collect();
            for letter in letters {
                *counts.entry(letter.consumer).or_default() += 1;
            }
            process.metrics.dead_letters.clear();
            for (consumer, count) in counts {
                process.metrics.dead_letters.get_or_create(&base::telemetry::ConsumerLabels { consumer }).set(count);
            }
        }
        Err(error) => tracing::warn!(%error, "the bus did not report its dead letters"),
    }
}
