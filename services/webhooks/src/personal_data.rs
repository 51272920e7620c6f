//! What this role keeps about members: deliveries that name an account, for as long as the log is kept. Their payloads
//! have what other roles keep, so it adds no file to an export.
//!
//! Invariant: a table with something about a member that no other role has needs a file here.

use service::personal_data::{KeptData, TableData};

/// Why the log of deliveries is in no export.
const LOG: TableData = TableData::NotExported("The log of what was sent to the site's own servers, for 30 days.");

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[],
    tables: &[
        ("webhook", TableData::NotExported("The installation's; of an operator it has the id alone.")),
        ("webhook_delivery", LOG),
        ("webhook_attempt", LOG),
        ("erased_account", TableData::NotExported("Ids of accounts that were erased, for 30 days.")),
    ],
};
