//! The schema of media. Steps are only added, never changed.
//!
//! Invariant: every object that exists is named by an item or an unfinished upload, or its key is in the platform's
//! table `orphan_object`. So a crash leaks no object.

use db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, min_compatible: 1, sql: include_str!("../migrations/0001_initial.sql") },
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_closed_accounts.sql") },
    // The bytes that open uploads have reserved are summed for every item that a member sends. The index serves that
    // sum without reading the table.
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_upload_room.sql") },
    // `item_facets` serves each combination of kind, state and visibility in its order. `item_term` holds the items of
    // each search term. A job fills it; `indexed_version` tells which items the job has yet to index.
    Migration { version: 4, min_compatible: 1, sql: include_str!("../migrations/0004_search_terms.sql") },
    // A release that records keys in the old tables must not run beside one that does not read those tables.
    Migration { version: 5, min_compatible: 5, sql: include_str!("../migrations/0005_orphan_objects.sql") },
    // The name of the column now has its unit. A release that uses the old name must not run beside this one.
    Migration { version: 6, min_compatible: 6, sql: include_str!("../migrations/0006_term_time_unit.sql") },
    // A release without albums that removes an item leaves its rows in `album_item`; every read of them joins `item`.
    Migration { version: 7, min_compatible: 6, sql: include_str!("../migrations/0007_albums.sql") },
    // Each item is in one list, of which one is the trash. Those of earlier releases are in the library, and a job puts
    // the few that belong elsewhere into their lists. A release that does not know the lists would show what is in the
    // trash.
    Migration { version: 8, min_compatible: 8, sql: include_str!("../migrations/0008_trash.sql") },
    // A release without captions must not run beside this one: it would leave those of the items that it removes.
    Migration { version: 9, min_compatible: 9, sql: include_str!("../migrations/0009_captions.sql") },
    // A release without links leaves those of the items that it removes, which then open nothing.
    Migration { version: 10, min_compatible: 9, sql: include_str!("../migrations/0010_share_links.sql") },
    // The order by the time taken has indexes of an expression, so no row is written. A folder on which a build before
    // the first release has run has a column for it; no release reads that column, and such a build must not come back.
    Migration { version: 11, min_compatible: 11, sql: include_str!("../migrations/0011_taken_order.sql") },
    // A release without these texts leaves them as they are, and shows the public items of private members.
    Migration {
        version: 12,
        min_compatible: 11,
        sql: include_str!("../migrations/0012_texts_and_private_members.sql"),
    },
    // A release that does not know suspensions would show the items of suspended members.
    Migration { version: 13, min_compatible: 13, sql: include_str!("../migrations/0013_member_standing.sql") },
    // How often an operator had an item converted again. The lists of operators: the items of a member, whatever list
    // they are in, and those of all members that failed.
    Migration { version: 14, min_compatible: 13, sql: include_str!("../migrations/0014_operators.sql") },
    // Serves the export of a member's data, which visits all items of an owner by their ids.
    Migration { version: 16, min_compatible: 13, sql: include_str!("../migrations/0016_personal_data.sql") },
    // Which photos the night shift has examined, and the originals that it has replaced and still keeps. A release
    // without it leaves the replaced originals of the items that it removes until this one removes them.
    Migration { version: 17, min_compatible: 13, sql: include_str!("../migrations/0017_night_shift.sql") },
    // What moderators have refused for everyone. A release without it accepts such files.
    Migration { version: 18, min_compatible: 13, sql: include_str!("../migrations/0018_blocked_media.sql") },
    // Hashes of pictures, the list of those that may not be shared, and what is withheld since it is like one of them.
    // A release without it compares nothing, and opens links to what is withheld.
    Migration { version: 19, min_compatible: 13, sql: include_str!("../migrations/0019_known_pictures.sql") },
    // What a classifier has scored, and what owners and moderators have marked. A release without it blurs nothing.
    Migration { version: 21, min_compatible: 13, sql: include_str!("../migrations/0021_sensitivity.sql") },
];
