//! The schema of chat. Steps are only ever added.
//!
//! Invariant: a release of today works beside one that has the next step.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_conversations.sql") },
    // Who sees whether a member is online, and when they last were.
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_presence.sql") },
    // Copies of how sensitive the media of messages are. A release without it blurs what strangers send, and no more.
    Migration { version: 4, min_compatible: 1, sql: include_str!("../migrations/0004_sensitivity.sql") },
];
