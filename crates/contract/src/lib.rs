//! The messages that services exchange: event payloads and the ids in them, one file per publisher.
//!
//! Owns data types only, no behaviour and no transport. Invariant: fields are only ever added, with
//! `#[serde(default)]`, because the previous and the next release read the same events.

pub mod accounts;
pub mod ids;
pub mod media;
mod string_enum;
pub mod transcode;

pub use ids::{AccountId, MediaId, ObjectKey};
pub use kit::bus::Event;
pub use string_enum::UnknownVariant;
