//! What this role keeps about members: copies of what other roles keep, and images made of originals. So it adds no
//! file to an export.
//!
//! Invariant: a table with something about a member that no other role has needs a file here.

use service::personal_data::{KeptData, TableData};

/// Why what is made of an original is in no export.
const MADE: TableData = TableData::NotExported("Made of the originals, which the archive has.");

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[],
    tables: &[
        ("item", TableData::NotExported("A copy of what media/items.json has.")),
        ("tombstone", TableData::NotExported("The ids of deleted items, for some days.")),
        ("rendition", MADE),
        ("segment", MADE),
        ("asset", MADE),
        ("image", MADE),
        ("member_standing", TableData::NotExported("A copy of the standing that account.json has.")),
    ],
};
