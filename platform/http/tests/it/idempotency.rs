//! `Idempotency-Key` over a router whose effects are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use base::Clock;
use db::{Db, Lane, Sql as _};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt as _;
use http_server::auth::{Claims, MaybeSuspended};
use http_server::{Effect, Idempotency, Repeatable};
use tower::ServiceExt as _;
use uuid::Uuid;

/// Larger than any response that is stored.
const LARGE: usize = 1 << 20;

#[derive(Clone, Default)]
struct Things {
    made: Arc<AtomicUsize>,
    removed: Arc<AtomicUsize>,
}

impl Things {
    fn make(&self) -> usize {
        self.made.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// A response of a megabyte.
fn thing(id: usize) -> Vec<u8> {
    vec![b'0' + u8::try_from(id % 10).unwrap(); LARGE]
}

async fn make(State(things): State<Things>, body: String) -> Response {
    let id = things.make();
    (StatusCode::CREATED, [(header::LOCATION, format!("/things/{id}"))], [("x-said", body)], thing(id)).into_response()
}

async fn show(State(things): State<Things>, Path(id): Path<usize>) -> Response {
    if things.removed.load(Ordering::SeqCst) == id {
        StatusCode::NOT_FOUND.into_response()
    } else {
        thing(id).into_response()
    }
}

/// A request whose transaction is committed, and whose response is lost behind it.
async fn make_and_fail(
    State(things): State<Things>,
    Extension(db): Extension<Db>,
    effect: Effect,
    _: String,
) -> StatusCode {
    let id = things.made.load(Ordering::SeqCst) + 1;
    let written: Result<(), db::Error> =
        db.write(Lane::ALL, async move |tx| effect.created(tx, format!("/things/{id}")).await).await;
    if written.is_ok() {
        things.make();
    }
    StatusCode::SERVICE_UNAVAILABLE
}

/// A request that was silent for so long that another one took its key.
async fn make_too_late(Extension(db): Extension<Db>, effect: Effect, _: String) -> StatusCode {
    let taken: Result<u64, db::Error> =
        db.write(Lane::ALL, async |tx| tx.execute("update idempotency set holder = 'another'", vec![]).await).await;
    assert_eq!(taken.unwrap(), 1);
    let written: Result<(), db::Error> =
        db.write(Lane::ALL, async move |tx| effect.created(tx, "/things/1").await).await;
    assert!(written.is_err());
    StatusCode::INTERNAL_SERVER_ERROR
}

fn routes(things: Things) -> Router {
    let begin = async |State(things): State<Things>| {
        (StatusCode::CREATED, [(header::LOCATION, format!("/begun/{}", things.make()))])
    };
    let report = async |State(things): State<Things>| thing(things.make());
    let note = async |State(things): State<Things>| things.make().to_string();
    let again = async |State(things): State<Things>, _: String| (Extension(Repeatable), thing(things.make()));
    let broken = async |State(things): State<Things>| {
        things.make();
        Body::from_stream(futures::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]))
    };
    Router::new()
        .route("/things", post(make))
        .route("/things/{id}", get(show))
        .route("/lost", post(make_and_fail))
        .route("/too-late", post(make_too_late))
        .route("/begun", post(begin))
        .route("/begun/{id}", get(async || [("x-state", "half done")]))
        .route("/report", post(report))
        .route("/note", post(note))
        .route("/again", post(again))
        .route("/broken", post(broken))
        .with_state(things)
}

struct Harness {
    things: Things,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Harness {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
        db.migrate("test", &[]).await.unwrap();
        let things = Things::default();
        let routes = routes(things.clone()).layer(Extension(db.clone()));
        let layer = Idempotency::new(db, Clock::system(), routes.clone());
        let claims = Claims {
            sub: Uuid::nil(),
            sid: Uuid::nil(),
            handle: "ada".into(),
            roles: vec![],
            confirmed: true,
            version: 0,
            scope: vec![],
            iss: "test".into(),
            iat: 0,
            exp: i64::MAX,
            amr: vec![],
            auth_time: 0,
            operators: false,
        };
        Self {
            things,
            router: routes
                .layer(from_fn_with_state(layer, Idempotency::layer))
                .layer(Extension(MaybeSuspended(claims))),
            _folder: folder,
        }
    }

    async fn post(&self, path: &str, key: &str, body: &str) -> Answer {
        let request = Request::builder().method(Method::POST).uri(path).header("idempotency-key", key);
        let (head, body) =
            self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap().into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec());
        Answer { status: head.status.as_u16(), headers: head.headers, body: body.unwrap_or_default() }
    }

    fn made(&self) -> usize {
        self.things.made.load(Ordering::SeqCst)
    }
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn code(&self) -> String {
        serde_json::from_slice::<serde_json::Value>(&self.body).unwrap()["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_answer_of_a_megabyte_passes_and_is_read_again_where_the_thing_is() {
    let harness = Harness::new().await;
    let first = harness.post("/things", "k", "hello").await;
    assert_eq!((first.status, first.header("x-said"), first.body == thing(1)), (201, "hello", true));
    let again = harness.post("/things", "k", "hello").await;
    assert_eq!((again.status, again.header("idempotent-replay"), again.header("location")), (201, "true", "/things/1"));
    assert!(again.body == thing(1));
    assert_eq!(harness.made(), 1);
}

#[tokio::test]
async fn a_key_that_comes_with_another_body_is_refused_and_does_nothing() {
    let harness = Harness::new().await;
    harness.post("/things", "k", "hello").await;
    for body in ["hullo", "hello ", "", &"x".repeat(50_000)] {
        let refused = harness.post("/things", "k", body).await;
        assert_eq!((refused.status, refused.code()), (422, "request.idempotency_key_reused".into()));
    }
    assert_eq!(harness.post("/things?a=1", "k", "hello").await.status, 422);
    assert_eq!((harness.post("/things", "k", "hello").await.status, harness.made()), (201, 1));
    assert_eq!((harness.post("/things", "another", "hullo").await.status, harness.made()), (201, 2));
}

#[tokio::test]
async fn what_was_removed_since_is_not_made_again() {
    let harness = Harness::new().await;
    harness.post("/things", "k", "hello").await;
    harness.things.removed.store(1, Ordering::SeqCst);
    for _ in 0..2 {
        let gone = harness.post("/things", "k", "hello").await;
        assert_eq!((gone.status, gone.code()), (410, "request.result_removed".into()));
    }
    assert_eq!(harness.made(), 1);
}

#[tokio::test]
async fn an_answer_without_a_body_is_given_again_with_the_state_of_what_it_began() {
    let harness = Harness::new().await;
    harness.post("/begun", "k", "").await;
    let again = harness.post("/begun", "k", "").await;
    assert_eq!(
        (again.status, again.header("location"), again.header("x-state"), again.body.len()),
        (201, "/begun/1", "half done", 0)
    );
}

#[tokio::test]
async fn what_can_not_be_read_again_is_kept_if_it_is_small_and_never_done_twice() {
    let harness = Harness::new().await;
    assert_eq!(harness.post("/note", "k", "").await.body, b"1");
    let again = harness.post("/note", "k", "").await;
    assert_eq!((again.status, again.header("idempotent-replay"), &again.body[..]), (200, "true", &b"1"[..]));
    assert_eq!(harness.made(), 1);

    let first = harness.post("/report", "k", "").await;
    assert!((first.status, &first.body) == (200, &thing(2)), "it passes untouched");
    let again = harness.post("/report", "k", "").await;
    assert_eq!((again.status, again.code(), harness.made()), (409, "request.done_before".into(), 2));
}

#[tokio::test]
async fn an_answer_that_breaks_off_was_still_done() {
    let harness = Harness::new().await;
    assert_eq!(harness.post("/broken", "k", "").await.status, 200);
    assert_eq!((harness.post("/broken", "k", "").await.status, harness.made()), (409, 1));
}

#[tokio::test]
async fn a_request_that_may_run_again_does() {
    let harness = Harness::new().await;
    assert!(harness.post("/again", "k", "x").await.body == thing(1));
    let again = harness.post("/again", "k", "x").await;
    assert!(again.body == thing(2) && again.header("idempotent-replay") == "true");
    assert_eq!(harness.post("/again", "k", "y").await.status, 422);
    assert_eq!(harness.made(), 2);
}

#[tokio::test]
async fn a_request_that_fails_after_its_transaction_is_not_done_again() {
    let harness = Harness::new().await;
    assert_eq!((harness.post("/lost", "k", "a").await.status, harness.made()), (503, 1));
    let again = harness.post("/lost", "k", "a").await;
    assert_eq!((again.status, again.body.len(), harness.made()), (201, LARGE, 1));
    assert_eq!(again.headers["location"], "/things/1");
    assert_eq!(harness.post("/lost", "k", "b").await.status, 422, "the body is compared all the same");
    assert_eq!((harness.post("/lost", "other", "a").await.status, harness.made()), (503, 2));
}

#[tokio::test]
async fn a_request_that_has_lost_its_key_says_that_another_one_is_running() {
    let harness = Harness::new().await;
    let late = harness.post("/too-late", "k", "a").await;
    assert_eq!((late.status, late.code().as_str(), late.header("retry-after")), (409, "request.in_progress", "1"));
}
