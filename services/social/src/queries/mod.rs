//! Reads that need more than one store call: posts and people as a reader sees them.
//!
//! Invariant: every read takes its reader, and returns nothing that [`crate::model::may_see`] refuses.

pub(crate) mod comments;
pub(crate) mod contacts;
pub(crate) mod feeds;
pub(crate) mod greetings;
mod merge;
pub(crate) mod openings;
pub(crate) mod people;
pub(crate) mod posts;
pub(crate) mod programme;
pub(crate) mod reactions;
pub(crate) mod removals;
pub(crate) mod reports;
pub(crate) mod songs;
pub(crate) mod threads;
