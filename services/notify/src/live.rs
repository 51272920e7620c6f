//! The broadcast on which every process hears whose notices have changed.
//!
//! One topic for all members, so that a fan-out costs an update for a chunk of them; a process passes it on to those
//! who are connected to it. Invariant: an update is published after the commit of what it tells, so that a reader who
//! has it sees the change.

use bus::Bus;
use contract::AccountId;
use uuid::Uuid;

/// The broadcast topic.
pub(crate) const TOPIC: &str = "notify.changed";
/// Members of one update.
const MAX_MEMBERS: usize = 400;

/// Publishes that notices of members were added, marked or removed.
pub(crate) fn publish(bus: &Bus, members: &[AccountId]) {
    for chunk in members.chunks(MAX_MEMBERS) {
        bus.broadcast().publish(TOPIC, &payload(chunk));
    }
}

/// The payload that concerns every member. It is no id.
pub(crate) const EVERYBODY: &str = "*";

/// Publishes that the lists of all members may have changed.
pub(crate) fn publish_all(bus: &Bus) {
    bus.broadcast().publish(TOPIC, EVERYBODY);
}

fn payload(members: &[AccountId]) -> String {
    members.iter().map(|member| member.0.simple().to_string()).collect::<Vec<_>>().join(",")
}

/// Returns the members of an update.
pub(crate) fn members_of(payload: &str) -> impl Iterator<Item = AccountId> {
    payload.split(',').filter_map(|id| Uuid::parse_str(id).ok()).map(AccountId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back() {
        let members = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        assert!(members_of(&payload(&members)).eq(members));
        assert_eq!(members_of("").chain(members_of(EVERYBODY)).count(), 0);
    }
}
