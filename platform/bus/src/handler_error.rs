//! Why a handler failed, and whether the event is at fault.
//!
//! Owns the classification, not what follows from it (`consumer`). Invariant: an error that says that one of our
//! engines is unavailable never leads to a dead letter, however often and however long it occurs.

use std::time::Duration;

use base::error::{Transient, chain};

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

impl<E: Transient> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let reason = chain(&error);
        if error.is_transient() { Self::Unavailable(reason) } else { Self::Retry(reason) }
    }
}
