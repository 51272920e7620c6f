//! Forgets a member whose account was erased.
//!
//! Does not own the removal of their items: `media` deletes them one by one. Invariant: the member's turns are removed
//! after the last of those items, whose deletion would write them again.

use contract::AccountId;

use super::lanes;
use crate::error::Error;
use crate::model::Queue;
use crate::state::Worker;
use crate::store;

/// Removes the member's turns in all queues. Returns `false`, and removes nothing, while items of the member are left,
/// unless `at_once`.
pub(crate) async fn forget_member(worker: &Worker, member: AccountId, at_once: bool) -> Result<bool, Error> {
    worker
        .context
        .db
        .write(lanes::fair_queue(), async move |tx| {
            if !at_once && !store::list_jobs_by_owner(tx, member, "", 1).await?.is_empty() {
                return Ok(false);
            }
            for queue in Queue::ALL {
                store::remove_member(tx, queue, member).await?;
            }
            Ok(true)
        })
        .await
}
