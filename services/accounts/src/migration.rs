//! The schema. Steps are only ever added.
//!
//! Invariant: sessions, known networks, mailed codes, sign-ins, second factors, sanctions, API keys and exports are
//! removed with their account; passwords, refresh tokens, API keys, known networks, mailed codes and recovery codes are
//! stored as hashes only; an entry of the audit trail is never changed or removed.

use db::Migration;

/// All migration steps, in order.
///
/// Their numbers must only grow, and a gap (9, 13 to 15, 17 to 19, 22, 23, 26, 27) is never filled later: a database
/// that has version 30 takes every smaller number for applied, so such a step would be missing there without an error.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_accounts.sql") },
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_known_networks.sql") },
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_ended_sessions.sql") },
    Migration { version: 4, min_compatible: 1, sql: include_str!("../migrations/0004_people.sql") },
    // `email` stays for the release before; `mail_address` takes its place (`store::addresses`).
    Migration { version: 5, min_compatible: 1, sql: include_str!("../migrations/0005_recovery.sql") },
    // A release that does not know suspensions would let a suspended member sign in.
    Migration { version: 6, min_compatible: 6, sql: include_str!("../migrations/0006_standing.sql") },
    Migration { version: 7, min_compatible: 6, sql: include_str!("../migrations/0007_account_rules.sql") },
    // An account of an earlier release, or of one that runs beside this one, has no skeleton until a job fills it in.
    Migration { version: 8, min_compatible: 6, sql: include_str!("../migrations/0008_handle_skeleton.sql") },
    // A release that does not know second factors would let a member who has one sign in without it.
    Migration { version: 10, min_compatible: 10, sql: include_str!("../migrations/0010_factors.sql") },
    Migration { version: 11, min_compatible: 10, sql: include_str!("../migrations/0011_passkey_challenges.sql") },
    Migration { version: 12, min_compatible: 10, sql: include_str!("../migrations/0012_proofs.sql") },
    Migration { version: 16, min_compatible: 10, sql: include_str!("../migrations/0016_api_keys.sql") },
    Migration { version: 20, min_compatible: 10, sql: include_str!("../migrations/0020_operators.sql") },
    // A release that does not know exports would leave the archive of an account that it erases.
    Migration { version: 21, min_compatible: 21, sql: include_str!("../migrations/0021_exports.sql") },
    Migration { version: 24, min_compatible: 21, sql: include_str!("../migrations/0024_team_keys.sql") },
    Migration { version: 25, min_compatible: 21, sql: include_str!("../migrations/0025_privacy_changed_at.sql") },
    Migration { version: 28, min_compatible: 21, sql: include_str!("../migrations/0028_flags.sql") },
    // Serves the list of operators: few accounts were given a role.
    Migration { version: 29, min_compatible: 21, sql: include_str!("../migrations/0029_account_with_roles.sql") },
    Migration { version: 30, min_compatible: 21, sql: include_str!("../migrations/0030_export_missing.sql") },
    Migration { version: 31, min_compatible: 21, sql: include_str!("../migrations/0031_used_challenges.sql") },
    Migration { version: 32, min_compatible: 21, sql: include_str!("../migrations/0032_verdicts.sql") },
    // An earlier release beside this one announces no end of a key that has expired: the job of this one does.
    Migration { version: 33, min_compatible: 21, sql: include_str!("../migrations/0033_api_key_ended.sql") },
];
