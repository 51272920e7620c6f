//! Errors of the bus.
//!
//! Invariant: after [`Error::Unavailable`] the operation may have happened or not: publishing and acknowledging again
//! must be harmless.

use base::Transient;

/// The cause, as the engine reported it.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error of the bus.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database under the embedded log, or a service's outbox, failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// The engine can't be reached, is too busy or has no room; it may have done what was asked.
    #[error("the event bus did not respond; try again shortly")]
    Unavailable(#[source] Source),
    /// The engine will never accept this: it is too large, or not allowed.
    #[error("the event bus refused an event: {0}")]
    Refused(String),
    /// The configuration of the bus is wrong.
    #[error("the event bus can't be set up: {0}")]
    Options(String),
}

impl Error {
    /// Whether the error is transient, so that trying again later makes sense.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Db(error) => error.is_unavailable(),
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::Options(_) => false,
        }
    }

    /// Returns [`Error::Unavailable`] with its cause.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
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
