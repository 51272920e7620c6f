//! The schema of webhooks. Steps are only ever added.
//!
//! Invariant: a release of today works beside one that has the next step.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_first.sql") },
    // The request that made a webhook, so that it can be repeated.
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_request_key.sql") },
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_erased_account.sql") },
];
