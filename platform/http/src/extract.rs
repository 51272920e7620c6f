//! Extractors that refuse bad input with a problem that names what is wrong.
//!
//! Invariant: the refusal comes before the handler runs, so bad input changes nothing.

use axum::extract::FromRequestParts;
use axum::extract::rejection::{PathRejection, QueryRejection};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, every_role};
use crate::shape_error::from_parser;

/// Returns the sentence of a query that could not be read. axum puts the parameter before the parser's message.
fn sentence(text: &str) -> String {
    let reason = text.split_once(": ").map_or(text, |(_, reason)| reason);
    match reason.split_once(": ") {
        Some((parameter, message)) => from_parser(message).sentence(parameter),
        None => from_query(reason),
    }
}

/// Returns the sentence of an error that has no parameter before it.
fn from_query(reason: &str) -> String {
    match reason.strip_prefix("missing field ") {
        Some(parameter) => format!("The parameter {parameter} is missing."),
        None => from_parser(reason).sentence(""),
    }
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
            .map_err(|error| Problem::of(every_role::BAD_QUERY, sentence(&error.body_text())))
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
            .map_err(|_| Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL."))
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
