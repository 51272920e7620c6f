//! What a process tells other processes of itself, and the checks that it runs for that.
//!
//! Does not own what is told (`service::process`). Invariant: the routes answer requests that one of our processes has
//! signed, and are a 404 like any unknown URL for everyone else.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base::Clock;
use base::config::{Config, Error, Section, Setting};
use base::tasks::Tasks;
use bus::Bus;
use db::Db;
use futures::future::BoxFuture;
use http_server::problem::every_role;
use http_server::signed_url::UrlSigner;
use http_server::{Json, LayerState, Problem, Query, RouterLayer, with_guarded_layers};
use objects::Objects;
use peer::Peers;
use service::ThisProcess;
use service::process::{
    CHECK_TIMEOUT, Check, FindConfiguration, FindLogs, FindStatus, ProcessQuery, RunChecks, SIGNATURE, SIGNATURE_SCOPE,
};
use tokio::time::timeout;

/// The description of the keys of `[peers]`, which have the names of roles.
const PEER_DESCRIPTION: &str = "The URLs of a role that doesn't run in this process, or not only.";

/// Returns the effective configuration of the sections of a process, and of `[peers]`.
pub(super) fn settings<'a>(
    config: &Config,
    sections: impl Iterator<Item = &'a Section>,
) -> Result<Vec<Setting>, Error> {
    let mut all = Vec::new();
    for section in sections {
        all.extend(section.settings(config)?);
    }
    let peers = config.section::<BTreeMap<String, serde_json::Value>>("peers")?;
    all.extend(peers.iter().map(|(role, urls)| {
        Setting::new(format!("peers.{role}"), urls, config.source("peers", role), PEER_DESCRIPTION)
    }));
    Ok(all)
}

/// Returns the routes at which the process answers others.
pub(super) fn router(process: ThisProcess, signer: UrlSigner, clock: Clock, layers: LayerState) -> Router {
    let routes = Router::new()
        .route(FindStatus::PATH, get(answer::<FindStatus>))
        .route(FindConfiguration::PATH, get(answer::<FindConfiguration>))
        .route(FindLogs::PATH, get(answer::<FindLogs>))
        .with_state(process)
        .layer(from_fn_with_state((signer, clock), check_signature));
    // The listener has a guard of its own. With one here as well, nobody's ids of requests are taken over.
    let nothing: RouterLayer = Arc::new(|router: Router| router);
    // Its fallback would be a second one where it is merged with the routes of a role.
    with_guarded_layers(routes, Some(&nothing), layers).reset_fallback()
}

async fn answer<Q: ProcessQuery>(State(process): State<ThisProcess>, Query(query): Query<Q>) -> Json<Q::Response> {
    Json(query.answer(&process).await)
}

async fn check_signature(State((signer, clock)): State<(UrlSigner, Clock)>, request: Request, next: Next) -> Response {
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    if signer.is_valid(signature, SIGNATURE_SCOPE, path, clock.now()) {
        next.run(request).await
    } else {
        Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL.").into_response()
    }
}

/// What the checks of a process need.
pub(super) struct Dependencies {
    pub databases: Vec<(&'static str, Db)>,
    pub bus: Bus,
    pub objects: Objects,
    pub peers: Peers,
    pub tasks: Tasks,
    /// Whether the gateway runs here, which needs every role.
    pub has_gateway: bool,
}

/// Returns what runs the checks of a process.
pub(super) fn checks(dependencies: Dependencies) -> RunChecks {
    let dependencies = Arc::new(dependencies);
    Box::new(move || -> BoxFuture<'static, Vec<Check>> {
        let dependencies = dependencies.clone();
        Box::pin(async move { dependencies.check().await })
    })
}

impl Dependencies {
    /// Returns the required checks first: those after which the process is ready or not (see `/readyz`).
    async fn check(&self) -> Vec<Check> {
        let pings =
            self.databases.iter().map(|(name, db)| async move { (name, timeout(CHECK_TIMEOUT, db.ping()).await) });
        let (databases, bus, objects) = tokio::join!(
            futures::future::join_all(pings),
            timeout(CHECK_TIMEOUT, self.bus.ping()),
            timeout(CHECK_TIMEOUT, self.objects.ping())
        );
        let silent = |is_silent: bool, detail: &str| is_silent.then(|| detail.to_owned());
        let mut checks: Vec<Check> = databases
            .into_iter()
            .map(|(name, ping)| {
                Check::required(format!("database {name}"), silent(!matches!(ping, Ok(Ok(()))), "it does not respond"))
            })
            .collect();
        if self.tasks.is_stopping() {
            checks.push(Check::failed("shutdown", "the process is shutting down"));
        }
        checks.extend(
            self.peers
                .not_ready()
                .into_iter()
                .map(|missing| Check { required: self.has_gateway, ..Check::optional("roles", Some(missing)) }),
        );
        checks.extend(self.peers.lost().into_iter().map(|lost| Check::optional("roles", Some(lost))));
        let bus_detail = "it does not respond; events wait in the outboxes";
        checks.push(Check::optional("event bus", silent(!matches!(bus, Ok(Ok(()))), bus_detail)));
        checks.push(Check::optional("object store", silent(!matches!(objects, Ok(Ok(()))), "it does not respond")));
        checks
    }
}
