//! How many processes of each role a fleet has.
//!
//! Invariant: every role of the product has at least one process.

/// The number of processes of each role.
#[derive(Debug, Clone)]
pub struct Topology(Vec<(&'static str, usize)>);

impl Topology {
    /// The roles, in the order of the binary's own table.
    pub const ROLES: [&'static str; 10] =
        ["accounts", "media", "transcode", "delivery", "social", "moderation", "webhooks", "notify", "chat", "gateway"];

    /// Returns one process per role.
    pub fn one_of_each() -> Self {
        Self(Self::ROLES.map(|role| (role, 1)).to_vec())
    }

    /// Returns the fleet of `make fleet`: two of gateway, media and delivery, three of transcode, one of accounts,
    /// social, moderation, webhooks, notify and chat.
    pub fn standard() -> Self {
        Self::one_of_each().with("gateway", 2).with("media", 2).with("transcode", 3).with("delivery", 2)
    }

    /// Sets the number of a role's processes.
    #[must_use]
    pub fn with(mut self, role: &str, processes: usize) -> Self {
        for entry in self.0.iter_mut().filter(|entry| entry.0 == role) {
            entry.1 = processes;
        }
        self
    }

    /// Returns the processes as role and number, from 1.
    pub(super) fn processes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().flat_map(|&(role, processes)| (1..=processes).map(move |number| (role, number)))
    }
}
