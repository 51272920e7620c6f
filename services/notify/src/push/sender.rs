//! The tasks that send what is due, one for each provider.
//!
//! A task leases pushes in small batches, and each batch is sent by a task of its own; no request waits for the record
//! of another one. What goes to a server of which it is not known that it answers is sent beside the batches, one push
//! first (`servers.rs`), so that one that hangs holds none of them. Owns the loop. Does not own what is said
//! (`prepare.rs`). Invariant: a process has at most [`MAX_REQUESTS`] requests of batches to a provider; while a
//! provider's breaker is open, nothing is leased for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base::error::chain;
use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
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
/// The most time that a server of Web Push which has answered before has within a batch. After that it has to prove
/// itself again, where a request has its full time.
const PROVEN_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause of pushes to a server that is on trial, or has failed its trial. As much again is added at random.
const TRIAL_PAUSE: TimeDelta = TimeDelta::seconds(2);
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

/// Pushes, and what is done with each.
type PreparedPushes = Vec<(LeasedPush, Prepared)>;

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
        let sent = match prepare(&self.notify, &batch.pushes).await {
            Ok(prepared) => {
                let (usual, unproven) = self.divide(prepared);
                for (server, pushes) in unproven {
                    let (sender, lease) = (self.clone(), batch.lease);
                    let trial = async move { sender.report(sender.try_server(lease, &server, pushes).await) };
                    self.notify.context.tasks.spawn(trial);
                }
                self.send_all(batch.lease, usual, true).await
            }
            Err(error) => Err(error),
        };
        self.report(sent);
    }

    fn report(&self, sent: Result<(), Error>) {
        if let Err(error) = sent {
            tracing::warn!(provider = self.kind.as_str(), error = chain(&error), "leased pushes wait for their lease");
        }
    }

    /// Returns what is sent with the batch, and what goes to servers of which it is not known that they answer.
    fn divide(&self, prepared: PreparedPushes) -> (PreparedPushes, BTreeMap<String, PreparedPushes>) {
        let (mut usual, mut unproven) = (Vec::new(), BTreeMap::<String, PreparedPushes>::new());
        for (push, prepared) in prepared {
            let server = match &prepared {
                Prepared::Ready(device, _) if self.kind == DeviceKind::Webpush => {
                    Some(self.provider.server(&device.address))
                }
                _ => None,
            };
            match server.filter(|server| !self.notify.push.servers.is_proven(server)) {
                Some(server) => unproven.entry(server).or_default().push((push, prepared)),
                None => usual.push((push, prepared)),
            }
        }
        (usual, unproven)
    }

    /// Sends one push to a server, and the others if it has answered.
    async fn try_server(&self, lease: Uuid, server: &str, mut pushes: PreparedPushes) -> Result<(), Error> {
        let servers = &self.notify.push.servers;
        if let Some(_trial) = servers.begin_trial(server)
            && let Some(first) = pushes.pop()
        {
            self.send_all(lease, vec![first], false).await?;
            if servers.is_proven(server) {
                return self.send_all(lease, pushes, false).await;
            }
        }
        self.postpone(lease, &pushes).await
    }

    /// Lets pushes wait for a moment.
    async fn postpone(&self, lease: Uuid, pushes: &[(LeasedPush, Prepared)]) -> Result<(), Error> {
        if pushes.is_empty() {
            return Ok(());
        }
        let context = &self.notify.context;
        let settled = pushes.iter().map(|(push, _)| {
            let more = TRIAL_PAUSE.num_milliseconds() as f64 * context.random.fraction();
            let due_at = context.clock.now() + TRIAL_PAUSE + TimeDelta::milliseconds(more as i64);
            (push.id, Settled::Waits { due_at, attempts: push.attempts })
        });
        commands::settle_pushes(&self.notify, self.kind, lease, settled.collect()).await
    }

    /// Sends pushes, and records what came of them as soon as it is known.
    async fn send_all(&self, lease: Uuid, pushes: PreparedPushes, is_in_batch: bool) -> Result<(), Error> {
        let of_each: HashMap<Uuid, (AccountId, Uuid)> =
            pushes.iter().map(|(push, _)| (push.id, (push.member, push.notice))).collect();
        // It has room for all of them, so that none waits for a record.
        let (sent, settled) = mpsc::channel(pushes.len().max(1));
        let requests = pushes.into_iter().map(|(push, prepared)| {
            let (sender, sent) = (self.clone(), sent.clone());
            async move {
                // What is left out was not over when the process stopped; its lease ends by itself.
                if let Some(settled) = sender.settle(&push, prepared, is_in_batch).await {
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
        let ((), shown) = tokio::try_join!(send, self.record(lease, settled))?;
        // Some may have been read, or withdrawn, while nothing was shown that could be.
        let shown: Vec<(AccountId, Uuid)> = shown.iter().filter_map(|id| of_each.get(id).copied()).collect();
        commands::withdraw_over(&self.notify, &shown).await
    }

    /// Records what came of the pushes of a lease until nothing more comes, and returns those that devices show.
    async fn record(&self, lease: Uuid, mut settled: mpsc::Receiver<(Uuid, Settled)>) -> Result<Vec<Uuid>, Error> {
        let mut shown = Vec::new();
        let mut known = Vec::with_capacity(BATCH);
        while settled.recv_many(&mut known, BATCH).await > 0 {
            shown.extend(known.iter().filter(|(_, settled)| *settled == Settled::Shown).map(|(id, _)| *id));
            commands::settle_pushes(&self.notify, self.kind, lease, std::mem::take(&mut known)).await?;
            tokio::time::sleep(RECORD_PAUSE).await;
        }
        Ok(shown)
    }

    /// Sends a push if it is still needed. `None` if the process stops before it is known what came of it.
    async fn settle(&self, push: &LeasedPush, prepared: Prepared, is_in_batch: bool) -> Option<Settled> {
        match prepared {
            Prepared::Skipped => {
                self.notify.metrics.pushes_skipped.inc();
                Some(Settled::Done)
            }
            Prepared::Kept => {
                self.notify.metrics.pushes_skipped.inc();
                Some(Settled::Shown)
            }
            Prepared::Expired => {
                self.notify.metrics.pushes_expired.inc();
                Some(Settled::Done)
            }
            Prepared::Ready(device, _) if !self.notify.push.allow_list.allows(device.member) => {
                self.notify.metrics.pushes_withheld.inc();
                Some(Settled::Done)
            }
            Prepared::Ready(device, message) => self.send(push, &device, &message, is_in_batch).await,
        }
    }

    async fn send(&self, push: &LeasedPush, device: &Device, message: &Message, is_in_batch: bool) -> Option<Settled> {
        let (context, breakers) = (&self.notify.context, &self.notify.push.breakers);
        let (began, server) = (context.clock.now(), self.provider.server(&device.address));
        if let Permit::Wait(until) = breakers.acquire(&server, began) {
            return Some(Settled::Waits { due_at: until, attempts: push.attempts });
        }
        let grace = async {
            context.tasks.stopping().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        let too_slow = async {
            if is_in_batch && self.kind == DeviceKind::Webpush {
                tokio::time::sleep(PROVEN_TIMEOUT).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let outcome = tokio::select! {
            outcome = self.provider.send(&device.address, message) => outcome,
            () = too_slow => Outcome::unavailable("no response in time", None),
            () = grace => return None,
        };
        breakers.record(&server, outcome, context.clock.now());
        if self.kind == DeviceKind::Webpush {
            let has_answered = !matches!(outcome, Outcome::Failed { is_of_provider: true, .. });
            self.notify.push.servers.record(&server, has_answered, context.clock.now());
        }
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
