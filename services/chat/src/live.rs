//! The broadcast on which every process hears in which conversations something has changed.
//!
//! One topic for all members: a process passes an update on to those who are connected to it. Invariant: an update is
//! published after the commit of what it tells, so that a reader who has it sees the change.

use bus::Bus;
use contract::AccountId;
use uuid::Uuid;

/// The broadcast topic.
pub(crate) const TOPIC: &str = "chat.changed";

/// Publishes that something has changed in a conversation that these members take part in.
pub(crate) fn publish(bus: &Bus, conversation: Uuid, members: &[AccountId]) {
    if !members.is_empty() {
        bus.broadcast().publish(TOPIC, &payload(conversation, members));
    }
}

fn payload(conversation: Uuid, members: &[AccountId]) -> String {
    let mut ids = vec![conversation.simple().to_string()];
    ids.extend(members.iter().map(|member| member.0.simple().to_string()));
    ids.join(",")
}

/// Returns the conversation and the members of an update; `None` for what is none.
pub(crate) fn read(payload: &str) -> Option<(Uuid, Vec<AccountId>)> {
    let mut ids = payload.split(',').map(Uuid::parse_str);
    let conversation = ids.next()?.ok()?;
    Some((conversation, ids.filter_map(Result::ok).map(AccountId).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_comes_back() {
        let (conversation, members) = (Uuid::from_u128(9), [1, 2].map(|number| AccountId(Uuid::from_u128(number))));
        assert_eq!(read(&payload(conversation, &members)), Some((conversation, members.to_vec())));
        assert_eq!(read("*"), None);
    }
}
