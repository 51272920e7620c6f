//! Reads that need more than one store call: conversations, messages, changes and presence as a
//! member sees them.
//!
//! Invariant: every read takes its reader, and returns nothing outside of the reader's window.

pub(crate) mod changes;
pub(crate) mod conversations;
pub(crate) mod messages;
pub(crate) mod presence;
