//! The gateway role: the public reverse proxy with token checks and limits, and the server of the page. And the admin
//! role: the same code at the operators' listener (see `admin`).
//!
//! Owns no data and no domain rules; its own operations are `screens`. Invariant: only the paths of the roles' OpenAPI
//! parts are forwarded (see [`RouteTable`]), so no internal path (`/internal`, `/metrics`) can be reached from outside.

mod admin;
mod anonymous_limits;
mod blocked_readers;
mod body_limit;
mod codes;
mod config;
mod epoch;
mod forward;
mod guard;
mod oembed;
pub mod page_files;
mod precompressed;
mod preview_tags;
mod preview_urls;
mod previews;
mod role_limits;
mod route_error;
mod routes;
mod scope;
mod screens;
mod sse;
mod static_files;
mod stream_budget;
mod websocket;

pub use admin::{Config as AdminConfig, service as admin_service};
pub use config::Config;
pub use route_error::RouteError;
pub use routes::{ADMIN_PREFIX, ListenerKind, Operation, Route, RouteTable};
pub use static_files::STATIC_ROUTES;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use http_server::RouterLayer;
use service::personal_data::PersonalData;
use service::{BootError, Context, RoleInstance, Service};

/// Returns the definition of the gateway role.
pub fn service() -> Service {
    Service {
        name: "gateway",
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Nothing("It forwards requests, and has no database."),
        openapi: screens::openapi,
        codes: codes::CODES,
        sections: config::sections,
        subscriptions: |_| Vec::new(),
        start: |context| Box::pin(std::future::ready(start(&context))),
    }
}

fn start(context: &Context) -> Result<RoleInstance, BootError> {
    let config: Config = context.config.section("gateway")?;
    let routes = RouteTable::derive(&context.roles).map_err(|error| BootError::Other(error.to_string()))?;
    let guard = guard::Guard::public(&config, routes.clone(), context);
    let state = forward::ProxyState::public(context, &config, &routes);
    let proxy = epoch::apply(forward::router(ListenerKind::Public, "gateway", &routes, &state), &context.flags);
    // Without allowed origins, no response needs CORS headers.
    let proxy = if config.allowed_origins.is_empty() { proxy } else { proxy.layer(config.cors()?) };
    let previews = previews::Previews::new(context.peers.clone(), config.public_origin()?);
    let descriptions = (&context.openapi_json, &context.asyncapi_json);
    let files = static_files::router(descriptions, context.objects.downloads_from(), previews);
    let router = Router::new().merge(proxy).merge(files).merge(screens::router(context.peers.clone()));
    // The guard wraps every route of the listener, also those that the process adds, and the fallback.
    let guard: RouterLayer =
        Arc::new(move |router: Router| router.layer(from_fn_with_state(guard.clone(), guard::Guard::layer)));
    Ok(RoleInstance { router, guard: Some(guard), ..RoleInstance::default() })
}
