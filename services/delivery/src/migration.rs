//! The schema of delivery. Steps are only added, never changed.
//!
//! Invariant: no foreign keys exist between facts of different publishers, because their events arrive in any order.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_facts_and_images.sql") },
    // A release that records keys in the old table must not run beside one that does not read that table.
    Migration { version: 2, min_compatible: 2, sql: include_str!("../migrations/0002_orphans.sql") },
    // A release that writes to `gone` must not run beside one that reads `tombstone`.
    Migration { version: 3, min_compatible: 3, sql: include_str!("../migrations/0003_tombstone.sql") },
    // A release that does not know the trash would serve what is in it.
    Migration { version: 4, min_compatible: 4, sql: include_str!("../migrations/0004_trash.sql") },
    // A release without captions that handles a change would lose those that it announces.
    Migration { version: 5, min_compatible: 5, sql: include_str!("../migrations/0005_captions.sql") },
    // A release that does not know suspensions would serve the items of suspended members.
    Migration { version: 6, min_compatible: 6, sql: include_str!("../migrations/0006_member_standing.sql") },
];
