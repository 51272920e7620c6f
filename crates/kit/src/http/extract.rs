//! Extractors that refuse bad input with a problem that names what is wrong.
//!
//! Invariant: the refusal comes before the handler runs, so bad input changes nothing.

use axum::extract::FromRequestParts;
use axum::extract::rejection::{PathRejection, QueryRejection};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Removes axum's preamble, so that the sentence starts with the field.
fn reason(text: &str) -> String {
    text.split_once(": ").map_or_else(|| text.to_owned(), |(_, reason)| reason.to_owned())
}

/// The query, refused with a sentence if it is invalid.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| Problem::bad_request("request.invalid", reason(&error.body_text())))
    }
}

/// Parameters of the path. A value that can't be an id is refused like an unknown URL.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Problem::new(StatusCode::NOT_FOUND, "request.no_such_url", "There is nothing at this URL."))
    }
}

/// `?limit=&after=`: selects a page of a list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many items, 1–100; 50 by default.
    pub limit: Option<u16>,
    /// The `next` of the previous page.
    pub after: Option<String>,
}

impl Page {
    /// Returns how many items the page has at most.
    pub fn size(&self) -> usize {
        usize::from(self.limit.unwrap_or(50).clamp(1, 100))
    }
}
