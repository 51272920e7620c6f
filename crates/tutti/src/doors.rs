//! The doors of a process: the public one and the operations one.
//!
//! Every route of each stands behind a guard: the gateway's where it plays, bounds of the listener elsewhere. Invariant: figures and reasons
//! are told at the operations door only; the public one says `ok` or not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use kit::Problem;
use kit::boot::{PendingDependencies, Process};
use kit::http::{Bounds, HeadBounds, trust_internal_headers};

/// How long an answer about readiness stays good, so that asking often costs nothing.
const FRESH: Duration = Duration::from_millis(500);

/// Requests at once at the operations door: a person, a balancer and Prometheus, each with one that hangs.
const OPERATIONS_AT_ONCE: usize = 16;

/// Watches whether a process can serve, from the moment it begins to start.
#[derive(Default)]
pub(crate) struct Watch {
    /// What it waits for while it starts.
    pub(crate) pending: PendingDependencies,
    process: OnceLock<Arc<Process>>,
    leaving: AtomicBool,
    last: tokio::sync::Mutex<Option<(tokio::time::Instant, Vec<String>)>>,
}

impl Watch {
    /// From now on the process itself says what it misses.
    pub(crate) fn started(&self, process: Arc<Process>) {
        // A second start would be a fault of ours; the first one stands.
        let _ = self.process.set(process);
    }

    /// From now on the process is not ready, although it still serves: it has been told to end.
    pub(crate) fn leaves(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// What is missing here, and, where the gateway plays, the roles that nobody has played yet: its door is of little use without them, while other
    /// roles do part of their work without their neighbours. One that was there and is lost (see [`Watch::poorly`]) closes no door: what the others
    /// play goes on, and every gateway misses it alike. A neighbour who asks (`?own`, see `kit::peer`) wants to know the first alone:
    /// two who need each other would wait for each other for ever.
    async fn not_ready(&self, query: Option<&str>) -> Vec<String> {
        let Some(process) = self.process.get() else {
            let waits = self.pending.sentences();
            return if waits.is_empty() { vec!["the process is starting".to_owned()] } else { waits };
        };
        if self.leaving.load(Ordering::Relaxed) {
            return vec!["the process is leaving".to_owned()];
        }
        let mut not_ready = self.own(process).await;
        if is_front(process) && query != Some("own") {
            not_ready.extend(process.peers.not_ready());
        }
        not_ready
    }

    /// What does not answer although this process can serve without it for a while.
    async fn degraded(&self) -> Vec<String> {
        let Some(process) = self.process.get() else { return Vec::new() };
        let mut degraded = process.degraded().await;
        if is_front(process) {
            degraded.extend(process.peers.lost());
        }
        degraded
    }

    async fn own(&self, process: &Process) -> Vec<String> {
        let mut last = self.last.lock().await;
        match &*last {
            Some((at, not_ready)) if at.elapsed() < FRESH && !process.tasks.is_stopping() => not_ready.clone(),
            _ => {
                let not_ready = process.not_ready().await;
                *last = Some((tokio::time::Instant::now(), not_ready.clone()));
                not_ready
            }
        }
    }
}

/// Whether the gateway plays here.
fn is_front(process: &Process) -> bool {
    process.routers.iter().any(|(name, _)| *name == "gateway")
}

/// The public door: the gateway where it plays, the roles' own routes otherwise.
pub(crate) fn public(watch: &Arc<Watch>, process: &Process, connections: usize) -> Router {
    let routers = &process.routers;
    let front = routers.iter().find(|(name, _)| *name == "gateway");
    let short = Router::new().route("/healthz", get(async || (no_store(), "ok\n"))).route("/readyz", get(ready_in_short).with_state(watch.clone()));
    if let Some((_, gateway)) = front {
        return process.guard.around(short).merge(gateway.clone());
    }
    let all = routers.iter().enumerate().fold(Router::new(), |all, (place, (_, router))| {
        // Two fallbacks can't be merged; the first role's answers for what nobody knows.
        all.merge(if place == 0 { router.clone() } else { router.clone().reset_fallback() })
    });
    // Without a gateway this door is private: whoever reaches it is a neighbour. Each of its connections may have one request.
    let bounds = Bounds { max_requests: connections.max(1), head: HeadBounds::default() };
    bounds.around(short.merge(all.layer(from_fn(trust_internal_headers))))
}

/// The operations door.
pub(crate) fn operations(watch: &Arc<Watch>) -> Router {
    let routes = Router::new().route("/healthz", get(async || (no_store(), "ok\n"))).route("/readyz", get(ready)).route("/metrics", get(metrics)).with_state(watch.clone());
    let lost = async || Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is nothing at this address.");
    Bounds { max_requests: OPERATIONS_AT_ONCE, head: HeadBounds::default() }.around(routes.fallback(lost))
}

fn no_store() -> [(header::HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}

async fn ready_in_short(State(watch): State<Arc<Watch>>, RawQuery(query): RawQuery) -> Response {
    if watch.not_ready(query.as_deref()).await.is_empty() {
        return (no_store(), "ready\n").into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, no_store(), "not ready\n").into_response()
}

async fn ready(State(watch): State<Arc<Watch>>, RawQuery(query): RawQuery) -> Response {
    let not_ready = watch.not_ready(query.as_deref()).await;
    if not_ready.is_empty() {
        let degraded = watch.degraded().await;
        let text = if degraded.is_empty() { "ready\n".to_owned() } else { format!("ready, although:\n- {}\n", degraded.join("\n- ")) };
        return (no_store(), text).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, no_store(), format!("not ready:\n- {}\n", not_ready.join("\n- "))).into_response()
}

async fn metrics(State(watch): State<Arc<Watch>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    let Some(process) = watch.process.get() else { return (kind, "# EOF\n").into_response() };
    match process.bus.engine().backlog().await {
        Ok(backlog) => {
            // A consumer for whom nothing waits is not in the list; what was said of it before is over.
            process.metrics.backlog.clear();
            let idle = process.consumers.iter().map(|consumer| (consumer.clone(), 0));
            for (consumer, waiting) in idle.chain(backlog) {
                let labels = kit::telemetry::ConsumerLabels { consumer };
                process.metrics.backlog.get_or_create(&labels).set(i64::try_from(waiting).unwrap_or(i64::MAX));
            }
        }
        Err(error) => tracing::warn!(%error, "the bus did not say what waits"),
    }
    (kind, process.metrics.text()).into_response()
}
