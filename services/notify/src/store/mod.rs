//! The SQL of this role: what it knows of others, settings, work, and the history on SQLite and PostgreSQL.
//!
//! Times are microseconds since 1970. Invariant: every list has an index that serves it (`query_plans.rs`).

pub(crate) mod announcements;
pub(crate) mod dates;
pub(crate) mod devices;
pub(crate) mod ended_sessions;
pub(crate) mod erasure;
pub(crate) mod fan_outs;
pub(crate) mod history;
pub(crate) mod known;
pub(crate) mod mails;
pub(crate) mod media;
pub(crate) mod people;
pub(crate) mod post_audiences;
pub(crate) mod provider_tokens;
pub(crate) mod push_expiry;
#[cfg(test)]
mod push_plans;
pub(crate) mod pushes;
#[cfg(test)]
mod query_plans;
pub(crate) mod relations;
pub(crate) mod reminders;
pub(crate) mod removed;
pub(crate) mod settings;
mod values;
