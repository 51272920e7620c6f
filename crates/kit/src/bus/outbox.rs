//! The relay from a service's outbox to the bus.
//!
//! Rows are found by their own mark (`sent_at is null`), never by a moving cursor: ids commit out of
//! order. Invariant: a row is marked sent only after the bus has made it durable.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::KEPT;
use super::engine::{Engine, Envelope};
use crate::clock::Clock;
use crate::db::{Db, Error, Sql, Value};
use crate::tasks::Tasks;

const BATCH: i64 = 500;
/// Look even if nobody called: a process may have died between commit and call.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

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
        let mut pruned = tokio::time::Instant::now();
        loop {
            match send(&db, &*engine, &clock).await {
                Ok(sent) if sent == BATCH as usize => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(service, %error, "events wait in the outbox; the bus or the database did not answer");
                    owner.sleep(Duration::from_millis(500)).await;
                }
            }
            if pruned.elapsed() > PRUNE_EVERY {
                pruned = tokio::time::Instant::now();
                if let Err(error) = prune(&db, &*engine, clock.now()).await {
                    tracing::warn!(service, %error, "old events could not be removed");
                }
            }
            if owner.is_stopping() {
                return;
            }
            tokio::select! {
                () = recorded.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = owner.stopping() => {}
            }
        }
    });
}

async fn send(db: &Db, engine: &dyn Engine, clock: &Clock) -> Result<usize, Error> {
    let rows: Vec<Row> = db.read().rows("select id, subject, payload from outbox where sent_at is null order by id limit $1", vec![BATCH.into()]).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let events: Vec<Envelope> = rows.into_iter().map(Envelope::from).collect();
    engine.publish(&events).await?;
    let sent = events.len();
    let now = clock.now();
    db.write(move |tx| {
        Box::pin(async move {
            let marks: Vec<String> = (0..events.len()).map(|index| format!("${}", index + 2)).collect();
            let mut values: Vec<Value> = vec![now.into()];
            values.extend(events.into_iter().map(|event| event.id.into()));
            tx.execute(&format!("update outbox set sent_at = $1 where id in ({})", marks.join(", ")), values).await
        })
    })
    .await?;
    Ok(sent)
}

async fn prune(db: &Db, engine: &dyn Engine, now: DateTime<Utc>) -> Result<(), Error> {
    let kept_from = now - TimeDelta::from_std(KEPT).unwrap_or(TimeDelta::days(7));
    db.write(move |tx| {
        Box::pin(async move {
            tx.execute("delete from outbox where sent_at < $1", vec![kept_from.into()]).await?;
            // An event can come again for as long as somebody may replay it, so the inbox remembers four times as long.
            tx.execute("delete from inbox where seen_at < $1", vec![(kept_from - TimeDelta::days(21)).into()]).await?;
            tx.execute("delete from idempotency where created_at < $1", vec![(now - TimeDelta::days(1)).into()]).await
        })
    })
    .await?;
    engine.trim(kept_from).await?;
    Ok(())
}

/// Sends rows again that were sent at or after `since`. Answers how many.
pub(super) async fn replay(db: &Db, engine: &dyn Engine, since: DateTime<Utc>) -> Result<u64, Error> {
    let mut after = String::new();
    let mut sent = 0;
    loop {
        let rows: Vec<Row> = db
            .read()
            .rows("select id, subject, payload from outbox where sent_at >= $1 and id > $2 order by id limit $3", vec![since.into(), after.clone().into(), BATCH.into()])
            .await?;
        let Some(last) = rows.last() else { return Ok(sent) };
        after.clone_from(&last.id);
        let events: Vec<Envelope> = rows.into_iter().map(Envelope::from).collect();
        sent += events.len() as u64;
        engine.publish(&events).await?;
    }
}
