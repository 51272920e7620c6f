//! Recovery points: what an installation consists of, at one moment, in a repository that proves itself.
//!
//! Owns what goes into a point, how it is stored, how long it stays, and how it comes back; knows databases, objects
//! and files, no domain ([decision 57](../../../docs/decisions/0057-recovery-points.md)). Invariant: a point that is
//! listed holds everything that was acknowledged before it began, and every file of it was read back and compared.

mod batches;
mod check_objects;
mod copy_objects;
mod create;
mod error;
mod hold;
mod installation;
mod keys;
mod manifest;
mod named_objects;
mod options;
mod other_files;
mod postgres;
mod prune;
mod rate_limit;
mod repository;
mod restore;
mod retention;
mod sealed;
mod sqlite;
mod verify;

pub use check_objects::{CheckedObjects, check_objects};
pub use create::{create, remove_old};
pub use error::Error;
pub use installation::Installation;
pub use keys::Keys;
pub use manifest::{DatabaseFile, Engine, Manifest, ObjectTotals, OtherFile, SealedFile};
pub use options::BackupOptions;
pub use prune::Pruned;
pub use repository::Repository;
pub use restore::{refuse_incomplete, restore, restore_files_only, roll_back};
pub use retention::Retention;
pub use verify::{Depth, Verified, verify};
