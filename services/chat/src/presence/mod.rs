//! Presence: who is connected to any process of this role, and how the processes tell each other.
//!
//! Does not own who sees whom (`model/presence.rs`, `queries/presence.rs`), nor the rows of when members were online
//! last (`store/last_seen.rs`). Invariant: a message that is lost is made good: what a process says it says again at
//! its next beat, and what it does not repeat ends by itself.

pub(crate) mod messages;
pub(crate) mod sharing;
pub(crate) mod table;
