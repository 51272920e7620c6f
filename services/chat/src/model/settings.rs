//! What a member wants of messages.
//!
//! Invariant: who has set nothing receives requests of strangers, sends receipts and is seen by those with whom
//! they share a conversation.

use super::presence::PresenceAudience;

/// The settings of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether people whom the member does not follow may write, into the box of requests.
    pub allows_strangers: bool,
    /// Whether others are told what the member has read.
    pub sends_receipts: bool,
    /// Who sees whether the member is online.
    pub presence: PresenceAudience,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allows_strangers: true, sends_receipts: true, presence: PresenceAudience::Everyone }
    }
}
