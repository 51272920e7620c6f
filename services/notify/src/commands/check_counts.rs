//! Comparing the counts of all members with their notices, and reporting those that differ.
//!
//! Invariant: it changes nothing, so that what is wrong can be looked at.

use crate::check::compare;
use crate::error::Error;
use crate::state::Notify;

/// Differences that are logged one by one; all of them are counted.
const MAX_LOGGED: usize = 20;

/// Counts and logs the counts that differ.
pub(crate) async fn check_counts(notify: &Notify) -> Result<(), Error> {
    let (_, drifts) = compare(&*notify.history).await?;
    notify.metrics.drifts.inc_by(drifts.len() as u64);
    for drift in drifts.iter().take(MAX_LOGGED) {
        tracing::error!(
            member = %drift.member,
            what = drift.what,
            stored = drift.stored,
            rows = drift.rows,
            "a count of notices is wrong"
        );
    }
    Ok(())
}
