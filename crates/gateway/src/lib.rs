//! The members' door: routing, token check, limits, and the page.
//!
//! Owns no data and no rule of any domain. Invariant: only addresses in [`routes`] pass, so nothing that neighbours say
//! among themselves (`/internal`, `/metrics`) can be reached from outside.

mod anonymous_limits;
mod body_limit;
mod config;
mod guard;
mod precompressed;
mod routes;
mod sse;
mod static_files;
mod stream_budget;
mod websocket;

pub use config::Config;
pub use routes::{ROUTES, Route};
pub use static_files::STATIC_ROUTES;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use kit::objects::S3Options;
use kit::service::{BootError, RouterLayer};
use kit::{Context, Part, Service};

/// The role.
pub fn service() -> Service {
    Service {
        name: "gateway",
        migrations: None,
        objects: &[],
        openapi: || utoipa::openapi::OpenApiBuilder::new().build(),
        sections: config::sections,
        hears: |_| Vec::new(),
        start: |context| Box::pin(std::future::ready(start(&context))),
    }
}

fn start(context: &Context) -> Result<Part, BootError> {
    let config = Config::load(&context.config)?;
    let guard = guard::Guard::new(&config, &context.tasks, &context.metrics);
    let state = routes::ProxyState {
        peers: context.peers.clone(),
        tasks: context.tasks.clone(),
        websocket_idle_timeout: Duration::from_secs(config.websocket_idle_timeout_seconds.max(1)),
    };
    let proxy = routes::router(&state);
    // Without other origins there is nothing to tell a browser.
    let proxy = if config.allowed_origins.is_empty() { proxy } else { proxy.layer(config.cors()?) };
    let router = Router::new().merge(proxy).merge(static_files::router(&context.interface, context.config.section::<S3Options>("objects")?.downloads_from()));
    // Around all of it, with what the process adds to the listener and what answers where there is no route.
    let guard: RouterLayer = Arc::new(move |router: Router| router.layer(from_fn_with_state(guard.clone(), guard::Guard::layer)));
    Ok(Part { router, guard: Some(guard), ..Part::default() })
}
