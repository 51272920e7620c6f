//! Why a transfer fails, as sentences for the operator.
//!
//! Invariant: each says what to do next, and the same command finishes whatever was left half done.

use std::path::PathBuf;

use base::config;
use service::BootError;

/// Why a transfer fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is not a data folder.
    #[error(
        "{} is no data folder of Tutti's: it has no `bus.db` and no `objects/`. Name one with --data.",
        .0.display()
    )]
    NotADataFolder(PathBuf),
    /// The configuration doesn't name all of the destination.
    #[error(
        "the configuration doesn't name the whole destination: it lacks {0}. A move needs all of db.url, bus.servers, \
         objects.bucket and secrets.url_signing_key_file."
    )]
    NoDestination(String),
    /// The destination has rows from elsewhere.
    #[error(
        "the {service} schema of the destination already holds data that did not come from this folder (table \
         `{table}`). Name an empty database with db.url, or other schemas with db.schema."
    )]
    Occupied {
        /// The service whose schema it is.
        service: String,
        /// A table that is not empty.
        table: String,
    },
    /// The two sides have different schemas.
    #[error(
        "the {service} schema of the destination is not the folder's: the table `{table}` differs. Move with the \
         release that both know, then update."
    )]
    Schema {
        /// The service whose schema it is.
        service: String,
        /// The table.
        table: String,
    },
    /// A column has a type that migrations don't use.
    #[error("the column `{0}` has a type that this release can't move")]
    Column(String),
    /// The database refused a page of rows.
    #[error("rows of {table} after number {after} could not be stored")]
    Rows {
        /// The table.
        table: String,
        /// The last row that was stored.
        after: i64,
        /// The database's error.
        #[source]
        cause: db::Error,
    },
    /// An object could not be read or stored.
    #[error("the object {key} could not be moved")]
    Object {
        /// Its key.
        key: String,
        /// The store's error.
        #[source]
        cause: objects::Error,
    },
    /// An object read back from the destination has other bytes.
    #[error(
        "the object {0} came back from the destination with other bytes. Check the store, then run the same command \
         again."
    )]
    Corrupted(String),
    /// The keys that sign URLs differ.
    #[error(
        "secrets.url_signing_key_file {} holds another key than {}: every signed URL would end. Remove it, and the \
         move writes the right one.",
        destination.display(), source_file.display()
    )]
    DifferentKey {
        /// The destination's file.
        destination: PathBuf,
        /// The folder's file.
        source_file: PathBuf,
    },
    /// The key that signs URLs can't be read or written.
    #[error("the key that signs URLs, {}, can't be read or written: {cause}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// A store failed.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// An engine can't be opened, or a server still runs on the folder.
    #[error(transparent)]
    Boot(#[from] BootError),
}
