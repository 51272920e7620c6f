//! The broadcast on which every process hears in which conversations something has changed, and who is typing.
//!
//! One topic for all members: a process passes an update on to those who are connected to it. Invariant: an update of a
//! change is published after its commit, so that a reader who has it sees the change; who is typing is stored nowhere.

use bus::Bus;
use contract::AccountId;
use uuid::Uuid;

/// The broadcast topic.
pub(crate) const TOPIC: &str = "chat.changed";
/// What a payload begins with that says who is typing.
const TYPING: char = '~';

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// A conversation has changes.
    Changed {
        /// The conversation.
        conversation: Uuid,
    },
    /// A member is typing.
    Typing {
        /// Where.
        conversation: Uuid,
        /// Who.
        member: AccountId,
    },
}

/// Publishes that something has changed in a conversation that these members take part in.
pub(crate) fn publish(bus: &Bus, conversation: Uuid, members: &[AccountId]) {
    publish_update(bus, Update::Changed { conversation }, members);
}

/// Publishes an update to these members.
pub(crate) fn publish_update(bus: &Bus, update: Update, members: &[AccountId]) {
    if !members.is_empty() {
        bus.broadcast().publish(TOPIC, &payload(update, members));
    }
}

fn payload(update: Update, members: &[AccountId]) -> String {
    let mut ids = match update {
        Update::Changed { conversation } => vec![conversation.simple().to_string()],
        Update::Typing { conversation, member } => {
            vec![format!("{TYPING}{}", conversation.simple()), member.0.simple().to_string()]
        }
    };
    ids.extend(members.iter().map(|member| member.0.simple().to_string()));
    ids.join(",")
}

/// Returns the update of a payload and its members; `None` for what is none.
pub(crate) fn read(payload: &str) -> Option<(Update, Vec<AccountId>)> {
    let typing = payload.strip_prefix(TYPING);
    let mut ids = typing.unwrap_or(payload).split(',').map(Uuid::parse_str);
    let conversation = ids.next()?.ok()?;
    let update = match typing {
        Some(_) => Update::Typing { conversation, member: AccountId(ids.next()?.ok()?) },
        None => Update::Changed { conversation },
    };
    Some((update, ids.filter_map(Result::ok).map(AccountId).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_comes_back() {
        let (conversation, members) = (Uuid::from_u128(9), [1, 2].map(|number| AccountId(Uuid::from_u128(number))));
        for update in [Update::Changed { conversation }, Update::Typing { conversation, member: members[1] }] {
            assert_eq!(read(&payload(update, &members)), Some((update, members.to_vec())));
        }
        assert_eq!((read("*"), read("~")), (None, None));
    }
}
