//! The task that sends what is due.
//!
//! A webhook with something due is leased, and its deliveries are sent one after the other; each webhook has a task of
//! its own, so no receiver delays another. Owns the loop and the message. Does not own what follows from an attempt
//! ([`commands::record_attempt`]). Invariant: a process sends at most one request at a time to a webhook, and in all at
//! most one for each of `max_webhooks`; the log has no URL, no payload and no secret.

use std::time::Duration;

use base::Transient as _;
use base::error::chain;
use db::Sql as _;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::commands::{self, Next};
use crate::error::Error;
use crate::model::{AttemptResult, Secret, signatures};
use crate::outbound::Message;
use crate::queries;
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::DueDelivery;
use crate::store::leases::Lease;

/// The table is polled even without a notification: another process may have recorded, or a retry may be due.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The pause after the database was unavailable.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Deliveries that are read at once.
const BATCH: i64 = 20;
/// How long a request may take once the process is stopping.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Attempts to record a result. After that the lease ends by itself, and the message is sent once more.
const MAX_RECORD_ATTEMPTS: u32 = 10;

/// Starts the task.
pub(crate) fn start(webhooks: &Webhooks) {
    let sender = webhooks.clone();
    webhooks.context.tasks.spawn(async move { run(&sender).await });
}

async fn run(webhooks: &Webhooks) {
    let tasks = &webhooks.context.tasks;
    // A SQLite file belongs to one process at a time: a lease in it was held by one that is dead.
    if webhooks.context.db.read().backend() == DbBackend::Sqlite
        && let Err(error) = commands::end_leases(webhooks).await
    {
        tracing::warn!(error = chain(&error), "deliveries wait for the end of old leases");
    }
    while !tasks.is_stopping() {
        let pause = match store::leases::list_due(webhooks.context.db.read(), webhooks.context.clock.now()).await {
            Ok(due) => {
                due.into_iter().for_each(|id| start_sending(webhooks, id));
                POLL_INTERVAL
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "deliveries wait");
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = webhooks.recorded.notified() => {}
            _ = tasks.sleep(pause) => {}
        }
    }
}

/// A webhook that this process sends to; dropped, it may be sent to again.
struct InFlight {
    webhooks: Webhooks,
    id: Uuid,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.webhooks.in_flight.lock().remove(&self.id);
    }
}

/// Starts a task for a webhook, unless it has one.
fn start_sending(webhooks: &Webhooks, id: Uuid) {
    if !webhooks.in_flight.lock().insert(id) {
        return;
    }
    let in_flight = InFlight { webhooks: webhooks.clone(), id };
    webhooks.context.tasks.spawn(async move {
        if let Err(error) = send_due(&in_flight.webhooks, id).await {
            tracing::warn!(webhook.id = %id, error = chain(&error), "deliveries of a webhook wait");
            in_flight.webhooks.context.tasks.sleep(RETRY_INTERVAL).await;
        }
        drop(in_flight);
    });
}

/// Sends what is due to a webhook.
async fn send_due(webhooks: &Webhooks, id: Uuid) -> Result<(), Error> {
    let Some(lease) = commands::claim_webhook(webhooks, id).await? else { return Ok(()) };
    let sent = send_all(webhooks, &lease).await;
    // After `Lost`, or while stopping in the middle of a request, there is nothing to end.
    if !matches!(sent, Ok(Next::Lost)) {
        commands::release_webhook(webhooks, &lease).await?;
    }
    sent.map(drop)
}

async fn send_all(webhooks: &Webhooks, lease: &Lease) -> Result<Next, Error> {
    let context = &webhooks.context;
    loop {
        let due = store::deliveries::list_due(context.db.read(), lease.id, context.clock.now(), BATCH).await?;
        if due.is_empty() {
            return Ok(Next::Stop);
        }
        for delivery in due {
            if context.tasks.is_stopping() {
                return Ok(Next::Stop);
            }
            // An operator may have changed, disabled or removed it meanwhile.
            let Some(current) = queries::current_lease(webhooks, lease).await? else { return Ok(Next::Stop) };
            let secrets = secrets(webhooks, &current)?;
            let Some(result) = send(webhooks, &current, &secrets, &delivery).await else { return Ok(Next::Lost) };
            match record(webhooks, &current, &delivery, result).await? {
                Next::Continue => {}
                end => return Ok(end),
            }
        }
    }
}

/// Returns the secrets that sign now: the newest first.
fn secrets(webhooks: &Webhooks, lease: &Lease) -> Result<Vec<Secret>, Error> {
    let now = webhooks.context.clock.now();
    let previous = lease.previous_secret.as_ref().filter(|_| lease.previous_secret_until.is_some_and(|end| now < end));
    [Some(&lease.secret), previous].into_iter().flatten().map(|sealed| webhooks.open(lease.id, sealed)).collect()
}

/// Sends a delivery; `None` if the process stops before it is known how that ended.
async fn send(webhooks: &Webhooks, lease: &Lease, secrets: &[Secret], delivery: &DueDelivery) -> Option<AttemptResult> {
    let timestamp = webhooks.context.clock.now().timestamp();
    let message = Message {
        url: &lease.url,
        id: &delivery.event_id,
        timestamp,
        signatures: signatures(secrets, &delivery.event_id, timestamp, delivery.payload.as_bytes()),
        body: delivery.payload.clone(),
    };
    let grace = async {
        webhooks.context.tasks.stopping().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        result = webhooks.outbound.send(message) => Some(result),
        () = grace => None,
    }
}

/// Records a result, again and again while the database is unavailable: the message was sent.
async fn record(
    webhooks: &Webhooks,
    lease: &Lease,
    delivery: &DueDelivery,
    result: AttemptResult,
) -> Result<Next, Error> {
    let mut attempt = 1;
    loop {
        match commands::record_attempt(webhooks, lease, delivery, result.clone()).await {
            Err(error) if error.is_transient() && attempt < MAX_RECORD_ATTEMPTS => {
                tracing::warn!(webhook.id = %lease.id, attempt, error = chain(&error), "an attempt is to be recorded");
                attempt += 1;
                if !webhooks.context.tasks.sleep(RETRY_INTERVAL).await {
                    return Err(error);
                }
            }
            recorded => return recorded,
        }
    }
}
