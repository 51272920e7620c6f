//! What services say to each other: event payloads and the ids inside them, one file per publisher.
//!
//! Owns shapes only, no behaviour and no transport. Invariant: a field is only ever added, with
//! `#[serde(default)]`, because the release before and the release after read the same events.

pub mod accounts;
pub mod ids;
pub mod media;
pub mod transcode;
mod string_enum;

pub use ids::{AccountId, MediaId, ObjectKey};
pub use kit::bus::Event;
pub use string_enum::UnknownVariant;
