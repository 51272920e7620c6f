//! The SQL of this role.
//!
//! Invariant: what is read for a member has the window of that member in its `where`, so that a member who has left
//! reads nothing newer.

use screening_store::Home;

use crate::model::ROLE;

pub(crate) mod blocks;
pub(crate) mod changes;
pub(crate) mod conversations;
pub(crate) mod erasure;
pub(crate) mod expiry;
pub(crate) mod last_seen;
pub(crate) mod media;
pub(crate) mod members;
pub(crate) mod messages;
pub(crate) mod people;
#[cfg(test)]
mod query_plans;
pub(crate) mod reactions;
pub(crate) mod reports;
pub(crate) mod sending;
pub(crate) mod settings;
mod values;

/// Where verdicts keep what they need.
pub(crate) static VERDICTS: Home = Home {
    role: ROLE,
    sender: "chat_sender",
    text: "first_text",
    domain: "chat_domain",
    verdict: "chat_verdict",
    place: "conversation",
    object: "message",
};
