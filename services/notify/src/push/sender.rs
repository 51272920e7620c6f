//! The tasks that send what is due, one for each provider.
//!
//! A task leases pushes in small batches, and each batch is sent by a task of its own, so that a server that hangs
//! delays the others as little as possible; no request waits for the record of another one. Owns the loop. Does not own
//! what is said (`prepare.rs`). Invariant: a process has at most [`MAX_REQUESTS`] requests to a provider; while a
//! provider's breaker is open, nothing is leased for it.

use std::sync::Arc;
use std::time::Duration;

use base::error::chain;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

use super::outcome::Outcome;
use super::prepare::{Prepared, prepare};
use super::{Content, MAX_REQUESTS, Message, Provider};
use crate::commands::{self, Settled};
use crate::error::Error;
use crate::model::{DeviceKind, MAX_RETRY_AFTER, Permit, pause_after};
use crate::state::Notify;
use crate::store::devices::Device;
use crate::store::pushes;
use crate::store::pushes::LeasedPush;

/// Pushes that are leased at once, and sent at once.
const BATCH: usize = 128;
/// Pushes that are leased to find out whether a provider works again.
const PROBE: usize = 1;
/// Batches of a provider that are sent at once.
const MAX_BATCHES: usize = MAX_REQUESTS / BATCH;
/// The pause between two records of a batch: what comes meanwhile shares a transaction.
const RECORD_PAUSE: Duration = Duration::from_millis(20);
/// The table is polled even without a notification: another process may have recorded, or a retry may be due.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The pause after the database was unavailable.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// How often what waits is counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a request may take once the process is stopping.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Starts the tasks.
pub(crate) fn start(notify: &Notify) {
    for kind in DeviceKind::ALL {
        let Some(provider) = notify.push.providers.get(&kind).cloned() else { continue };
        let sender = Sender { notify: notify.clone(), kind, provider };
        notify.context.tasks.spawn(async move { sender.run().await });
    }
    let counter = notify.clone();
    notify.context.tasks.spawn(async move { count(&counter).await });
}

/// Counts what waits, again and again.
async fn count(notify: &Notify) {
    let limit = usize::try_from(notify.config.push_max_waiting).unwrap_or(usize::MAX);
    loop {
        let mut waiting = 0;
        for kind in DeviceKind::ALL {
            match pushes::count_waiting(notify.context.db.read(), kind, limit).await {
                Ok(count) => waiting += count,
                Err(error) => tracing::warn!(error = chain(&error), "what waits was not counted"),
            }
        }
        notify.push.set_waiting(waiting);
        notify.metrics.pushes_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        if !notify.context.tasks.sleep(COUNT_INTERVAL).await {
            return;
        }
    }
}

/// What sends to one provider.
#[derive(Clone)]
struct Sender {
    notify: Notify,
    kind: DeviceKind,
    provider: Arc<dyn Provider>,
}

/// A batch that this process sends.
struct Batch {
    lease: Uuid,
    pushes: Vec<LeasedPush>,
    _permit: OwnedSemaphorePermit,
}

impl Sender {
    async fn run(&self) {
        let (tasks, permits) = (&self.notify.context.tasks, Arc::new(Semaphore::new(MAX_BATCHES)));
        while !tasks.is_stopping() {
            let permit = tokio::select! {
                permit = permits.clone().acquire_owned() => permit,
                () = tasks.stopping() => return,
            };
            // It is never closed.
            let Ok(permit) = permit else { return };
            let limit = self.limit();
            let pause = match self.lease(limit).await {
                Ok((lease, pushes)) if !pushes.is_empty() => {
                    let (sender, batch) = (self.clone(), Batch { lease, pushes, _permit: permit });
                    if limit == PROBE {
                        // Its result decides whether there is a next one.
                        sender.send_batch(batch).await;
                    } else {
                        tasks.spawn(async move { sender.send_batch(batch).await });
                    }
                    continue;
                }
                Ok(_) => POLL_INTERVAL,
                Err(error) => {
                    tracing::warn!(provider = self.kind.as_str(), error = chain(&error), "pushes wait");
                    RETRY_INTERVAL
                }
            };
            drop(permit);
            tokio::select! {
                () = self.notify.push.recorded.notified() => {}
                _ = tasks.sleep(pause) => {}
            }
        }
    }

    /// Returns how many pushes the provider can take now.
    fn limit(&self) -> usize {
        let now = self.notify.context.clock.now();
        // The servers of Web Push have breakers of their own, and this name has none.
        match self.notify.push.breakers.permit(self.kind.as_str(), now) {
            Permit::Normal => BATCH,
            Permit::Probe => PROBE,
            Permit::Wait(_) => 0,
        }
    }

    async fn lease(&self, limit: usize) -> Result<(Uuid, Vec<LeasedPush>), Error> {
        if limit == 0 {
            return Ok((Uuid::nil(), Vec::new()));
        }
        commands::lease_pushes(&self.notify, self.kind, limit).await
    }

    async fn send_batch(&self, batch: Batch) {
        if let Err(error) = self.send_all(&batch).await {
            tracing::warn!(provider = self.kind.as_str(), error = chain(&error), "leased pushes wait for their lease");
        }
    }

    /// Sends the pushes of a batch, and records what came of them as soon as it is known.
    async fn send_all(&self, batch: &Batch) -> Result<(), Error> {
        let prepared = prepare(&self.notify, &batch.pushes).await?;
        // It has room for all of them, so that none waits for a record.
        let (sent, settled) = mpsc::channel(prepared.len().max(1));
        let requests = prepared.into_iter().map(|(push, prepared)| {
            let (sender, sent) = (self.clone(), sent.clone());
            async move {
                // What is left out was not over when the process stopped; its lease ends by itself.
                if let Some(settled) = sender.settle(&push, prepared).await {
                    // Fails only if the record of an earlier one has failed, which ends the batch.
                    let _ = sent.send((push.id, settled)).await;
                }
            }
        });
        let requests: Vec<_> = requests.collect();
        drop(sent);
        let send = async {
            stream::iter(requests).for_each_concurrent(BATCH, |request| request).await;
            Ok::<_, Error>(())
        };
        tokio::try_join!(send, self.record(batch.lease, settled)).map(drop)
    }

    /// Records what came of the pushes of a lease until nothing more comes.
    async fn record(&self, lease: Uuid, mut settled: mpsc::Receiver<(Uuid, Settled)>) -> Result<(), Error> {
        let mut known = Vec::with_capacity(BATCH);
        while settled.recv_many(&mut known, BATCH).await > 0 {
            commands::settle_pushes(&self.notify, self.kind, lease, std::mem::take(&mut known)).await?;
            tokio::time::sleep(RECORD_PAUSE).await;
        }
        Ok(())
    }

    /// Sends a push if it is still needed. `None` if the process stops before it is known what came of it.
    async fn settle(&self, push: &LeasedPush, prepared: Prepared) -> Option<Settled> {
        match prepared {
            Prepared::Skipped => {
                self.notify.metrics.pushes_skipped.inc();
                Some(Settled::Done)
            }
            Prepared::Expired => {
                self.notify.metrics.pushes_expired.inc();
                Some(Settled::Done)
            }
            Prepared::Ready(device, message) => self.send(push, &device, &message).await,
        }
    }

    async fn send(&self, push: &LeasedPush, device: &Device, message: &Message) -> Option<Settled> {
        let (context, breakers) = (&self.notify.context, &self.notify.push.breakers);
        let (began, server) = (context.clock.now(), self.provider.server(&device.address));
        if let Permit::Wait(until) = breakers.acquire(&server, began) {
            return Some(Settled::Waits { due_at: until, attempts: push.attempts });
        }
        let grace = async {
            context.tasks.stopping().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        let outcome = tokio::select! {
            outcome = self.provider.send(&device.address, message) => outcome,
            () = grace => return None,
        };
        breakers.record(&server, outcome, context.clock.now());
        Some(self.follow(push, device, message, (outcome, began)))
    }

    /// Returns what follows from the outcome of a push that was sent at `began`.
    fn follow(
        &self,
        push: &LeasedPush,
        device: &Device,
        message: &Message,
        (outcome, began): (Outcome, DateTime<Utc>),
    ) -> Settled {
        let (context, metrics) = (&self.notify.context, &self.notify.metrics);
        match outcome {
            Outcome::Accepted => {
                metrics.pushes_sent.inc();
                let can_be_withdrawn = self.kind != DeviceKind::Webpush;
                let is_shown = matches!(message.content, Content::Show { .. }) && can_be_withdrawn;
                if is_shown { Settled::Shown } else { Settled::Done }
            }
            Outcome::Gone(since) => {
                Settled::Dead { device: device.id, at: since.map_or(began, |since| since.min(began)) }
            }
            Outcome::Refused(reason) => {
                tracing::warn!(provider = self.kind.as_str(), reason, "a push was refused");
                metrics.pushes_refused.inc();
                Settled::Done
            }
            Outcome::Failed { reason, retry_after, .. } => {
                tracing::debug!(provider = self.kind.as_str(), reason, "a push failed");
                metrics.pushes_failed.inc();
                let (attempts, now) = (push.attempts.saturating_add(1), context.clock.now());
                let pause = pause_after(attempts, context.random.fraction());
                let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
                Settled::Waits { due_at: now + pause.max(asked), attempts }
            }
        }
    }
}
