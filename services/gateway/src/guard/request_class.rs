//! The class of a request, by its route.
//!
//! Invariant: the class depends on the matched route, the path and the method only, never on what else the client
//! sends.

use axum::extract::{MatchedPath, Request};

use crate::STATIC_ROUTES;
use crate::preview_urls::has_preview;
use crate::routes::RouteTable;
use crate::static_files::{OEMBED_ROUTE, PAGE_ROUTE};

/// Paths of health checks by load balancers. The process responds to them, not a role.
const HEALTH_ROUTES: [&str; 2] = ["/healthz", "/readyz"];

/// The class of a request. It decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestClass {
    /// A request for a role, or for an unknown path.
    Role,
    /// A request for a role whose response is a stream (see [`crate::Operation::is_stream`]).
    Stream,
    /// An embedded file. It is the same for every client, so no token is checked.
    Static,
    /// A page with a link preview, or an oEmbed: as [`RequestClass::Static`], but a role is asked for it, so it counts
    /// as a read of that role.
    Preview,
    /// A health check: one of [`HEALTH_ROUTES`].
    Health,
}

impl RequestClass {
    pub(super) fn of(request: &Request, routes: &RouteTable) -> Self {
        let Some(pattern) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
            return Self::Role;
        };
        let is_stream = || {
            let operation = routes.find(pattern).and_then(|route| route.operation(request.method()));
            operation.is_some_and(|operation| operation.is_stream)
        };
        if HEALTH_ROUTES.contains(&pattern) {
            Self::Health
        } else if pattern == OEMBED_ROUTE || (pattern == PAGE_ROUTE && has_preview(request.uri().path())) {
            Self::Preview
        } else if STATIC_ROUTES.iter().any(|(route, _)| *route == pattern) {
            Self::Static
        } else if is_stream() {
            Self::Stream
        } else {
            Self::Role
        }
    }
}
