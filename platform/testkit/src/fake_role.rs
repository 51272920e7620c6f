//! A small role for the tests of the roles that call it: it responds to internal queries, and records requests and
//! events.
//!
//! Owns no rule of the role that it stands for, no database and no durable state. Invariant: a query without an answer
//! is a 404 problem, as at the real role; a path without a query is a 501, so that it never looks like one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base::Event;
use base::Query;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use bus::Consumer;
use http::{HeaderMap, Method, StatusCode};
use http_server::problem::Problem;
use http_server::{Limits, Listener, serve};
use parking_lot::Mutex;
use peer::READY_PATH;
use tokio::net::TcpListener;

use crate::world::World;

/// Returns a role that answers nothing yet.
///
/// ```ignore
/// let items: Arc<Mutex<HashMap<String, Received>>> = Arc::default();
/// let library = items.clone();
/// let media = testkit::fake_role("media")
///     .answer::<FindReceived>(move |path| library.lock().get(path.get("id")).cloned())
///     .records::<Erased>();
/// media.join(&world).await;
/// ```
///
/// What a test changes later (here `items`) is shared with the closure. Events of the role that it stands for are
/// published through the outbox of any service of the world.
pub fn fake_role(role: &'static str) -> FakeRole {
    FakeRole { role, routes: Router::new(), consumers: Vec::new(), shared: Arc::default() }
}

/// A role that a test plays. A clone is the same role.
#[derive(Clone)]
pub struct FakeRole {
    role: &'static str,
    routes: Router,
    consumers: Vec<Consumer>,
    shared: Arc<Shared>,
}

/// What its routes and its consumers share with the test.
#[derive(Default)]
struct Shared {
    failure: Mutex<Option<StatusCode>>,
    requests: Mutex<Vec<FakeRequest>>,
    /// Subjects and payloads.
    events: Mutex<Vec<(&'static str, String)>>,
}

/// A request that a fake role received.
#[derive(Debug, Clone)]
pub struct FakeRequest {
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// The parameters of a query's path: `id` of `/internal/media/{id}`.
#[derive(Debug)]
pub struct PathParameters {
    path: &'static str,
    values: HashMap<String, String>,
}

impl PathParameters {
    /// Returns a parameter, decoded; fails the test if the path has none of this name.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).unwrap_or_else(|| panic!("{} has no parameter {name}", self.path))
    }
}

impl FakeRole {
    /// Answers a query; `None` is a 404.
    #[must_use]
    #[track_caller]
    pub fn answer<Q: Query + 'static>(
        mut self,
        answer: impl Fn(&PathParameters) -> Option<Q::Response> + Send + Sync + 'static,
    ) -> Self {
        assert_eq!(Q::ROLE, self.role, "{} is a query to another role", Q::PATH);
        let answer = Arc::new(answer);
        let handler = move |Path(values): Path<HashMap<String, String>>| {
            let response = match answer(&PathParameters { path: Q::PATH, values }) {
                Some(response) => axum::Json(response).into_response(),
                None => Problem::not_found(Q::ROLE).into_response(),
            };
            std::future::ready(response)
        };
        self.routes = self.routes.route(Q::PATH, get(handler));
        self
    }

    /// Responds to every request with a problem of this status, until [`FakeRole::recover`].
    #[must_use]
    #[track_caller]
    pub fn fails_with(self, status: u16) -> Self {
        self.fail_with(status);
        self
    }

    /// As [`FakeRole::fails_with`], from now on.
    #[track_caller]
    pub fn fail_with(&self, status: u16) {
        let failure = StatusCode::from_u16(status).ok().filter(|status| !status.is_success());
        *self.shared.failure.lock() = Some(failure.expect("a failure has the status of one"));
    }

    /// Ends the failure: queries are answered again.
    pub fn recover(&self) {
        *self.shared.failure.lock() = None;
    }

    /// Records the events of this type that are published after [`FakeRole::join`].
    #[must_use]
    pub fn records<E: Event>(mut self) -> Self {
        let shared = self.shared.clone();
        let name = format!("{}.{}", self.role, E::SUBJECT);
        self.consumers.push(Consumer::raw(&name, &[E::SUBJECT], move |delivery| {
            shared.events.lock().push((E::SUBJECT, delivery.event.payload));
            std::future::ready(Ok(()))
        }));
        self
    }

    /// Makes it a role of the world's process, in place of one of the same name.
    pub async fn join(&self, world: &World) {
        let process = &world.process;
        process.peers.register_local(self.role, self.router());
        process.bus.run(self.consumers.clone(), &process.tasks).await.expect("the bus takes consumers");
    }

    /// Listens on a free port until `tasks` stop, and returns the URL, for
    /// [`register_remote_url`](peer::Peers::register_remote_url). Health checks find it ready, whatever it
    /// responds to queries, and are not recorded.
    pub async fn listen(&self, tasks: &Tasks) -> String {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port exists");
        let url = format!("http://{}", socket.local_addr().expect("a bound socket has an address"));
        let routes = self.router().route(READY_PATH, get(async || "ready"));
        serve(Listener { socket, limits: Limits::default(), open: Metrics::default().connections }, routes, tasks);
        url
    }

    /// Returns its routes, for [`register_local`](peer::Peers::register_local).
    pub fn router(&self) -> Router {
        let role = self.role;
        let unknown = async move |request: Request| {
            let detail = format!("The fake {role} role answers nothing at {}: add the query.", request.uri().path());
            Problem::new(StatusCode::NOT_IMPLEMENTED, "test.no_such_query", detail)
        };
        self.routes.clone().fallback(unknown).layer(from_fn_with_state(self.shared.clone(), record_and_fail))
    }

    /// Returns the requests so far, the first one first.
    pub fn requests(&self) -> Vec<FakeRequest> {
        self.shared.requests.lock().clone()
    }

    /// Returns the recorded events of this type, in the order of their arrival.
    pub fn events<E: Event>(&self) -> Vec<E> {
        let events = self.shared.events.lock();
        let of_type = events.iter().filter(|(subject, _)| *subject == E::SUBJECT);
        of_type.map(|(_, payload)| serde_json::from_str(payload).expect("an event is readable")).collect()
    }
}

impl fmt::Debug for FakeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRole").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Records a request, and responds in place of the routes while the role fails.
async fn record_and_fail(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let (method, headers) = (request.method().clone(), request.headers().clone());
    shared.requests.lock().push(FakeRequest { method, path, headers });
    let failure = *shared.failure.lock();
    match failure {
        Some(status) => Problem::new(status, "test.failure", "The test makes this role fail.").into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use bus::Envelope;
    use peer::{Error, Peers};
    use serde::{Deserialize, Serialize};

    use super::*;

    struct FindTitle(&'static str);

    impl Query for FindTitle {
        const ROLE: &'static str = "songs";
        const PATH: &'static str = "/internal/titles/{id}";
        type Response = String;
        fn path(&self) -> String {
            format!("/internal/titles/{}", self.0)
        }
    }

    struct FindSinger;

    impl Query for FindSinger {
        const ROLE: &'static str = "songs";
        const PATH: &'static str = "/internal/singer";
        type Response = u32;
        fn path(&self) -> String {
            Self::PATH.to_owned()
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sung {
        number: u32,
    }

    impl Event for Sung {
        const SUBJECT: &'static str = "songs.sung";
    }

    fn songs() -> FakeRole {
        fake_role("songs").answer::<FindTitle>(|path| (path.get("id") == "a b").then(|| "Abendlied".to_owned()))
    }

    #[tokio::test]
    async fn it_answers_its_queries_and_records_the_requests() {
        let (songs, peers) = (songs(), Peers::default());
        peers.register_local("songs", songs.router());
        assert_eq!(peers.ask(&FindTitle("a%20b")).await.unwrap(), Some("Abendlied".to_owned()));
        assert_eq!(peers.ask(&FindTitle("c")).await.unwrap(), None);
        let asked: Vec<String> = songs.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/internal/titles/a%20b", "/internal/titles/c"]);
    }

    #[tokio::test]
    async fn a_query_without_an_answer_is_no_404() {
        let (songs, peers) = (songs(), Peers::default());
        peers.register_local("songs", songs.router());
        let error = peers.ask(&FindSinger).await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedStatus(_, StatusCode::NOT_IMPLEMENTED)), "{error}");
    }

    #[tokio::test]
    async fn it_fails_until_it_recovers_also_at_an_address() {
        let (songs, peers, tasks) = (songs().answer::<FindSinger>(|_| Some(7)), Peers::default(), Tasks::default());
        base::tls::install_provider();
        peers.register_remote_url("songs", &songs.listen(&tasks).await);
        assert_eq!(peers.ask(&FindSinger).await.unwrap(), Some(7));
        songs.fail_with(500);
        let error = peers.ask(&FindSinger).await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedStatus(_, StatusCode::INTERNAL_SERVER_ERROR)), "{error}");
        songs.recover();
        assert_eq!(peers.ask(&FindSinger).await.unwrap(), Some(7));
        tasks.stop(std::time::Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn it_joins_a_world_and_records_events() {
        let world = World::of(&[]).await;
        let songs = songs().records::<Sung>();
        songs.join(&world).await;
        assert_eq!(world.process.peers.ask(&FindTitle("c")).await.unwrap(), None);
        let event = Envelope { id: "1".into(), subject: Sung::SUBJECT.into(), payload: "{\"number\":3}".into() };
        world.process.bus.engine().publish(&[event]).await.unwrap();
        world.settle().await;
        assert_eq!(songs.events::<Sung>(), [Sung { number: 3 }]);
        world.end().await;
    }

    #[test]
    #[should_panic(expected = "is a query to another role")]
    fn it_answers_no_query_of_another_role() {
        let _ = fake_role("media").answer::<FindTitle>(|_| None);
    }
}
