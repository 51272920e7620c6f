//! Forwards requests to the roles.
//!
//! Owns what a client gets when a role can't be asked. Invariant: the public listener forwards every method on a known
//! path, and the role refuses those that it does not have; the operators' listener forwards documented operations only,
//! each after its check; cookies are forwarded only where the operation has them; to those whom a member has blocked,
//! what the member shows does not exist (see `blocked_readers`); a role works on no more requests than its limit (see
//! `role_limits`).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any};
use base::Random;
use base::tasks::Tasks;
use http::header;
use http_server::Deadline;
use http_server::Problem;
use http_server::auth::Member;
use http_server::operators::{OperatorRole, authorize};
use http_server::problem::every_role;
use peer::{Error, Peers, is_handshake};
use service::Context;

use crate::Config;
use crate::blocked_readers::{hide_blockers, names_member};
use crate::body_limit::Violation;
use crate::role_limits::RoleLimits;
use crate::routes::{ListenerKind, Route, RouteTable};
use crate::websocket;

/// The state that every route needs to forward a request.
#[derive(Clone)]
pub(crate) struct ProxyState {
    pub(crate) peers: Peers,
    pub(crate) tasks: Tasks,
    pub(crate) random: Random,
    /// How long a WebSocket may be without traffic before it is closed.
    pub(crate) websocket_idle_timeout: Duration,
    /// How many requests each role works on at once; `None` for no limit.
    pub(crate) role_limits: Option<RoleLimits>,
}

impl ProxyState {
    /// Returns the state of the public listener.
    pub(crate) fn public(context: &Context, config: &Config, routes: &RouteTable) -> Self {
        Self {
            peers: context.peers.clone(),
            tasks: context.tasks.clone(),
            random: context.random.clone(),
            websocket_idle_timeout: Duration::from_secs(config.websocket_idle_timeout_seconds.max(1)),
            role_limits: Some(RoleLimits::new(config, routes, &context.metrics)),
        }
    }
}

/// Returns a router that forwards the requests of each route to its role. The operations of `own`, the role itself, are
/// left out: it has handlers for them.
pub(crate) fn router(listener: ListenerKind, own: &str, table: &RouteTable, state: &ProxyState) -> Router {
    let foreign = table.routes().filter(|route| route.operations.iter().all(|operation| operation.role != own));
    foreign.fold(Router::new(), |router, route| {
        let methods = match listener {
            ListenerKind::Public => any(forward),
            ListenerKind::Operators => documented_methods(route),
        };
        let methods = methods.with_state((state.clone(), route.clone()));
        let methods = if listener == ListenerKind::Public && names_member(&route.pattern) {
            methods.layer(from_fn_with_state(state.peers.clone(), hide_blockers))
        } else {
            methods
        };
        router.route(&route.pattern, methods)
    })
}

/// Returns handlers for the documented methods of a route (with GET also HEAD). All others get 405.
fn documented_methods(route: &Route) -> MethodRouter<(ProxyState, Arc<Route>)> {
    let methods = route.operations.iter().filter_map(|operation| MethodFilter::try_from(operation.method.clone()).ok());
    methods.fold(MethodRouter::new(), |router, method| router.on(method, forward))
}

/// Checks the caller of an operation of operators.
async fn check_operator(request: Request, required: OperatorRole) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let member = <Member as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await?;
    authorize(&member.0, required)?;
    Ok(Request::from_parts(parts, body))
}

async fn forward(State((state, route)): State<(ProxyState, Arc<Route>)>, mut request: Request) -> Response {
    let role = route.role(request.method());
    let operation = route.operation(request.method());
    if let Some(required) = operation.and_then(|operation| operation.required) {
        request = match check_operator(request, required).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    let has_cookies = operation.is_some_and(|operation| operation.has_cookies);
    let (mut request, permit) = match &state.role_limits {
        Some(limits) => match limits.admit(role, &route, request).await {
            Ok(admitted) => admitted,
            Err(problem) => return problem.into_response(),
        },
        None => (request, None),
    };
    if !has_cookies {
        request.headers_mut().remove(header::COOKIE);
    }
    let mut response = call_role(state, role, request).await;
    if let Some(permit) = permit {
        permit.finish(&response);
    }
    if !has_cookies {
        response.headers_mut().remove(header::SET_COOKIE);
    }
    response
}

/// Sends a request to a role. A role that can't be asked is a problem.
pub(crate) async fn call_role(state: ProxyState, role: &'static str, request: Request) -> Response {
    let ProxyState { peers, tasks, random, websocket_idle_timeout, .. } = state;
    let result = if is_handshake(&request) {
        Box::pin(websocket::forward(&peers, (&tasks, &random), websocket_idle_timeout, role, request)).await
    } else {
        peers.call(role, request).await
    };
    match result {
        Ok(response) => response,
        Err(error @ Error::UnknownRole(_)) => Problem::fault(&error).into_response(),
        // A client that disconnected will not read this. If the gateway aborted the body, the guard replaces this
        // response.
        Err(Error::RequestBodyFailed(..)) => {
            Problem::of(every_role::BROKEN_OFF, "The request's body is incomplete or malformed.").into_response()
        }
        Err(Error::RequestBodyTimeout(_)) => Problem::from(Violation::TooSlow).into_response(),
        Err(error @ Error::DeadlineExceeded(_)) => {
            tracing::warn!(%error, role, "a role did not respond in time");
            Deadline::exceeded().into_response()
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            // That a role has no instance was logged once, when it began (see `peer`).
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
