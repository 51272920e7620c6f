//! The errors of a conversion.
//!
//! Invariant: an [`Error::Rejected`] is caused by the file and reported to its owner; all other errors have other
//! causes, and the task is retried.

use std::io::ErrorKind;

use base::Transient;

use crate::ffmpeg::{ProcessError, rejection, stderr};
use crate::model::RejectReason;

/// Why a task was not completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be converted, and a retry would not help.
    #[error(transparent)]
    Rejected(#[from] RejectReason),
    /// The owner deleted the item, or the item has failed: the task is obsolete.
    #[error("the item is gone; the task is obsolete")]
    Gone,
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Bus(#[from] bus::Error),
    #[error(transparent)]
    Objects(#[from] objects::Error),
    #[error("the scratch folder could not be used; check that the data folder has space")]
    Scratch(#[source] std::io::Error),
    /// The space for local copies of originals was in use for too long.
    #[error("there is no space for a copy of the original: other tasks use all of it (transcode.max_staging_bytes)")]
    StagingFull,
    #[error(transparent)]
    Process(ProcessError),
    /// The header of a chunk differs from the other chunks': joined, they would not play.
    #[error(
        "the header of a chunk of {0} differs from those of the other chunks; was ffmpeg replaced during the \
         conversion?"
    )]
    HeadersDiffer(String),
    /// The chunk is so short that its header can only be compared once another chunk's is stored.
    #[error("the last chunk of {0} waits for the first one")]
    TooShortForHeader(String),
    /// A stored value cannot be parsed.
    #[error("the stored {0} of an item cannot be parsed")]
    Corrupt(&'static str),
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::Bus(error) => error.is_transient(),
            Self::Objects(error) => error.is_transient(),
            Self::Scratch(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            Self::StagingFull | Self::Process(ProcessError::DiskFull | ProcessError::NoMemory) => true,
            Self::Process(ProcessError::Exited { stderr, .. }) => stderr::is_disk_full(stderr),
            _ => false,
        }
    }
}

impl Error {
    /// Returns whether a child process lost its source in the middle, which says nothing about the file. Such errors
    /// are retried a limited number of times only, because a damaged file that makes the child read past its end looks
    /// the same.
    pub(crate) fn is_input_lost(&self) -> bool {
        match self {
            Self::Process(ProcessError::IncompleteInput(_)) => true,
            Self::Process(ProcessError::Exited { stderr, .. }) => stderr::is_input_lost(stderr),
            _ => false,
        }
    }
}

impl From<ProcessError> for Error {
    /// Blames the file for a child process's failure where its stderr says so.
    fn from(failure: ProcessError) -> Self {
        match (rejection::reject_reason(&failure), failure) {
            (Some(reason), failure) => {
                tracing::info!(%failure, code = reason.code(), "the converter rejected a file");
                Self::Rejected(reason)
            }
            (None, ProcessError::Cancelled) => Self::Gone,
            (None, failure) => Self::Process(failure),
        }
    }
}
