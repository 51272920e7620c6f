//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable code.
//!
//! Invariant: an unexpected error is a bare 500 with the request id; its cause goes to the log and nowhere else.

mod code;
pub mod every_role;

pub use code::Code;

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::EngineError;
use base::error::chain;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An error response.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code, such as `media.too_large`.
    pub code: Cow<'static, str>,
    /// A sentence that says what to do.
    pub detail: Cow<'static, str>,
    /// After how long a retry makes sense (429 and 503 always have it).
    pub retry_after: Option<Duration>,
    /// Further members of the body (RFC 9457 §3.2).
    pub members: Option<Box<Map<String, Value>>>,
}

/// The JSON of a [`Problem`].
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `about:blank`: the code is specific enough (RFC 9457 §4.2.1).
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status as a number.
    pub status: u16,
    /// A stable code, such as `media.too_large`.
    pub code: Cow<'static, str>,
    /// A sentence that says what to do.
    pub detail: Cow<'static, str>,
    /// Quote this when you ask for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The JSON of a [`Problem`] with further members.
#[derive(Serialize)]
struct ExtendedBody<'a> {
    #[serde(flatten)]
    body: ProblemBody,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// Returns a problem with a status, a code and a sentence.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            .then_some(Duration::from_secs(1));
        Self { status, code: code.into(), detail: detail.into(), retry_after, members: None }
    }

    /// Returns the problem of a code, with a sentence that says what to do.
    pub fn of(code: &'static Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, code.code, detail)
    }

    /// Returns a 400.
    pub fn bad_request(code: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Returns a 404 for a resource, such as `media`: the code is `media.not_found`.
    pub fn not_found(thing: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("{thing}.not_found"),
            format!("There is no such {thing}, or it is not yours to see."),
        )
    }

    /// Returns a 503: the server can't do it now.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of(every_role::SERVER_UNAVAILABLE, detail) }
    }

    /// Returns a bare 500; logs `cause` with its sources, once.
    pub fn fault(cause: &(dyn std::error::Error + 'static)) -> Self {
        let causes = chain(cause);
        tracing::error!(cause = causes, "a request failed with an unexpected error");
        Self::of(
            every_role::SERVER_FAULT,
            "Something went wrong on our side. Try again; if it stays, quote the request id.",
        )
    }

    /// Returns the problem of an engine's error: what is full, stopping or unavailable ends by itself or by an
    /// operator's action; everything else is a fault.
    pub fn of_engine(error: &(impl EngineError + 'static)) -> Self {
        if error.is_stopping() {
            return Self::unavailable("The server is restarting. Try again shortly.", Duration::from_secs(2));
        }
        match error.full() {
            Some(what) => storage_full(what),
            None if error.is_transient() => engine_unavailable(error),
            None => Self::fault(error),
        }
    }

    /// Sets another time to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds further members to the body. Their names must not be those of [`ProblemBody`].
    #[must_use]
    pub fn with_members(mut self, members: Map<String, Value>) -> Self {
        self.members = Some(Box::new(members));
        self
    }

    /// Returns the response, with the request id if it is known.
    pub fn render(&self, request_id: Option<&str>) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            request_id: request_id.map(str::to_owned),
        };
        let mut response = match &self.members {
            None => (self.status, axum::Json(body)).into_response(),
            Some(members) => (self.status, axum::Json(ExtendedBody { body, members })).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        // The outermost layer renders it again with the request id.
        response.extensions_mut().insert(self);
        response
    }
}

impl<E: EngineError + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::of_engine(&error)
    }
}

/// Returns a 507: there is no room, and an operator must act.
fn storage_full(what: &'static str) -> Problem {
    tracing::error!(what, "the storage is full");
    Problem::of(every_role::SERVER_STORAGE_FULL, "The server's storage is full. Try again later.")
        .retry_after(Duration::from_secs(60))
}

/// Returns a 503: a dependency does not respond now, and will again.
fn engine_unavailable(cause: &(dyn std::error::Error + 'static)) -> Problem {
    let reason = cause.source().map_or_else(|| cause.to_string(), |source| format!("{cause}: {source}"));
    tracing::warn!(reason, "a request could not be served");
    Problem::unavailable("A part of the server does not respond right now. Try again shortly.", Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn further_members_stand_beside_the_common_ones() {
        let members = Map::from_iter([("factors".to_owned(), Value::from(vec!["totp"]))]);
        let response = Problem::of(every_role::AUTH_REQUIRED, "Sign in.").with_members(members).render(Some("7"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "code": "auth.required",
            "detail": "Sign in.",
            "request_id": "7",
            "factors": ["totp"],
        });
        assert_eq!(body, expected);
    }
}
