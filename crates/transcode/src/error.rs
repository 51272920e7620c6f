//! What can go wrong while converting.
//!
//! Invariant: a [`Error::Refused`] is the file's fault and is told to its owner; everything else is ours and is tried again.

use std::io::ErrorKind;

use kit::bus::MayBeAway;

use crate::ffmpeg::{Failure, reason};
use crate::model::Refusal;

/// Why a piece of work was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file can't be converted and never will be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its owner erased the item, or it has failed: nobody wants this piece any more.
    #[error("the item is gone; nothing is left to do")]
    Gone,
    #[error(transparent)]
    Db(#[from] kit::db::Error),
    #[error(transparent)]
    Bus(#[from] kit::bus::Error),
    #[error(transparent)]
    Objects(#[from] kit::objects::Error),
    #[error("the scratch folder could not be used; check that the data folder has space")]
    Scratch(#[source] std::io::Error),
    /// All room for copies of originals was in use for too long.
    #[error("there is no room for a copy of the original: others need all of it (transcode.staging_bytes)")]
    NoRoom,
    #[error(transparent)]
    Child(Failure),
    /// A part's header differs from the other parts': joined, they would not play.
    #[error("the header of a part of {0} differs from the others'; was ffmpeg changed while an item was converted?")]
    HeadersDiffer(String),
    /// The part is so short that its header can only be judged beside another part's.
    #[error("the last part of {0} waits for the first one")]
    TooShortToLead(String),
    /// A stored value can't be read back.
    #[error("the stored {0} of an item is not readable")]
    Corrupt(&'static str),
}

impl MayBeAway for Error {
    fn is_away(&self) -> bool {
        match self {
            Self::Db(error) => error.is_away(),
            Self::Bus(error) => error.is_away(),
            Self::Objects(error) => error.is_away(),
            Self::Scratch(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            Self::NoRoom | Self::Child(Failure::Full | Failure::NoShare) => true,
            Self::Child(Failure::Ended { complaint, .. }) => reason::is_full(complaint),
            _ => false,
        }
    }
}

impl Error {
    /// Whether a child lost its source in the middle, which says nothing about the file. Not for ever, though: a damaged file that makes
    /// the child ask for bytes behind its end looks the same.
    pub(crate) fn is_broken_off(&self) -> bool {
        match self {
            Self::Child(Failure::CutOff(_)) => true,
            Self::Child(Failure::Ended { complaint, .. }) => reason::is_away(complaint),
            _ => false,
        }
    }
}

impl From<Failure> for Error {
    /// A child's failure is the file's fault where its complaint says so.
    fn from(failure: Failure) -> Self {
        match (reason::of(&failure), failure) {
            (Some(refusal), failure) => {
                tracing::info!(%failure, code = refusal.code(), "a file was refused by the converter");
                Self::Refused(refusal)
            }
            (None, Failure::Cancelled) => Self::Gone,
            (None, failure) => Self::Child(failure),
        }
    }
}
