//! Sends tickets that the bus lacks.

use db::schedule::Run;

use super::lanes;
use crate::error::Error;
use crate::fair_queue;
use crate::model::Queue;
use crate::state::Worker;
use crate::store;

/// The tickets that are sent at once for ready tasks while the bus holds none: as many as a fleet has permits; more
/// follow.
const MAX_TICKETS: u32 = 100;
/// The idle members that are removed at once.
const MAX_MEMBERS: u32 = 500;

/// Sends tickets for tasks that are ready although the bus holds nothing for them (a worker whose own task was gone may
/// have used theirs), and removes idle members whose virtual time has passed.
pub(crate) async fn send_missing_tickets(worker: &Worker, run: Run, queue: Queue) -> Result<(), Error> {
    let now = worker.context.clock.now();
    worker
        .context
        .db
        .write(lanes::fair_queue(), async move |tx| {
            run.fence(tx).await?;
            for (media, task) in store::list_ready(tx, queue, MAX_TICKETS).await? {
                fair_queue::publish_ticket(tx, queue, &media, task, now)?;
            }
            store::remove_idle_members(tx, queue, MAX_MEMBERS).await?;
            Ok(())
        })
        .await
}
