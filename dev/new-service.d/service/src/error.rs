//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: an entry of another member and one that does not exist are the same error.

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::every_role;

use crate::codes;
use crate::model::InvalidText;

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such entry, or it is another member's.
    #[error("There is no such entry, or it is not yours to see.")]
    NotFound,
    /// The text breaks a rule.
    #[error(transparent)]
    InvalidText(#[from] InvalidText),
    /// The member has as many entries as a member may have.
    #[error("You have {0} entries, which is the most. Remove some first.")]
    TooManyEntries(u32),
    /// `after` is not a cursor of this role.
    #[error("`after` must be the `next` of the previous page.")]
    BadCursor,
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound => codes::NOT_FOUND,
            Error::InvalidText(_) => codes::INVALID_TEXT,
            Error::TooManyEntries(_) => codes::TOO_MANY_ENTRIES,
            Error::BadCursor => every_role::BAD_QUERY,
            Error::Db(cause) => return Self::of_engine(cause),
        };
        Self::of(code, error.to_string())
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
