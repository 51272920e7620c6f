//! The errors of delivery, as problems that clients receive.
//!
//! Invariant: a stranger can't tell a private item from one that does not exist.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use codec::pixels;
use http::{HeaderValue, header};
use http_server::Problem;
use http_server::problem::every_role;

use crate::codes;

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
    #[error("{0}")]
    Invalid(&'static str),
    #[error("The range starts after the end of the file, which has {0} bytes.")]
    RangeNotSatisfiable(u64),
    #[error("The file has another version than the one in If-Match. Fetch it again without If-Match.")]
    PreconditionFailed,
    #[error("Too many archives are being downloaded right now. Try again when one of them has ended.")]
    TooManyDownloads,
    #[error("The server is rendering too many images right now. Try again in a few seconds.")]
    Busy,
    #[error("Rendering this image would take too long. Upload it with fewer pixels, or as a baseline JPEG.")]
    TooCostly,
    #[error(transparent)]
    Image(#[from] pixels::Error),
    #[error(transparent)]
    Rejected(Arc<Rejection>),
    #[error("the database failed")]
    Db(#[source] Arc<db::Error>),
    #[error("the store failed")]
    Objects(#[source] Arc<objects::Error>),
    #[error("a peer failed")]
    Peer(#[source] Arc<peer::Error>),
    #[error("a render task ended early")]
    TaskFailed,
}

/// A problem that the token check has built already.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
pub(crate) struct Rejection(pub Problem);

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        Self::Db(Arc::new(error))
    }
}

impl From<objects::Error> for Error {
    fn from(error: objects::Error) -> Self {
        Self::Objects(Arc::new(error))
    }
}

impl From<peer::Error> for Error {
    fn from(error: peer::Error) -> Self {
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
        matches!(self, Self::Objects(error) if matches!(**error, objects::Error::Missing))
    }

    fn problem(&self) -> Problem {
        use pixels::Error as P;
        let code = match self {
            Self::NotFound => codes::NOT_FOUND,
            Self::NoSuchFile => codes::NO_SUCH_FILE,
            Self::NotReady => codes::NOT_READY,
            Self::NotOwner => codes::NOT_OWNER,
            Self::SignInRequired => every_role::AUTH_REQUIRED,
            Self::Withheld => codes::WITHHELD,
            Self::BadQuery(_) => every_role::BAD_QUERY,
            Self::Invalid(_) => every_role::INVALID,
            Self::RangeNotSatisfiable(_) => codes::RANGE_NOT_SATISFIABLE,
            Self::PreconditionFailed => codes::PRECONDITION_FAILED,
            Self::TooManyDownloads => codes::TOO_MANY_DOWNLOADS,
            Self::Busy | Self::Image(P::Interrupted) => codes::BUSY,
            Self::TooCostly => codes::IMAGE_TOO_COSTLY,
            Self::Image(P::Unsupported) => codes::IMAGE_UNSUPPORTED,
            Self::Image(P::TooManyPixels { .. } | P::TooMuchMemory { .. }) => codes::IMAGE_TOO_LARGE,
            Self::Image(P::Truncated) => codes::IMAGE_TRUNCATED,
            Self::Image(P::Damaged(_)) => codes::IMAGE_DAMAGED,
            Self::Rejected(rejection) => return rejection.0.clone(),
            // A full store, a row whose bytes are missing, an unresponsive peer: nothing that a client could change.
            Self::Peer(error) => {
                tracing::warn!(%error, "a peer did not respond");
                return Problem::unavailable(
                    "A part of the server does not respond. Try again shortly.",
                    Duration::from_secs(2),
                );
            }
            Self::Objects(error) => return Problem::of_engine(&**error),
            Self::Db(error) => return Problem::of_engine(&**error),
            Self::Image(P::Encode(_)) | Self::TaskFailed => return Problem::fault(self),
        };
        let problem = Problem::of(code, self.to_string());
        match self {
            Self::NotReady => problem.retry_after(Duration::from_secs(1)),
            Self::Busy => problem.retry_after(Duration::from_secs(3)),
            Self::TooManyDownloads => problem.retry_after(Duration::from_secs(10)),
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
