//! The schema. Steps are only ever added.
//!
//! Invariant: sessions, known networks, mailed codes, sign-ins and second factors are removed with their account;
//! passwords, refresh tokens, known networks, mailed codes and recovery codes are stored as hashes only.

use db::Migration;

/// All migration steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_accounts.sql") },
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_known_networks.sql") },
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_ended_sessions.sql") },
    Migration { version: 4, min_compatible: 1, sql: include_str!("../migrations/0004_people.sql") },
    // `email` stays for the release before; `mail_address` takes its place (`store::addresses`).
    Migration { version: 5, min_compatible: 1, sql: include_str!("../migrations/0005_recovery.sql") },
    // An account of an earlier release, or of one that runs beside this one, has no skeleton until a job fills it in.
    Migration { version: 8, min_compatible: 1, sql: include_str!("../migrations/0008_handle_skeleton.sql") },
    Migration { version: 10, min_compatible: 1, sql: include_str!("../migrations/0010_factors.sql") },
    Migration { version: 11, min_compatible: 1, sql: include_str!("../migrations/0011_passkey_challenges.sql") },
    Migration { version: 12, min_compatible: 1, sql: include_str!("../migrations/0012_proofs.sql") },
];
