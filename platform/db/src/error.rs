//! Errors of the database, classified by what the caller can do about them.
//!
//! Invariant: [`Error::Unavailable`] and [`Error::OutcomeUnknown`] are transient; everything else will happen again.

use base::{EngineError, Transient};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// An error of the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused the statement, or failed.
    #[error("the database refused the statement")]
    Engine(#[source] DbErr),
    /// The engine can't be reached, or did not respond in time. If that was during a commit, the write may have been
    /// made.
    #[error("the database does not respond; try again shortly")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk is full.
    #[error("the database's disk is full; try again later")]
    Full(#[source] DbErr),
    /// A stored value could not be read back.
    #[error("a stored value of {0} is not readable")]
    Corrupt(&'static str),
    /// The process is stopping and accepts no more writes.
    #[error("the server is shutting down; try again shortly")]
    Closed,
    /// The write was aborted. If that was during its commit, it may have been made.
    #[error("the write was aborted, and its outcome is unknown; try again shortly")]
    OutcomeUnknown,
    /// Another process changed what this write depends on (a stale fencing token, a newer version).
    #[error("another process was faster; read again and retry")]
    Conflict,
    /// A migration could not be applied.
    #[error("the database schema of {service} is version {found}, and this release can't work with it: {hint}")]
    Schema {
        /// The service whose database it is.
        service: String,
        /// The version that it has.
        found: i64,
        /// What to do.
        hint: String,
    },
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match kind(&error) {
            ErrorKind::Unavailable => Self::Unavailable(error.into()),
            ErrorKind::Full => Self::Full(error),
            ErrorKind::Other => Self::Engine(error),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Error {
    fn from(late: tokio::time::error::Elapsed) -> Self {
        Self::Unavailable(late.into())
    }
}

impl Error {
    /// Whether a unique key was violated: the row exists already.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Engine(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))))
    }

    /// Whether the engine aborted the transaction for others' sake: it succeeds when it runs again.
    pub(super) fn is_rerunnable(&self) -> bool {
        matches!(self, Self::Engine(error) if is_rerunnable(error))
    }

    /// Whether the error is transient, so that trying again later makes sense.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Closed | Self::OutcomeUnknown)
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        self.is_unavailable() || matches!(self, Self::Full(_))
    }
}

impl EngineError for Error {
    fn full(&self) -> Option<&'static str> {
        matches!(self, Self::Full(_)).then_some("a database's disk is full")
    }

    fn is_stopping(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// Whether the engine aborted the transaction for others' sake, so that it succeeds when it runs again: a deadlock
/// (40P01) or a serialization failure (40001).
pub(super) fn is_rerunnable(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error else {
        return false;
    };
    let sea_orm::sqlx::Error::Database(refused) = &**cause else { return false };
    matches!(refused.code().as_deref(), Some("40P01" | "40001"))
}

/// Whether the connection was lost, rather than the database unavailable or the statement refused.
pub(super) fn is_broken(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    match &**cause {
        sea_orm::sqlx::Error::Io(_) => true,
        // "Terminating connection due to administrator command" is what a restart leaves in idle connections.
        sea_orm::sqlx::Error::Database(refused) => {
            matches!(refused.code().as_deref(), Some("57P01" | "57P02" | "08006"))
        }
        _ => false,
    }
}

enum ErrorKind {
    Unavailable,
    Full,
    Other,
}

fn kind(error: &DbErr) -> ErrorKind {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return if matches!(error, DbErr::ConnectionAcquire(_)) { ErrorKind::Unavailable } else { ErrorKind::Other };
    };
    let RuntimeErr::SqlxError(cause) = cause else { return ErrorKind::Other };
    match &**cause {
        // A proxy whose server is unavailable accepts the connection and closes it, which reads as an unexpected
        // response to the first message.
        sea_orm::sqlx::Error::Protocol(_) if matches!(error, DbErr::Conn(_)) => ErrorKind::Unavailable,
        sea_orm::sqlx::Error::Io(_)
        | sea_orm::sqlx::Error::PoolTimedOut
        | sea_orm::sqlx::Error::PoolClosed
        | sea_orm::sqlx::Error::WorkerCrashed => ErrorKind::Unavailable,
        sea_orm::sqlx::Error::Database(refused) => refused.code().map_or(ErrorKind::Other, |code| kind_of_code(&code)),
        _ => ErrorKind::Other,
    }
}

/// Classifies PostgreSQL's SQLSTATE (appendix A of its manual), or SQLite's result code, of which the lower byte is the
/// primary one.
fn kind_of_code(code: &str) -> ErrorKind {
    match code {
        // Connection exceptions, too many connections, lock not available, cancelled by a timeout, shutting down,
        // starting up.
        "08000" | "08003" | "08006" | "53300" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03"
        | "25P04" => ErrorKind::Unavailable,
        "53100" => ErrorKind::Full,
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            // SQLITE_FULL.
            Ok(13) if code.len() < 5 => ErrorKind::Full,
            // SQLITE_BUSY: another process (a backup, an operator's command) held the file for longer than we wait.
            Ok(5) if code.len() < 5 => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_closed_during_its_handshake_is_transient() {
        let strange = || {
            RuntimeErr::SqlxError(std::sync::Arc::new(sea_orm::sqlx::Error::Protocol(
                "unexpected response from SSLRequest: 0x00".into(),
            )))
        };
        assert!(Error::from(DbErr::Conn(strange())).is_unavailable());
        assert!(!Error::from(DbErr::Query(strange())).is_unavailable());
    }
}
