//! From a ticket on the bus to a task with a permit, or to waiting a little, or to nothing.
//!
//! Invariant: a ticket that is given back has bound no task, and it was looked for one for at least [`CLAIM_TIMEOUT`], so given-back tickets don't spin.

use std::time::Duration;

use kit::bus::Failure;
use tokio::time::Instant;

use super::Worker;
use super::permits::Permit;
use crate::error::Error;
use crate::model::{Queue, Ticket};
use crate::store;
use crate::fair_queue::{self, Claim, Claimed};

/// A ticket whose tasks are all of members at their limit is kept here for so long: meanwhile another member's task may come. Then it is given
/// back, so that a process with free permits gets it.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(5);
/// Another process may have made a task ready: it says so to nobody but the database.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

impl Worker {
    /// The task that a ticket is for, with its permit; `None` if no task waits.
    pub(super) async fn claim(&self, queue: Queue, named: &Ticket, id: &str) -> Result<Option<(Claimed, Permit)>, Failure> {
        let until = Instant::now() + CLAIM_TIMEOUT;
        loop {
            let changed = self.permits.changed();
            match self.try_claim(queue, named, id).await? {
                (Claim::Task(claimed), Some(permit)) => return Ok(Some((claimed, permit))),
                (Claim::AtLimit, _) => {}
                _ => return Ok(None),
            }
            tokio::pin!(changed);
            loop {
                if Instant::now() >= until || self.context.tasks.is_stopping() {
                    return Err(Failure::Later(Duration::ZERO));
                }
                tokio::select! {
                    () = &mut changed => break,
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                    () = self.context.tasks.stopping() => {}
                }
                if self.may_claim(queue).await? {
                    break;
                }
            }
        }
    }

    async fn try_claim(&self, queue: Queue, named: &Ticket, id: &str) -> Result<(Claim, Option<Permit>), Error> {
        let _gate = self.permits.gate(queue).await;
        let at_limit = self.permits.at_limit(queue, queue.member_limit(self.config.workers()));
        let (named, ticket, now) = (named.clone(), id.to_owned(), self.context.clock.now());
        let claim = self.context.db.write(move |tx| Box::pin(async move { fair_queue::claim(tx, queue, &ticket, &named, &at_limit, now).await })).await?;
        let permit = if let Claim::Task(claimed) = &claim { Some(self.permits.take(claimed.member_queue, &claimed.media)) } else { None };
        Ok((claim, permit))
    }

    /// Whether a look costs more than a read: a member waits that is not at its limit here.
    async fn may_claim(&self, queue: Queue) -> Result<bool, Error> {
        let at_limit = self.permits.at_limit(queue, queue.member_limit(self.config.workers()));
        let positions = store::list_positions(self.context.db.read(), queue, at_limit.len() + 1).await?;
        // Nobody waits at all any more: then the ticket is good for nothing.
        Ok(positions.is_empty() || positions.iter().any(|position| !at_limit.contains(&position.owner)))
    }
}
