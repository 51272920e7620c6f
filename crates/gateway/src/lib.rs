//! The members' door: routing, token check, limits, and the page.
//!
//! Owns no data and no rule of any domain. Invariant: only addresses in [`routes`] pass, so nothing that neighbours say
//! among themselves (`/internal`, `/metrics`) can be reached from outside.

mod body;
mod config;
mod limits;
mod live;
mod page;
mod routes;
mod shares;
mod sockets;
mod static_files;
mod streams;

pub use config::Config;
pub use page::STATIC_ROUTES;
pub use routes::{ROUTES, Route};

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
    let config: Config = context.config.section("gateway")?;
    let guard = limits::Guard::new(&config, &context.tasks, &context.metrics);
    let way = routes::Way { peers: context.peers.clone(), tasks: context.tasks.clone(), socket_idle: Duration::from_secs(config.socket_idle_seconds.max(1)) };
    let through = routes::router(&way);
    // Without other origins there is nothing to tell a browser.
    let through = if config.allowed_origins.is_empty() { through } else { through.layer(config.cors()?) };
    let router = Router::new().merge(through).merge(page::router(&context.interface, context.config.section::<S3Options>("objects")?.downloads_from()));
    // Around all of it, with what the process adds to the listener and what answers where there is no route.
    let guard: RouterLayer = Arc::new(move |router: Router| router.layer(from_fn_with_state(guard.clone(), limits::Guard::layer)));
    Ok(Part { router, guard: Some(guard), ..Part::default() })
}
