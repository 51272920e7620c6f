//! What the processes tell each other about presence, on one topic of the broadcast.
//!
//! Invariant: a message can come twice, late or not at all; what matters is said again at the next beat.

use bus::Bus;
use contract::AccountId;
use serde::{Deserialize, Serialize};

/// The broadcast topic.
pub(super) const TOPIC: &str = "chat.presence";
/// The most members of one message: 40 KB.
const MAX_MEMBERS: usize = 1_000;

/// What has become of a member's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PresenceChange {
    /// They are online.
    Online,
    /// They are away.
    Away,
    /// It may be seen by others than before: read it again.
    Unknown,
}

/// A message, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Message {
    /// A process has started and knows of no one.
    Ask,
    /// These members are connected to a process.
    Here {
        /// The name of the process.
        process: String,
        /// The members.
        members: Vec<AccountId>,
    },
    /// The presence of a member has changed for these others.
    Changed {
        /// The member.
        member: AccountId,
        /// What has become of it.
        change: PresenceChange,
        /// Who is told.
        viewers: Vec<AccountId>,
    },
}

impl Message {
    /// Returns the message of a payload; `None` for one of another release.
    pub(super) fn read(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

/// Publishes a message to all processes, this one too.
pub(super) fn publish(bus: &Bus, message: &Message) {
    match serde_json::to_string(message) {
        Ok(text) => bus.broadcast().publish(TOPIC, &text),
        Err(error) => tracing::error!(%error, "a message about presence can't be written"),
    }
}

/// Publishes that these members are connected to a process. Without members, it says that the process runs.
pub(super) fn publish_here(bus: &Bus, process: &str, members: &[AccountId]) {
    let here = |members: &[AccountId]| Message::Here { process: process.to_owned(), members: members.to_vec() };
    if members.is_empty() {
        publish(bus, &here(&[]));
    }
    for chunk in members.chunks(MAX_MEMBERS) {
        publish(bus, &here(chunk));
    }
}

/// Publishes that the presence of a member has changed for these others. A member among them reads that of all others
/// again.
pub(crate) fn publish_change(bus: &Bus, member: AccountId, change: PresenceChange, viewers: &[AccountId]) {
    if !viewers.is_empty() {
        publish(bus, &Message::Changed { member, change, viewers: viewers.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_message_comes_back_and_one_of_another_release_is_passed_over() {
        let [one, other] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        for message in [
            Message::Ask,
            Message::Here { process: "a".to_owned(), members: vec![one, other] },
            Message::Changed { member: one, change: PresenceChange::Away, viewers: vec![other] },
        ] {
            assert_eq!(Message::read(&serde_json::to_string(&message).unwrap()), Some(message));
        }
        assert_eq!(Message::read(r#"{"kind":"of_tomorrow"}"#), None);
    }
}
