//! What can go wrong while converting.
//!
//! Invariant: a [`Error::Rejected`] is the file's fault and is told to its owner; everything else is ours and is tried again.

use std::io::ErrorKind;

use kit::bus::MayBeAway;

use crate::ffmpeg::{ProcessError, stderr};
use crate::model::RejectReason;

/// Why a piece of work was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file can't be converted and never will be.
    #[error(transparent)]
    Rejected(#[from] RejectReason),
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
    #[error("there is no room for a copy of the original: others need all of it (transcode.max_staging_bytes)")]
    StagingFull,
    #[error(transparent)]
    Process(ProcessError),
    /// A chunk's header differs from the other chunks': joined, they would not play.
    #[error("the header of a chunk of {0} differs from the others'; was ffmpeg changed while an item was converted?")]
    HeadersDiffer(String),
    /// The chunk is so short that its header can only be judged beside another chunk's.
    #[error("the last chunk of {0} waits for the first one")]
    TooShortForHeader(String),
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
            Self::StagingFull | Self::Process(ProcessError::DiskFull | ProcessError::NoMemory) => true,
            Self::Process(ProcessError::Exited { stderr, .. }) => stderr::is_disk_full(stderr),
            _ => false,
        }
    }
}

impl Error {
    /// Whether a child lost its source in the middle, which says nothing about the file. Not for ever, though: a damaged file that makes
    /// the child ask for bytes behind its end looks the same.
    pub(crate) fn is_input_lost(&self) -> bool {
        match self {
            Self::Process(ProcessError::IncompleteInput(_)) => true,
            Self::Process(ProcessError::Exited { stderr, .. }) => stderr::is_input_lost(stderr),
            _ => false,
        }
    }
}

impl From<ProcessError> for Error {
    /// A child's failure is the file's fault where its complaint says so.
    fn from(failure: ProcessError) -> Self {
        match (stderr::reject_reason(&failure), failure) {
            (Some(reason), failure) => {
                tracing::info!(%failure, code = reason.code(), "a file was refused by the converter");
                Self::Rejected(reason)
            }
            (None, ProcessError::Cancelled) => Self::Gone,
            (None, failure) => Self::Process(failure),
        }
    }
}
