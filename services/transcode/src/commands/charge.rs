//! Charges a member for a task.

use super::lanes;
use crate::fair_queue::{self, Claimed};
use crate::state::Worker;
use crate::store;

/// Charges the owner of a task for the difference between its actual and its estimated cost, if it is worth that.
pub(crate) async fn charge(worker: &Worker, claimed: &Claimed, took_ms: u64) -> Result<(), db::Error> {
    let Some(more_ms) = fair_queue::cost_difference(claimed, took_ms) else { return Ok(()) };
    let member_queue = claimed.member_queue;
    worker.context.db.write(lanes::fair_queue(), async move |tx| store::add_cost(tx, member_queue, more_ms).await).await
}
