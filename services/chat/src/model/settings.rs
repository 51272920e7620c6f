//! What a member wants of messages.
//!
//! Invariant: who has set nothing receives requests of strangers and sends receipts.

/// The settings of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether people whom the member does not follow may write, into the box of requests.
    pub allows_strangers: bool,
    /// Whether others are told what the member has read.
    pub sends_receipts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allows_strangers: true, sends_receipts: true }
    }
}
