//! Claims a task for a ticket.

use contract::AccountId;

use super::lanes;
use crate::error::Error;
use crate::fair_queue::{self, Claim};
use crate::model::{Queue, Ticket};
use crate::state::Worker;

/// Claims the task of `queue` that is next, to run under the ticket `id`. Members in `at_limit` get none.
pub(crate) async fn claim(
    worker: &Worker,
    queue: Queue,
    id: &str,
    named: &Ticket,
    at_limit: Vec<AccountId>,
) -> Result<Claim, Error> {
    let (id, named, now) = (id.to_owned(), named.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::fair_queue(), async move |tx| fair_queue::claim(tx, queue, &id, &named, &at_limit, now).await)
        .await
}
