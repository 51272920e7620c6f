//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: a decision about another member and one that does not exist are the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use chrono::{DateTime, Utc};
use http_server::Problem;
use http_server::problem::every_role;

use crate::codes;

/// When a member who has as many appeals as may wait tries again.
const APPEALS_WAIT: Duration = Duration::from_secs(3_600);

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such case.
    #[error("There is no such case.")]
    NoSuchCase,
    /// Another moderator has claimed it.
    #[error("Another moderator has claimed this case until {}.", .0.format("%H:%M UTC"))]
    Claimed(DateTime<Utc>),
    /// The caller has not claimed it, or the claim has ended.
    #[error("You have not claimed this case, or the claim has ended.")]
    NotClaimed,
    /// It was decided about.
    #[error("This case was decided about.")]
    DecidedAlready,
    /// It is about the caller or what they have reported, or an appeal against their decision.
    #[error("This case is about you, a decision of yours, or what you have reported. Another moderator decides.")]
    OwnCase,
    /// The caller's roles don't allow the decision.
    #[error("A moderator limits and suspends for seven days at most, and undoes no more. Leave this to an operator.")]
    BeyondRole,
    /// The decision breaks a rule, which the sentence names.
    #[error("{0}")]
    InvalidDecision(&'static str),
    /// There is no such decision, or it is about another member.
    #[error("There is no such decision about you, or it can't be appealed.")]
    NoSuchDecision,
    /// It was appealed before.
    #[error("You have appealed this decision.")]
    AppealedAlready,
    /// As many appeals of the member wait as may.
    #[error("As many of your appeals wait as may. Appeal again when some have been answered.")]
    TooManyAppeals,
    /// The appeal breaks a rule, which the sentence names.
    #[error("{0}")]
    InvalidAppeal(&'static str),
    /// `after` is not a cursor of this list.
    #[error("`after` must be the `next` of the previous page.")]
    BadCursor,
    /// A day is not one.
    #[error("`from` and `to` are days, such as 2026-05-31, at most 366 days apart.")]
    BadDay,
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NoSuchCase => codes::NO_SUCH_CASE,
            Error::Claimed(_) => codes::CLAIMED,
            Error::NotClaimed => codes::NOT_CLAIMED,
            Error::DecidedAlready => codes::DECIDED_ALREADY,
            Error::OwnCase => codes::OWN_CASE,
            Error::BeyondRole => codes::BEYOND_ROLE,
            Error::InvalidDecision(_) => codes::INVALID_DECISION,
            Error::NoSuchDecision => codes::NO_SUCH_DECISION,
            Error::AppealedAlready => codes::APPEALED_ALREADY,
            Error::TooManyAppeals => {
                return Self::of(codes::TOO_MANY_APPEALS, error.to_string()).retry_after(APPEALS_WAIT);
            }
            Error::InvalidAppeal(_) => codes::INVALID_APPEAL,
            Error::BadCursor | Error::BadDay => every_role::BAD_QUERY,
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
