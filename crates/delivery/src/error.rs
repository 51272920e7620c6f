//! The errors of delivery, as problems that clients receive.
//!
//! Invariant: a stranger can't tell a private item from one that does not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use codec::pixels;
use http::{HeaderValue, StatusCode, header};
use kit::Problem;
use kit::bus::Transient;

/// An error of delivery.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error("There is no such media, or it is not yours to see.")]
    NotFound,
    #[error("This item has no such file.")]
    NoSuchFile,
    #[error("This is still being prepared. Try again in a moment, or follow the item's events.")]
    NotReady,
    #[error("Only its owner gets the untouched original. The scrubbed file is at /v1/files.")]
    NotOwner,
    #[error("Sign in first: the untouched original is for its owner.")]
    SignInRequired,
    #[error("The metadata of this file can't be removed safely, so it is not served. Its owner can get the original.")]
    Withheld,
    #[error("{0}")]
    BadQuery(&'static str),
    #[error("The range starts after the end of the file, which has {0} bytes.")]
    RangeNotSatisfiable(u64),
    #[error("The file has another version than the one in If-Match. Fetch it again without If-Match.")]
    PreconditionFailed,
    #[error("The server is rendering too many images right now. Try again in a few seconds.")]
    Busy,
    #[error("Rendering this image would take too long. Upload it with fewer pixels, or as a baseline JPEG.")]
    TooCostly,
    #[error(transparent)]
    Image(#[from] pixels::Error),
    #[error(transparent)]
    Rejected(Arc<Rejection>),
    #[error("the database failed")]
    Db(#[source] Arc<kit::db::Error>),
    #[error("the store failed")]
    Objects(#[source] Arc<kit::objects::Error>),
    #[error("a peer failed")]
    Peer(#[source] Arc<kit::peer::Error>),
    #[error("a render task ended early")]
    TaskFailed,
}

/// A problem that the token check has built already.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
pub(crate) struct Rejection(pub Problem);

impl From<kit::db::Error> for Error {
    fn from(error: kit::db::Error) -> Self {
        Self::Db(Arc::new(error))
    }
}

impl From<kit::objects::Error> for Error {
    fn from(error: kit::objects::Error) -> Self {
        Self::Objects(Arc::new(error))
    }
}

impl From<kit::peer::Error> for Error {
    fn from(error: kit::peer::Error) -> Self {
        Self::Peer(Arc::new(error))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Rejected(Arc::new(Rejection(problem)))
    }
}

impl Error {
    /// Returns whether an object that a row names is missing in the store.
    pub(crate) fn is_missing_object(&self) -> bool {
        matches!(self, Self::Objects(error) if matches!(**error, kit::objects::Error::Missing))
    }

    fn problem(&self) -> Problem {
        use pixels::Error as P;
        let (status, code) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "media.not_found"),
            Self::NoSuchFile => (StatusCode::NOT_FOUND, "delivery.no_such_file"),
            Self::NotReady => (StatusCode::NOT_FOUND, "delivery.not_ready"),
            Self::NotOwner => (StatusCode::FORBIDDEN, "auth.not_owner"),
            Self::SignInRequired => (StatusCode::UNAUTHORIZED, "auth.required"),
            Self::Withheld => (StatusCode::FORBIDDEN, "delivery.withheld"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "request.invalid"),
            Self::RangeNotSatisfiable(_) => (StatusCode::RANGE_NOT_SATISFIABLE, "request.range_not_satisfiable"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "request.precondition_failed"),
            Self::Busy | Self::Image(P::Interrupted) => (StatusCode::SERVICE_UNAVAILABLE, "delivery.busy"),
            Self::TooCostly => (StatusCode::UNPROCESSABLE_ENTITY, "delivery.image_too_costly"),
            Self::Image(P::Unsupported) => (StatusCode::UNPROCESSABLE_ENTITY, "delivery.image_unsupported"),
            Self::Image(P::TooManyPixels { .. } | P::TooMuchMemory { .. }) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "delivery.image_too_large")
            }
            Self::Image(P::Truncated) => (StatusCode::UNPROCESSABLE_ENTITY, "delivery.image_truncated"),
            Self::Image(P::Damaged(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "delivery.image_damaged"),
            Self::Rejected(rejection) => return rejection.0.clone(),
            // A full store, a row whose bytes are missing, an unresponsive peer: nothing that a client could change.
            Self::Peer(error) => {
                tracing::warn!(%error, "a peer did not respond");
                return Problem::unavailable(
                    "A part of the server does not respond. Try again shortly.",
                    Duration::from_secs(2),
                );
            }
            Self::Objects(error) => return Problem::from(&**error),
            Self::Db(error) => return Problem::from(&**error),
            Self::Image(P::Encode(_)) | Self::TaskFailed => return Problem::fault(self),
        };
        let problem = Problem::new(status, code, self.to_string());
        match self {
            Self::NotReady => problem.retry_after(Duration::from_secs(1)),
            Self::Busy => problem.retry_after(Duration::from_secs(3)),
            _ => problem,
        }
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::Objects(error) => error.is_transient(),
            Self::Peer(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        let headers = response.headers_mut();
        if let Self::RangeNotSatisfiable(bytes) = self
            && let Ok(value) = HeaderValue::from_str(&format!("bytes */{bytes}"))
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        response
    }
}
