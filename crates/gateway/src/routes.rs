//! Which role answers which address: one table.
//!
//! Invariant: what is not in the table doesn't pass.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header;
use kit::Problem;
use kit::http::Deadline;
use kit::peer::{Error, Peers, is_handshake};
use kit::tasks::Tasks;

use crate::body_limit::Violation;
use crate::websocket;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The path's pattern, as axum writes it.
    pub path: &'static str,
    /// The role that answers.
    pub role: &'static str,
    /// Whether its answers are streams, so that asking for one counts for more. What is held to the budget of streams is told by the answer.
    pub streams: bool,
    /// Whether cookies pass here, in either direction. Everywhere else they end at the gateway, so that a role can't come to trust one.
    pub cookies: bool,
}

const fn route(path: &'static str, role: &'static str) -> Route {
    Route { path, role, streams: false, cookies: false }
}

const fn stream(path: &'static str, role: &'static str) -> Route {
    Route { streams: true, ..route(path, role) }
}

const fn route_with_cookies(path: &'static str, role: &'static str) -> Route {
    Route { cookies: true, ..route(path, role) }
}

/// The table.
pub const ROUTES: &[Route] = &[
    route("/.well-known/jwks.json", "accounts"),
    route_with_cookies("/v1/accounts", "accounts"),
    route("/v1/accounts/{handle}", "accounts"),
    route_with_cookies("/v1/sessions", "accounts"),
    route_with_cookies("/v1/sessions/{session}", "accounts"),
    route_with_cookies("/v1/me", "accounts"),
    route("/v1/me/password", "accounts"),
    route("/v1/uploads", "media"),
    route("/v1/uploads/{upload}", "media"),
    route("/v1/media", "media"),
    route("/v1/media/claims", "media"),
    route("/v1/media/{id}", "media"),
    stream("/v1/media/{id}/events", "media"),
    route("/v1/media/{id}/{*part}", "delivery"),
    route("/v1/files/{name}", "delivery"),
];

/// What every row needs to pass a request on.
#[derive(Clone)]
pub(crate) struct ProxyState {
    pub(crate) peers: Peers,
    pub(crate) tasks: Tasks,
    /// A WebSocket over which nothing goes for this long is ended.
    pub(crate) websocket_idle_timeout: Duration,
}

/// A router that passes each row's requests to its role.
pub(crate) fn router(state: &ProxyState) -> Router {
    ROUTES.iter().fold(Router::new(), |router, row| router.route(row.path, any(forward).with_state((state.clone(), *row))))
}

async fn forward(State((state, row)): State<(ProxyState, Route)>, mut request: Request) -> Response {
    if row.cookies {
        return call_role(state, row.role, request).await;
    }
    request.headers_mut().remove(header::COOKIE);
    let mut response = call_role(state, row.role, request).await;
    response.headers_mut().remove(header::SET_COOKIE);
    response
}

async fn call_role(state: ProxyState, role: &'static str, request: Request) -> Response {
    let ProxyState { peers, tasks, websocket_idle_timeout } = state;
    let result = if is_handshake(&request) { Box::pin(websocket::forward(&peers, &tasks, websocket_idle_timeout, role, request)).await } else { peers.call(role, request).await };
    match result {
        Ok(response) => response,
        Err(error @ Error::Unknown(_)) => Problem::fault(&error).into_response(),
        // Whoever broke off will not read this, unless it was cut off, and then it is told why (see `limits`).
        Err(Error::Sender(..)) => Problem::bad_request("request.broken_off", "The body of the request broke off, or was not well-formed.").into_response(),
        Err(Error::Slow(_)) => Problem::from(Violation::TooSlow).into_response(),
        Err(error @ Error::Late(_)) => {
            tracing::warn!(%error, role, "a neighbour was too late");
            Deadline::passed().into_response()
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            // That nobody is there at all was said once, when it began (see `kit::peer`).
            match error {
                Error::Missing(..) => tracing::debug!(%error, role, "there is nobody to ask"),
                _ => tracing::warn!(%error, cause, role, "a neighbour did not answer"),
            }
            Problem::unavailable("This part of the service does not answer right now. Try again shortly.", Duration::from_secs(2)).into_response()
        }
    }
}
