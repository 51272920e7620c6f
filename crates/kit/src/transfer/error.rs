//! Why a move can't be made, as sentences for the operator.
//!
//! Invariant: each says what to do next, and none of them leaves anything half done that the same command would not finish.

use std::path::PathBuf;

use crate::service::BootError;
use crate::{config, db, objects};

/// Why a move can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is none of ours.
    #[error("{} is no data folder of Tutti's: it has no `bus.db` and no `objects/`. Name one with --data.", .0.display())]
    NotADataFolder(PathBuf),
    /// The configuration doesn't name all of the goal.
    #[error("the configuration doesn't say where to: it lacks {0}. A move needs all of db.url, bus.servers, objects.bucket and secrets.addresses_key_file.")]
    NoDestination(String),
    /// The goal has rows that came from elsewhere.
    #[error(
        "the {service} schema of the goal already holds data that did not come from this folder (table `{table}`). Name an empty database with db.url, or other schemas with db.schema."
    )]
    Occupied {
        /// Whose schema.
        service: String,
        /// A table that is not empty.
        table: String,
    },
    /// The two sides have different schemas.
    #[error("the {service} schema of the goal is not the folder's: the table `{table}` differs. Move with the release that both know, then update.")]
    Schema {
        /// Whose schema.
        service: String,
        /// The table.
        table: String,
    },
    /// A column's type is none that migrations are written in.
    #[error("the column `{0}` has a type that this release can't move")]
    Column(String),
    /// A page of rows was refused.
    #[error("rows of {table} after number {after} could not be stored")]
    Rows {
        /// The table.
        table: String,
        /// The last row that was.
        after: i64,
        /// What the database said.
        #[source]
        cause: db::Error,
    },
    /// An object could not be read or stored.
    #[error("the object {key} could not be moved")]
    Object {
        /// Its key.
        key: String,
        /// What the store said.
        #[source]
        cause: objects::Error,
    },
    /// An object came back from the goal with other bytes.
    #[error("the object {0} came back from the goal with other bytes. Look after the store, then give the same command again.")]
    Corrupted(String),
    /// The keys that sign addresses differ.
    #[error(
        "secrets.addresses_key_file {} holds another key than {}: every signed address would end. Remove it, and the move writes the right one.",
        destination.display(), source_file.display()
    )]
    DifferentKey {
        /// The goal's file.
        destination: PathBuf,
        /// The folder's.
        source_file: PathBuf,
    },
    /// A key can't be read or written.
    #[error("the key that signs addresses, {}, can't be read or written: {cause}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
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
