//! Why a handler failed, and whether the event is at fault.
//!
//! Owns the classification, not what follows from it (`consumer`). Invariant: an error that says that one of our
//! engines is unavailable never leads to a dead letter, however often and however long it occurs.

use std::time::Duration;

use super::Error;
use crate::{db, objects, peer};

/// Why a handler failed.
#[derive(Debug)]
pub enum HandlerError {
    /// An engine or a peer is unavailable, or a disk is full: deliver again, with growing pauses, for as long as it
    /// takes.
    Unavailable(String),
    /// Nothing failed, but other work goes first: deliver again after this pause. It does not count as an attempt and
    /// is not logged.
    Later(Duration),
    /// It may work later: deliver again with back-off, and dead-letter it after the last attempt.
    Retry(String),
    /// It will never work: dead-letter it now, with this reason.
    DeadLetter(String),
}

/// An error that an event handler may return, and that says whether it is transient.
pub trait Transient: std::error::Error {
    /// Whether something of ours is unavailable or full, so that it ends by itself or by an operator's action.
    fn is_transient(&self) -> bool;
}

impl<E: Transient> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let reason = error_chain(&error);
        if error.is_transient() { Self::Unavailable(reason) } else { Self::Retry(reason) }
    }
}

impl Transient for db::Error {
    fn is_transient(&self) -> bool {
        self.is_unavailable() || matches!(self, Self::Full(_))
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            other => other.is_unavailable(),
        }
    }
}

impl Transient for objects::Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Full | Self::Engine(_))
    }
}

impl Transient for peer::Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::NoInstance(..) | Self::NoResponse(..) | Self::DeadlineExceeded(_) => true,
            // Its own engines may be unavailable. An internal error (500) will happen again.
            Self::UnexpectedStatus(_, status) => matches!(status.as_u16(), 429 | 502 | 503 | 504 | 507),
            Self::UnknownRole(_) | Self::RequestBodyTimeout(_) | Self::RequestBodyFailed(..) => false,
        }
    }
}

/// Returns an error and its sources as one line.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
