//! The admin role: the operators' listener. It is the gateway's code with a route table of its own, and a check of
//! every caller.
//!
//! Owns no data. Owns what spans all roles: timed jobs, mails, dead letters, and the processes of the fleet with their
//! configuration and logs. Invariant: an operation is forwarded only for a caller whom
//! [`http_server::operators::authorize`] accepts; without `x-admin-role` it prevents the start.

mod codes;
mod config;
mod configuration;
mod dead_letters;
mod fleet;
mod gather;
mod jobs;
mod logs;
mod mails;
mod paging;
mod processes;

pub use config::Config;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http_server::RouterLayer;
use http_server::problem::Code;
use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};
use utoipa::OpenApi as _;

use crate::forward::{self, ProxyState};
use crate::guard::Guard;
use crate::routes::{ListenerKind, RouteTable};
use crate::static_files;

/// The name of the role.
const NAME: &str = "admin";
/// How long a WebSocket may be without traffic before it is closed.
const WEBSOCKET_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The codes of operations that the roles return which have the jobs and the mails.
const CODES_OF_ROLES: [&Code; http_server::jobs::CODES.len() + mail::operators::CODES.len()] =
    join(http_server::jobs::CODES, mail::operators::CODES);

/// The codes of this role's operations.
const CODES: &[&Code] = &join::<{ codes::CODES.len() + CODES_OF_ROLES.len() }>(codes::CODES, &CODES_OF_ROLES);

/// Returns two tables of codes as one, which has `N` rows.
const fn join<const N: usize>(first: &[&'static Code], second: &[&'static Code]) -> [&'static Code; N] {
    let mut rows = [first[0]; N];
    let mut at = 0;
    while at < N {
        rows[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    rows
}

/// The operations on all processes.
#[derive(utoipa::OpenApi)]
#[openapi(paths(processes::list_processes, configuration::list_configuration, logs::list_logs))]
struct ProcessesDoc;

/// Returns the OpenAPI part of this role.
fn openapi() -> utoipa::openapi::OpenApi {
    let mut part = dead_letters::openapi();
    part.merge(ProcessesDoc::openapi());
    part.merge(jobs::openapi());
    part.merge(mails::openapi());
    part
}

/// Returns the definition of the admin role.
pub fn service() -> Service {
    Service {
        name: NAME,
        migrations: None,
        objects: &[],
        openapi,
        codes: CODES,
        personal_data: PersonalData::Nothing("It forwards requests, and has no database."),
        sections: config::sections,
        subscriptions: |_| Vec::new(),
        start: |context| Box::pin(std::future::ready(start(&context))),
    }
}

/// Returns the routes of the operations on all processes.
fn processes_router(context: Context) -> Router {
    Router::new()
        .route("/v1/admin/processes", get(processes::list_processes))
        .route("/v1/admin/configuration", get(configuration::list_configuration))
        .route("/v1/admin/logs", get(logs::list_logs))
        .with_state(context)
}

fn start(context: &Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section(NAME)?;
    let routes = RouteTable::derive_for(ListenerKind::Operators, &context.roles)
        .map_err(|error| BootError::Other(error.to_string()))?;
    let guard = Guard::operators(&config.limits(), config.networks()?, routes.clone(), &context.tasks);
    let state = ProxyState {
        peers: context.peers.clone(),
        tasks: context.tasks.clone(),
        random: context.random.clone(),
        websocket_idle_timeout: WEBSOCKET_IDLE_TIMEOUT,
        // Operators are few, and come when roles are slow.
        role_limits: None,
    };
    let router = forward::router(ListenerKind::Operators, NAME, &routes, &state)
        .merge(dead_letters::router(context.clone()))
        .merge(jobs::router(context.clone(), state.clone()))
        .merge(processes_router(context.clone()))
        .merge(mails::router(context.clone(), state))
        .merge(static_files::operators_router(&context.operators_openapi_json));
    let guard: RouterLayer =
        Arc::new(move |router: Router| router.layer(from_fn_with_state(guard.clone(), Guard::layer)));
    Ok(RoleInstance { router, guard: Some(guard), ..RoleInstance::default() })
}
