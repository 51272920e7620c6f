//! What can go wrong at the bus.
//!
//! Invariant: [`Error::Unavailable`] says nothing about whether it happened: publishing and answering again must be harmless.

use crate::db;

/// Whatever the engine below said.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong at the bus.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database under the embedded log, or a service's outbox.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// The engine can't be reached, is too busy or has no room; it may have done what was asked.
    #[error("the event bus did not answer; try again shortly")]
    Unavailable(#[source] Source),
    /// The engine will never take this: too large, or not allowed.
    #[error("the event bus refused it: {0}")]
    Refused(String),
    /// The configuration of the bus is wrong.
    #[error("the event bus can't be set up: {0}")]
    Options(String),
}

impl Error {
    /// Whether it passes by itself, so that trying again later makes sense.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Db(error) => error.is_unavailable(),
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::Options(_) => false,
        }
    }

    pub(super) fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable(source.into())
    }
}
