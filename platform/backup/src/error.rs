//! Why a backup or a restore fails, as sentences for the operator.
//!
//! Invariant: each says what to do next, and none has a secret.

use std::path::PathBuf;

use base::ObjectKey;
use base::config;
use service::BootError;

/// Why a backup, a restore or a verification fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names no repository.
    #[error("no place for backups is configured: set backup.folder, or backup.bucket for S3")]
    NoRepository,
    /// The configuration names no key.
    #[error(
        "no key for backups is configured: make one with `tutti backup key FILE`, and name the file with \
         backup.key_file or --key"
    )]
    NoKey,
    /// The key file can't be read.
    #[error("the key of the backups, {}, can't be used: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A recipient is not one.
    #[error("`{0}` in backup.recipients is no public key of age: it begins with age1")]
    Recipient(String),
    /// None of the keys opens a file of the repository.
    #[error("the key does not open this backup: it was made with another one. Name the right file with --key")]
    WrongKey,
    /// Something in the repository is not what was stored.
    #[error("{what} in the repository is damaged: {reason}. Run `tutti verify`, and restore another point")]
    Damaged {
        /// What it is.
        what: String,
        /// Why.
        reason: String,
    },
    /// There is no such recovery point.
    #[error("there is no recovery point {0}; `tutti list` prints those there are")]
    NoPoint(String),
    /// Another backup of the installation runs.
    #[error("another backup of this installation runs, or was killed less than five minutes ago: try again later")]
    Busy,
    /// The hold on removals ended while objects were copied.
    #[error("the databases did not respond for so long that objects may have been removed meanwhile: run it again")]
    HoldLost,
    /// No role has a database.
    #[error(
        "the database of {role} is not in {}: name the server's data folder with --data, or its configuration with \
         --config", data.display()
    )]
    NoDatabase {
        /// The role.
        role: &'static str,
        /// The data folder.
        data: PathBuf,
    },
    /// A role's schema is too old: removals of objects can't be held in it.
    #[error("the schema of {0} is older than this release needs: run `tutti migrate`")]
    Unmigrated(&'static str),
    /// The destination of a restore has something.
    #[error("{0} is not empty, and a restore never overwrites anything: name an empty place")]
    NotEmpty(String),
    /// The point's engine is not the destination's.
    #[error("this point is of {point}, and the configuration names {here}: restore it into the same engine")]
    OtherEngine {
        /// The point's engine.
        point: &'static str,
        /// The configuration's.
        here: &'static str,
    },
    /// The point has other schemas, or another number of databases.
    #[error("this point has the databases {point}, and the configuration names {here}: set db.url and db.schema alike")]
    OtherSchemas {
        /// The point's.
        point: String,
        /// The configuration's.
        here: String,
    },
    /// A restore that was interrupted went into other engines.
    #[error(
        "the restore into this folder began with other engines ({begun}) than the configuration names now ({here}): \
         continue it with the same ones, or name an empty folder with --data"
    )]
    OtherPlace {
        /// Those it began with.
        begun: String,
        /// The configuration's.
        here: String,
    },
    /// A program failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program.
        program: String,
        /// What it said.
        output: String,
    },
    /// An object can't be read or written.
    #[error("the object {key} can't be copied: {cause}")]
    Object {
        /// Its key.
        key: ObjectKey,
        /// The store's error.
        #[source]
        cause: objects::Error,
    },
    /// The repository failed.
    #[error("the repository of the backups: {0}")]
    Repository(#[source] objects::Error),
    /// A file can't be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// The copies of the databases would fill the disk, on which the server writes.
    #[error(
        "{} has {free_bytes} free bytes, and copies of the databases need {needed_bytes}: make room, as a full disk \
         stops the server", folder.display()
    )]
    NoRoom {
        /// The folder for the copies.
        folder: PathBuf,
        /// The free room.
        free_bytes: u64,
        /// The room that the copies need at most, and some for the server.
        needed_bytes: u64,
    },
    /// A thread that works on bytes ended early.
    #[error("the work on a file of the backup was interrupted: {0}")]
    Interrupted(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// The store of the installation failed.
    #[error("the store of the installation: {0}")]
    Objects(#[from] objects::Error),
    /// An engine can't be opened.
    #[error(transparent)]
    Boot(#[from] BootError),
}

impl Error {
    /// Returns an error about a file.
    pub(crate) fn file(path: &std::path::Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |cause| Self::File { path: path.to_owned(), cause }
    }

    /// Returns an error about something that is damaged.
    pub(crate) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), reason: reason.into() }
    }
}
