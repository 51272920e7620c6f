//! Turns a ticket on the bus into a task with a permit, a short wait, or nothing.
//!
//! Invariant: a ticket that is returned to the bus has bound no task, and was held for at least [`CLAIM_TIMEOUT`], so
//! returned tickets do not spin. No task begins while conversions are turned off.

use std::time::Duration;

use base::tasks::Tasks;
use bus::HandlerError;
use prometheus_client::metrics::gauge::Gauge;
use service::{Flag, Flags};
use tokio::time::Instant;

use super::permits::Permit;
use crate::commands;
use crate::error::Error;
use crate::fair_queue::{Claim, Claimed};
use crate::model::{Queue, Ticket};
use crate::state::Worker;
use crate::store;

/// How long a ticket is held here while all ready tasks belong to members at their limit: meanwhile another member's
/// task may become ready. Then it is returned, so that a process with free permits gets it.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a ticket is held here while conversions are turned off, so that the tickets that wait do not spin.
const TURNED_OFF_TIMEOUT: Duration = Duration::from_secs(30);
/// Another process may have made a task ready, which only the database shows.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A ticket that is counted for as long as it is held.
struct HeldTicket(Gauge);

impl HeldTicket {
    fn new(held: &Gauge) -> Self {
        held.inc();
        Self(held.clone())
    }
}

impl Drop for HeldTicket {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Waits while operators have turned conversions off. After a while the ticket is returned, so that the bus sees that
/// this process lives.
pub(super) async fn wait_until_turned_on(worker: &Worker) -> Result<(), HandlerError> {
    hold_while_off(&worker.context.flags, &worker.context.tasks, &worker.metrics.held).await
}

async fn hold_while_off(flags: &Flags, tasks: &Tasks, held: &Gauge) -> Result<(), HandlerError> {
    if flags.is_on(Flag::Conversions) {
        return Ok(());
    }
    let (_counted, until) = (HeldTicket::new(held), Instant::now() + TURNED_OFF_TIMEOUT);
    while !flags.is_on(Flag::Conversions) {
        if Instant::now() >= until || !tasks.sleep(POLL_INTERVAL).await {
            return Err(HandlerError::Later(Duration::ZERO));
        }
    }
    Ok(())
}

/// Returns the task for a ticket, with its permit; `None` if no task is ready.
pub(super) async fn claim(
    worker: &Worker,
    queue: Queue,
    named: &Ticket,
    id: &str,
) -> Result<Option<(Claimed, Permit)>, HandlerError> {
    let until = Instant::now() + CLAIM_TIMEOUT;
    loop {
        let changed = worker.permits.changed();
        match try_claim(worker, queue, named, id).await? {
            (Claim::Task(claimed), Some(permit)) => return Ok(Some((claimed, permit))),
            (Claim::AtLimit, _) => {}
            _ => return Ok(None),
        }
        tokio::pin!(changed);
        loop {
            if Instant::now() >= until || worker.context.tasks.is_stopping() {
                return Err(HandlerError::Later(Duration::ZERO));
            }
            tokio::select! {
                () = &mut changed => break,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = worker.context.tasks.stopping() => {}
            }
            if may_claim(worker, queue).await? {
                break;
            }
        }
    }
}

async fn try_claim(worker: &Worker, queue: Queue, named: &Ticket, id: &str) -> Result<(Claim, Option<Permit>), Error> {
    let _gate = worker.permits.gate(queue).await;
    let at_limit = worker.permits.at_limit(queue, queue.member_limit(worker.config.workers()));
    let claim = commands::claim(worker, queue, id, named, at_limit).await?;
    let permit = if let Claim::Task(claimed) = &claim {
        Some(worker.permits.take(claimed.member_queue, &claimed.media))
    } else {
        None
    };
    Ok((claim, permit))
}

/// Returns whether a claim is worth a transaction: a member waits that is not at its limit here.
async fn may_claim(worker: &Worker, queue: Queue) -> Result<bool, Error> {
    let at_limit = worker.permits.at_limit(queue, queue.member_limit(worker.config.workers()));
    let positions = store::list_positions(worker.context.db.read(), queue, at_limit.len() + 1).await?;
    // No member waits at all any more: then the ticket is obsolete.
    Ok(positions.is_empty() || positions.iter().any(|position| !at_limit.contains(&position.owner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::pin::pin;

    use service::FlagsState;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_held_while_conversions_are_off_and_returned_after_half_a_minute() {
        let (flags, tasks, held) = (Flags::default(), Tasks::default(), Gauge::default());
        hold_while_off(&flags, &tasks, &held).await.unwrap();
        flags.apply(&FlagsState { off: vec![Flag::Conversions.name().to_owned()], epoch: 0 });
        let began = Instant::now();
        let returned = hold_while_off(&flags, &tasks, &held).await;
        assert!(matches!(returned, Err(HandlerError::Later(pause)) if pause.is_zero()));
        assert!(began.elapsed() >= TURNED_OFF_TIMEOUT && held.get() == 0, "{:?}", began.elapsed());

        let mut waiting = pin!(hold_while_off(&flags, &tasks, &held));
        let almost = TURNED_OFF_TIMEOUT.saturating_sub(2 * POLL_INTERVAL);
        assert!(tokio::time::timeout(almost, waiting.as_mut()).await.is_err(), "it was not held");
        assert_eq!(held.get(), 1);
        flags.apply(&FlagsState::default());
        waiting.await.unwrap();
        assert_eq!(held.get(), 0);
    }
}
