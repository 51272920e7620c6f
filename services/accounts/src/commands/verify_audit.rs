//! Verifying the audit trail: a walk along its chain of hashes.
//!
//! Invariant: it reads only, and holds a page of entries at a time.

use db::Db;

use crate::error::Error;
use crate::model::ChainCheck;
use crate::store;

/// Entries per page.
const PAGE_ENTRIES: i64 = 1_000;

/// What is found in the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many entries are as they were written, from the first one on.
    pub entries: i64,
    /// The hash of the last of these; `None` if there is none.
    pub head: Option<String>,
    /// The number of the first entry that does not follow from the one before it.
    pub broken: Option<i64>,
    /// Whether the hash that the trail should contain is not in it.
    pub is_missing: bool,
}

/// Verifies the audit trail, and that it contains the entry with the hash `known`: without that, entries that were
/// removed at the end of the trail are not noticed.
pub async fn verify_audit(db: &Db, known: Option<&str>) -> Result<AuditReport, Error> {
    let (sql, mut check, mut broken) = (db.read(), ChainCheck::new(), None);
    // An entry that was put in before the first one is found as well.
    let mut next = i64::MIN;
    loop {
        let page = store::audit::list_from(sql, next, PAGE_ENTRIES).await?;
        broken = broken.or(page.iter().find(|entry| !check.accept(entry)).map(|_| check.number + 1));
        if broken.is_some() || page.len() < PAGE_ENTRIES as usize {
            break;
        }
        next = check.number + 1;
    }
    let is_missing = match known {
        Some(known) => !store::audit::has_hash(sql, &known.to_ascii_lowercase()).await?,
        None => false,
    };
    let head = (check.number > 0).then_some(check.hash);
    Ok(AuditReport { entries: check.number, head, broken, is_missing })
}
