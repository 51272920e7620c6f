//! The relay from a service's outbox to the bus.
//!
//! Rows are found by their own mark (`sent_at is null`), never by a moving cursor: ids commit out of order. If several
//! processes run one service, each sends at once what it recorded itself, and after a few seconds what the others left
//! behind. Invariant: a row is marked as sent only after the bus has made it durable.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::engine::{Engine, Envelope};
use super::log_reset::LogState;
use super::spans::PublishingSpans;
use super::{Error, RETENTION};
use base::clock::Clock;
use base::error::chain;
use base::tasks::Tasks;
use db::{Db, Lane, Sql, Tx, Value, chunk_size};

const BATCH_ROWS: i64 = 500;
/// The outbox is polled even without a notification: a process may have died between its commit and the notification.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long another process may take to send what it recorded, before this one does.
const TAKEOVER_DELAY: TimeDelta = TimeDelta::seconds(3);
/// Refused events that a process remembers; beyond this all are tried once more.
const MAX_REFUSED: usize = 10_000;
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Rounds begin at least this far apart, so that under load each has several events to send, in one batch and with one
/// update.
const MIN_ROUND_INTERVAL: Duration = Duration::from_millis(10);
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// Soon after the start, as some processes never run for an hour.
const FIRST_PRUNE_DELAY: Duration = Duration::from_secs(60);

#[derive(FromQueryResult)]
struct Row {
    id: String,
    subject: String,
    payload: String,
}

impl From<Row> for Envelope {
    fn from(row: Row) -> Self {
        Self { id: row.id, subject: row.subject, payload: row.payload }
    }
}

/// Starts the relay; it sends what is left before it ends.
pub(super) fn start(service: &'static str, db: Db, engine: Arc<dyn Engine>, clock: Clock, tasks: &Tasks) {
    let owner = tasks.clone();
    let recorded = db.outbox_recorded();
    tasks.spawn(async move {
        let mut prune_at = tokio::time::Instant::now() + FIRST_PRUNE_DELAY;
        let mut log_state = LogState::default();
        let mut refused = HashSet::new();
        // No other process sends what an earlier start of this one left, so its age does not matter.
        let mut min_foreign_age = TimeDelta::zero();
        loop {
            let started = tokio::time::Instant::now();
            match run_round(&db, &*engine, &clock, &mut log_state, &mut refused, min_foreign_age).await {
                Ok(sent) if sent == BATCH_ROWS as usize => continue,
                Ok(_) => min_foreign_age = TAKEOVER_DELAY,
                Err(error) => {
                    tracing::warn!(
                        service,
                        error = chain(&error),
                        "events wait in the outbox; the bus or the database did not respond"
                    );
                    if owner.sleep(RETRY_INTERVAL).await {
                        continue;
                    }
                }
            }
            if prune_at <= tokio::time::Instant::now() {
                prune_at = tokio::time::Instant::now() + PRUNE_INTERVAL;
                if let Err(error) = prune(&db, &*engine, clock.now()).await {
                    tracing::warn!(service, error = chain(&error), "old events could not be deleted");
                }
            }
            if owner.is_stopping() {
                return;
            }
            tokio::select! {
                () = recorded.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = owner.stopping() => {}
            }
            tokio::time::sleep_until(started + MIN_ROUND_INTERVAL).await;
        }
    });
}

async fn run_round(
    db: &Db,
    engine: &dyn Engine,
    clock: &Clock,
    log_state: &mut LogState,
    refused: &mut HashSet<String>,
    min_foreign_age: TimeDelta,
) -> Result<usize, Error> {
    log_state.check(db, engine, clock.now()).await?;
    send(db, engine, clock, refused, min_foreign_age).await
}

/// Sends one batch: what this process recorded, and what others recorded more than `min_foreign_age` ago. Returns how
/// many it sent.
///
/// Events that the bus `refused` stay in the outbox and do not hold up others.
async fn send(
    db: &Db,
    engine: &dyn Engine,
    clock: &Clock,
    refused: &mut HashSet<String>,
    min_foreign_age: TimeDelta,
) -> Result<usize, Error> {
    // Read before the bus is asked: a process that marks rows as unsent by this time (see `log_reset`) must not miss
    // one that was on its way.
    let now = clock.now();
    let text = "select id, subject, payload from outbox where sent_at is null and (substr(id, 33) = $1 or created_at \
        <= $2) order by id limit $3";
    let rows: Vec<Row> = db
        .read()
        .rows(
            text,
            vec![
                Tx::own_id_suffix().into(),
                (now - min_foreign_age).into(),
                (BATCH_ROWS + refused.len() as i64).into(),
            ],
        )
        .await?;
    let events: Vec<Envelope> = rows
        .into_iter()
        .filter(|row| !refused.contains(&row.id))
        .map(Envelope::from)
        .take(BATCH_ROWS as usize)
        .collect();
    if events.is_empty() {
        return Ok(0);
    }
    let spans = PublishingSpans::begin(&events);
    let sent = match engine.publish(&events).await {
        Ok(()) => events,
        Err(Error::Refused(_)) => one_by_one(engine, events, refused).await?,
        Err(error) => {
            spans.fail();
            return Err(error);
        }
    };
    drop(spans);
    let count = sent.len();
    mark_sent(db, sent, now).await?;
    Ok(count)
}

/// Sends events one by one: one that the bus will never accept must not hold up the others.
async fn one_by_one(
    engine: &dyn Engine,
    events: Vec<Envelope>,
    refused: &mut HashSet<String>,
) -> Result<Vec<Envelope>, Error> {
    if refused.len() > MAX_REFUSED {
        refused.clear();
    }
    let mut sent = Vec::with_capacity(events.len());
    for event in events {
        match engine.publish(std::slice::from_ref(&event)).await {
            Ok(()) => sent.push(event),
            Err(Error::Refused(reason)) => {
                tracing::error!(
                    event.id = event.id,
                    event.subject = event.subject,
                    reason,
                    "an event can't be sent and stays in the outbox"
                );
                refused.insert(event.id);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

async fn mark_sent(db: &Db, sent: Vec<Envelope>, at: DateTime<Utc>) -> Result<(), Error> {
    if sent.is_empty() {
        return Ok(());
    }
    // Each process marks what it sent; no other has to wait for that.
    db.write(Lane::of(&Tx::own_id_suffix()), async move |tx| {
        let mut ids = sent.into_iter().map(|event| event.id);
        while ids.len() > 0 {
            let rows = chunk_size(ids.len());
            let marks: Vec<String> = (0..rows).map(|index| format!("${}", index + 2)).collect();
            let values: Vec<Value> =
                std::iter::once(at.into()).chain(ids.by_ref().take(rows).map(Value::from)).collect();
            tx.execute(&format!("update outbox set sent_at = $1 where id in ({})", marks.join(", ")), values).await?;
        }
        Ok(())
    })
    .await
}

async fn prune(db: &Db, engine: &dyn Engine, now: DateTime<Utc>) -> Result<(), Error> {
    let kept_from = now - TimeDelta::from_std(RETENTION).unwrap_or(TimeDelta::days(7));
    remove(db, "delete from outbox where id in (select id from outbox where sent_at < $1 limit $2)", kept_from).await?;
    // An event can come again for as long as an operator may replay it, so the inbox remembers four times as long.
    let text = "delete from inbox where (consumer, event_id) in (select consumer, event_id from inbox where seen_at < \
        $1 limit $2)";
    remove(db, text, kept_from - TimeDelta::days(21)).await?;
    remove(
        db,
        "delete from idempotency where key in (select key from idempotency where created_at < $1 limit $2)",
        now - TimeDelta::days(1),
    )
    .await?;
    engine.trim(kept_from).await?;
    Ok(())
}

/// Deletes rows in small transactions, so that other writes do not wait for long.
async fn remove(db: &Db, text: &'static str, before: DateTime<Utc>) -> Result<(), Error> {
    while db
        .write(Lane::of("prune"), async move |tx| tx.execute(text, vec![before.into(), BATCH_ROWS.into()]).await)
        .await?
        == BATCH_ROWS as u64
    {}
    Ok(())
}

/// Sends rows again that were sent at or after `since`. Returns how many.
pub(super) async fn replay(db: &Db, engine: &dyn Engine, since: DateTime<Utc>) -> Result<u64, Error> {
    let mut after = String::new();
    let mut sent = 0;
    loop {
        let rows: Vec<Row> = db
            .read()
            .rows(
                "select id, subject, payload from outbox where sent_at >= $1 and id > $2 order by id limit $3",
                vec![since.into(), after.clone().into(), BATCH_ROWS.into()],
            )
            .await?;
        let Some(last) = rows.last() else { return Ok(sent) };
        after.clone_from(&last.id);
        let events: Vec<Envelope> = rows.into_iter().map(Envelope::from).collect();
        sent += events.len() as u64;
        engine.publish(&events).await?;
    }
}
