//! One screen, one call: what an app shows first, from several roles at once.
//!
//! Does not own what the roles say, nor who may see it: each is asked with the reader. Invariant: a screen asks each
//! role at most once, and waits [`PART_TIMEOUT`] at most for it; a role that does not respond is in `degraded`.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

mod fields;
mod home;
mod profile;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use contract::Query;
use http_server::{Problem, compress_json};
use peer::Peers;
use tokio::time::timeout;
use utoipa::OpenApi as _;

use self::fields::Fields;
pub(crate) use self::profile::account_name;

/// How long a screen waits for a role.
const PART_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(home::show, profile::show),
    tags((name = "screens", description = "What an app shows on one screen, from several roles in one call."))
)]
struct ApiDoc;

/// Returns the OpenAPI part of the gateway's own operations.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// Returns the routes of these operations.
pub(crate) fn router(peers: Peers) -> Router {
    let routes = Router::new()
        .route("/v1/home", get(home::show))
        .route("/v1/profiles/{handle}", get(profile::show))
        .with_state(Screens { peers });
    compress_json(routes)
}

/// What the screens are made of.
#[derive(Clone)]
struct Screens {
    peers: Peers,
}

/// A role that did not respond in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unavailable(&'static str);

impl Screens {
    /// Asks a role; `None` where it has nothing for this reader.
    async fn ask<Q: Query>(&self, query: &Q) -> Result<Option<Q::Response>, Unavailable> {
        match timeout(PART_TIMEOUT, self.peers.ask(query)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::debug!(%error, role = Q::ROLE, "a part of a screen is missing");
                Err(Unavailable(Q::ROLE))
            }
            Err(_) => {
                tracing::debug!(role = Q::ROLE, "a part of a screen is late");
                Err(Unavailable(Q::ROLE))
            }
        }
    }
}

/// Returns what a role has said. One that did not respond is added to `degraded`.
fn part<T>(response: Result<Option<T>, Unavailable>, degraded: &mut Vec<&'static str>) -> Option<T> {
    response.unwrap_or_else(|Unavailable(role)| {
        degraded.push(role);
        None
    })
}

/// Returns the problem of a screen of which nothing is left.
pub(crate) fn unavailable() -> Problem {
    Problem::unavailable("This can't be read right now. Try again shortly.", Duration::from_secs(2))
}
