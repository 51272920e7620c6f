//! What is recorded of requests, with a recorder of the test's own.
//!
//! Invariant: the process has one recorder, so a test looks only at the spans of its own routes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use base::spans::{self, Attribute, Begun, Kind, Record, Recorder};
use base::telemetry::Metrics;
use base::{Clock, Random, Trace};
use http_server::auth::{JwkSet, Verifier};
use http_server::{LayerState, RouterLayer, with_common_layers, with_guarded_layers};
use tower::ServiceExt as _;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static ENDED: Mutex<Vec<Ended>> = Mutex::new(Vec::new());

#[derive(Debug, Clone, Default)]
struct Ended {
    name: String,
    parent: Option<String>,
    attributes: Vec<String>,
    has_failed: bool,
}

/// Records every span.
struct Everything;

impl Recorder for Everything {
    fn begin(&self, _: Kind, parent: Option<&Trace>) -> Option<Begun> {
        let id = parent.map_or_else(|| Random::system().bytes(), Trace::id_bytes);
        let record = Open(Ended { parent: parent.map(Trace::header), ..Ended::default() });
        Some(Begun { trace: Trace::of_span(id, Random::system().bytes(), true), record: Some(Box::new(record)) })
    }
}

struct Open(Ended);

impl Record for Open {
    fn name(&mut self, name: String) {
        self.0.name = name;
    }

    fn add(&mut self, attribute: Attribute<'_>) {
        self.0.attributes.push(format!("{:?}", attribute.pair()));
    }

    fn fail(&mut self) {
        self.0.has_failed = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        ENDED.lock().unwrap().push(self.0.clone());
    }
}

/// Sends a request of a trace that is sampled. Returns the id of the trace in which it was handled.
async fn ask(router: &Router, path: &str) -> String {
    let request = Request::get(path).header("traceparent", PARENT).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    String::from_utf8(to_bytes(response.into_body(), 1000).await.unwrap().to_vec()).unwrap()
}

/// Responds with the id of the trace in which it runs.
async fn traced() -> String {
    Trace::current().map_or_else(String::new, |trace| trace.id())
}

fn ended(name: &str) -> Ended {
    ENDED.lock().unwrap().iter().find(|span| span.name == name).unwrap().clone()
}

#[tokio::test]
async fn a_peer_continues_its_trace_and_a_stranger_begins_one_of_its_own() {
    spans::install(Box::new(Everything));
    let verifier = Verifier::pinned(&JwkSet { keys: Vec::new() }, Clock::system());
    let state = LayerState { role: "test", metrics: Metrics::default(), verifier };
    let private = with_common_layers(Router::new().route("/private/{id}", get(traced)), state.clone());
    let guard: RouterLayer = Arc::new(|router: Router| router);
    let public = with_guarded_layers(Router::new().route("/public/{id}", get(traced)), Some(&guard), state);

    assert_eq!(ask(&private, "/private/secret").await, TRACE);
    let own = ask(&public, "/public/secret").await;
    assert!(own.len() == 32 && own != TRACE, "{own}");

    let of_peer = ended("GET /private/{id}");
    assert_eq!(of_peer.parent.as_deref(), Some(PARENT));
    assert!(of_peer.attributes.contains(&"(\"http.response.status_code\", Number(200))".to_owned()), "{of_peer:?}");
    assert!(!of_peer.has_failed && !format!("{of_peer:?}").contains("secret"), "{of_peer:?}");
    assert_eq!(ended("GET /public/{id}").parent, None);
}
