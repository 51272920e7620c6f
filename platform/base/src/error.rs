//! What errors of different crates have in common.
//!
//! Invariant: each error type says beside itself whether it is transient; no caller guesses.

use std::error::Error;

/// An error that says whether it is transient.
pub trait Transient: Error {
    /// Whether something of ours is unavailable or full, so that it ends by itself or by an operator's action.
    fn is_transient(&self) -> bool;
}

/// An error of an engine: of a database or a store.
pub trait EngineError: Transient {
    /// What is full, as a sentence without its full stop; `None` if nothing is.
    fn full(&self) -> Option<&'static str>;
    /// Whether this process is stopping, so that another one will serve the next request.
    fn is_stopping(&self) -> bool {
        false
    }
}

/// Returns an error and its sources as one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
