//! The route table: which role serves which path.
//!
//! Invariant: a request to a path that is not in the table is not forwarded.

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

/// A row of the route table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The path's pattern, as axum writes it.
    pub path: &'static str,
    /// The role that serves it.
    pub role: &'static str,
    /// Whether its responses are streams, so that a request counts as several. The stream budget itself goes by the
    /// response's content type.
    pub streams: bool,
    /// Whether cookies are forwarded, in both directions. On all other routes the gateway removes them, so that no role
    /// can rely on one.
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

/// The route table.
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

/// The state that every route needs to forward a request.
#[derive(Clone)]
pub(crate) struct ProxyState {
    pub(crate) peers: Peers,
    pub(crate) tasks: Tasks,
    /// How long a WebSocket may be without traffic before it is closed.
    pub(crate) websocket_idle_timeout: Duration,
}

/// Returns a router that forwards the requests of each row to its role.
pub(crate) fn router(state: &ProxyState) -> Router {
    ROUTES
        .iter()
        .fold(Router::new(), |router, row| router.route(row.path, any(forward).with_state((state.clone(), *row))))
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
    let result = if is_handshake(&request) {
        Box::pin(websocket::forward(&peers, &tasks, websocket_idle_timeout, role, request)).await
    } else {
        peers.call(role, request).await
    };
    match result {
        Ok(response) => response,
        Err(error @ Error::UnknownRole(_)) => Problem::fault(&error).into_response(),
        // A client that disconnected will not read this. If the gateway aborted the body, the guard replaces this
        // response.
        Err(Error::RequestBodyFailed(..)) => {
            Problem::bad_request("request.broken_off", "The request's body is incomplete or malformed.").into_response()
        }
        Err(Error::RequestBodyTimeout(_)) => Problem::from(Violation::TooSlow).into_response(),
        Err(error @ Error::DeadlineExceeded(_)) => {
            tracing::warn!(%error, role, "a role did not respond in time");
            Deadline::exceeded().into_response()
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            // That a role has no instance was logged once, when it began (see `kit::peer`).
            match error {
                Error::NoInstance(..) => tracing::debug!(%error, role, "a role has no instance"),
                _ => tracing::warn!(%error, cause, role, "a role did not respond"),
            }
            Problem::unavailable(
                "This part of the service is unavailable right now. Try again shortly.",
                Duration::from_secs(2),
            )
            .into_response()
        }
    }
}
