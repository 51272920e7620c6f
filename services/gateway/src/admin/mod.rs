//! The admin role: the operators' listener. It is the gateway's code with a route table of its own, and a check of
//! every caller.
//!
//! Owns no data. Owns what spans all roles: timed jobs and dead letters. Invariant: an operation is forwarded only for
//! a caller whom [`http_server::operators::authorize`] accepts; without `x-admin-role` it prevents the start.

mod api;
mod config;

pub use config::Config;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use http_server::RouterLayer;
use service::{BootError, Context, RoleInstance, Service};

use crate::forward::{self, ProxyState};
use crate::guard::Guard;
use crate::routes::{ListenerKind, RouteTable};
use crate::static_files;

/// The name of the role.
const NAME: &str = "admin";
/// How long a WebSocket may be without traffic before it is closed.
const WEBSOCKET_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Returns the definition of the admin role.
pub fn service() -> Service {
    Service {
        name: NAME,
        migrations: None,
        objects: &[],
        openapi: api::openapi,
        codes: api::CODES,
        sections: config::sections,
        subscriptions: |_| Vec::new(),
        start: |context| Box::pin(std::future::ready(start(&context))),
    }
}

fn start(context: &Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section(NAME)?;
    let routes = RouteTable::derive_for(ListenerKind::Operators, &context.roles)
        .map_err(|error| BootError::Other(error.to_string()))?;
    let guard = Guard::operators(&config.limits(), config.networks()?, routes.clone(), &context.tasks);
    let state = ProxyState {
        peers: context.peers.clone(),
        tasks: context.tasks.clone(),
        websocket_idle_timeout: WEBSOCKET_IDLE_TIMEOUT,
    };
    let router = forward::router(ListenerKind::Operators, NAME, &routes, &state)
        .merge(api::router(context.clone()))
        .merge(static_files::operators_router(&context.operators_openapi_json));
    let guard: RouterLayer =
        Arc::new(move |router: Router| router.layer(from_fn_with_state(guard.clone(), Guard::layer)));
    Ok(RoleInstance { router, guard: Some(guard), ..RoleInstance::default() })
}
