//! Why a delivery was not taken, and whether the event is to blame.
//!
//! Owns the verdict, not what follows from it (`consume`). Invariant: an error that says an engine of ours is away never leads to a dead
//! letter, however often and however long it is met.

use std::time::Duration;

use super::Error;
use crate::{db, objects, peer};

/// Why a delivery was not taken.
#[derive(Debug)]
pub enum HandlerError {
    /// An engine or a neighbour is away, or a disk is full: deliver again, with growing pauses, for as long as it takes.
    Unavailable(String),
    /// Nothing failed, but others go first: deliver again after this pause. It counts as no attempt and is no news for the log.
    Later(Duration),
    /// It may work later: deliver again, with back-off, and bury it after the last attempt.
    Retry(String),
    /// It never will: bury it now, with this reason.
    DeadLetter(String),
}

/// An error that a handler of events may return: it knows whether the event had any part in it.
pub trait Transient: std::error::Error {
    /// Whether something of ours is away or full, so that it passes by itself or by what an operator does.
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
            Self::Missing(..) | Self::Silent(..) | Self::Late(_) => true,
            // Its own engines may be away; what it did not foresee (500) will happen again.
            Self::Refused(_, status) => matches!(status.as_u16(), 429 | 502 | 503 | 504 | 507),
            Self::Unknown(_) | Self::Slow(_) | Self::Sender(..) => false,
        }
    }
}

/// An error and what it stems from, as one line.
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
