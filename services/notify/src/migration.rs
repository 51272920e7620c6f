//! The schema of notify. Steps are only ever added.
//!
//! Invariant: a release of today works beside one that has the next step.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_known.sql") },
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_history.sql") },
    Migration { version: 14, min_compatible: 1, sql: include_str!("../migrations/0014_unread.sql") },
    Migration { version: 15, min_compatible: 1, sql: include_str!("../migrations/0015_device.sql") },
    Migration { version: 16, min_compatible: 1, sql: include_str!("../migrations/0016_push.sql") },
    Migration { version: 17, min_compatible: 1, sql: include_str!("../migrations/0017_provider_token.sql") },
    Migration { version: 18, min_compatible: 1, sql: include_str!("../migrations/0018_mail.sql") },
    Migration { version: 19, min_compatible: 1, sql: include_str!("../migrations/0019_reminder.sql") },
    Migration { version: 20, min_compatible: 1, sql: include_str!("../migrations/0020_announcement.sql") },
    Migration { version: 22, min_compatible: 1, sql: include_str!("../migrations/0022_push_shown.sql") },
    Migration { version: 23, min_compatible: 1, sql: include_str!("../migrations/0023_relation_until.sql") },
    Migration { version: 24, min_compatible: 1, sql: include_str!("../migrations/0024_device_session.sql") },
    Migration { version: 25, min_compatible: 1, sql: include_str!("../migrations/0025_post_audience.sql") },
];
