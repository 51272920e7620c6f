//! The schema of social. Steps are only ever added.
//!
//! Every account has a small number in this database, and rows about relations have numbers and seconds in place of ids
//! and times: a follow takes some 90 bytes with its indexes on SQLite (decision 41). Invariant: a release of today
//! works beside one that has the next step.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_people.sql") },
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_relations.sql") },
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_posts.sql") },
    // A release that does not know threads would show their parts to whoever may see the author's posts.
    Migration { version: 4, min_compatible: 4, sql: include_str!("../migrations/0004_threads.sql") },
    Migration { version: 6, min_compatible: 4, sql: include_str!("../migrations/0006_feeds.sql") },
    Migration { version: 8, min_compatible: 4, sql: include_str!("../migrations/0008_comments.sql") },
    Migration { version: 9, min_compatible: 4, sql: include_str!("../migrations/0009_reactions.sql") },
    Migration { version: 10, min_compatible: 4, sql: include_str!("../migrations/0010_reports.sql") },
    Migration { version: 11, min_compatible: 4, sql: include_str!("../migrations/0011_greetings.sql") },
    Migration { version: 12, min_compatible: 4, sql: include_str!("../migrations/0012_decisions.sql") },
    Migration { version: 13, min_compatible: 4, sql: include_str!("../migrations/0013_removals.sql") },
    Migration { version: 14, min_compatible: 4, sql: include_str!("../migrations/0014_songs.sql") },
    // A release that does not know the count of public posts would leave it as it is.
    Migration { version: 16, min_compatible: 16, sql: include_str!("../migrations/0016_public_counts.sql") },
    // A release that does not know which posts are counted would count and leave others.
    Migration { version: 18, min_compatible: 18, sql: include_str!("../migrations/0018_counted_posts.sql") },
    // A release that does not know held comments would show them to the author of the post, as ones to approve.
    Migration { version: 19, min_compatible: 18, sql: include_str!("../migrations/0019_verdicts.sql") },
    // Copies of how sensitive the media of posts and greetings are. A release without it shows them as before.
    Migration { version: 20, min_compatible: 18, sql: include_str!("../migrations/0020_sensitivity.sql") },
];
