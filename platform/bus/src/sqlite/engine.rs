//! What the embedded log does as an engine of the bus.
//!
//! Invariant: an event and its deliveries are written in one transaction.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use db::{Lane, Sql, Value, placeholders};
use sea_orm::FromQueryResult;

use super::{Log, PositionRow, millis};
use crate::Error;
use crate::engine::{DeadLetter, Delivery, Engine, Envelope, RunsIn, Subscription};

/// Rows of one statement: an `or` of as many terms stays below SQLite's limit on the depth of an expression (1,000).
const MAX_CHUNK_ROWS: usize = 400;

const DELIVER: &str = "
    insert into delivery (consumer, position, due_at, attempts)
    select consumer.name, log.position, 0, 0
      from log
      join consumer on consumer.subject = log.subject
     where log.position between $1 and $2";

const TRIM: &str = "
    delete from log
     where position in (
           select position
             from log
            where published_at < $1
              and position not in (select position from delivery)
              and position not in (select position from dead)
            limit 5000)";

#[async_trait]
impl Engine for Log {
    async fn declare(&self, subscriptions: &[Subscription], runs: RunsIn) -> Result<(), Error> {
        if runs == RunsIn::Other {
            return Ok(());
        }
        let subscriptions = subscriptions.to_vec();
        self.db
            .write(Lane::ALL, async move |tx| {
                for Subscription { name, subjects, .. } in subscriptions {
                    tx.execute("delete from consumer where name = $1", vec![name.clone().into()]).await?;
                    for subject in subjects {
                        tx.execute(
                            "insert into consumer (name, subject) values ($1, $2)",
                            vec![name.clone().into(), subject.into()],
                        )
                        .await?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn forget(&self, consumer: &str) -> Result<bool, Error> {
        let consumer = consumer.to_owned();
        self.db
            .write(Lane::ALL, async move |tx| {
                let known = tx.execute("delete from consumer where name = $1", vec![consumer.clone().into()]).await?;
                tx.execute("delete from delivery where consumer = $1", vec![consumer.into()]).await?;
                Ok(known > 0)
            })
            .await
    }

    async fn publish(&self, events: &[Envelope]) -> Result<(), Error> {
        let now = self.clock.now();
        for chunk in events.chunks(MAX_CHUNK_ROWS) {
            let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 4);
            for event in chunk {
                values.extend([
                    event.id.clone().into(),
                    event.subject.clone().into(),
                    event.payload.clone().into(),
                    now.into(),
                ]);
            }
            let text = format!(
                "insert into log (id, subject, payload, published_at) values {} on conflict (id) do nothing returning \
                 position",
                placeholders(chunk.len(), 4)
            );
            self.db
                .write(Lane::ALL, async move |tx| {
                    let fresh: Vec<PositionRow> = tx.rows(&text, values).await?;
                    // Positions are assigned in one transaction by one writer, so the new ones are a range.
                    let positions = || fresh.iter().map(|row| row.position);
                    let (Some(low), Some(high)) = (positions().min(), positions().max()) else { return Ok(()) };
                    tx.execute(DELIVER, vec![low.into(), high.into()]).await?;
                    Ok::<_, db::Error>(())
                })
                .await?;
        }
        self.wake();
        Ok(())
    }

    async fn fetch(&self, consumer: &Subscription, max: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        let (consumer, lease) = (consumer.name.as_str(), consumer.lease);
        let waker = self.waker(consumer);
        let end = tokio::time::Instant::now() + wait;
        loop {
            let woken = waker.notified();
            let taken = self.take(consumer, max, lease).await?;
            if !taken.is_empty() || tokio::time::Instant::now() >= end {
                return Ok(taken);
            }
            let pause = self.next_due(consumer).await?.min(end.saturating_duration_since(tokio::time::Instant::now()));
            let _ = tokio::time::timeout(pause, woken).await;
        }
    }

    async fn ack_all(&self, consumer: &str, deliveries: &[Delivery]) -> Result<usize, Error> {
        let mut done = 0;
        for chunk in deliveries.chunks(MAX_CHUNK_ROWS) {
            let mut values: Vec<Value> = vec![consumer.into()];
            values.extend(chunk.iter().flat_map(|delivery| [delivery.position.into(), delivery.lease.clone().into()]));
            let held: Vec<String> = (0..chunk.len())
                .map(|index| format!("(position = ${} and lease = ${})", 2 * index + 2, 2 * index + 3))
                .collect();
            let text = format!("delete from delivery where consumer = $1 and ({})", held.join(" or "));
            let touched: u64 = self.db.write(Lane::ALL, async move |tx| tx.execute(&text, values).await).await?;
            done += usize::try_from(touched).unwrap_or(usize::MAX);
        }
        Ok(done)
    }

    async fn extend(&self, consumer: &Subscription, delivery: &Delivery) -> Result<bool, Error> {
        let until = self.millis() + millis(consumer.lease);
        self.under_lease(
            "update delivery set due_at = $4 where consumer = $1 and position = $2 and lease = $3",
            &consumer.name,
            delivery,
            vec![until.into()],
        )
        .await
    }

    async fn retry(&self, consumer: &str, delivery: &Delivery, delay: Duration) -> Result<bool, Error> {
        let due = self.millis() + millis(delay);
        let kept = self
            .under_lease(
                "update delivery set due_at = $4, lease = null where consumer = $1 and position = $2 and lease = $3",
                consumer,
                delivery,
                vec![due.into()],
            )
            .await?;
        self.waker(consumer).notify_one();
        Ok(kept)
    }

    async fn dead_letter(&self, consumer: &str, delivery: &Delivery, reason: &str) -> Result<bool, Error> {
        let (consumer, position, lease, reason) =
            (consumer.to_owned(), delivery.position, delivery.lease.clone(), reason.to_owned());
        let (attempts, now) = (i64::from(delivery.attempt), self.clock.now());
        self.db
            .write(Lane::ALL, async move |tx| {
                let held = tx
                    .execute(
                        "delete from delivery where consumer = $1 and position = $2 and lease = $3",
                        vec![consumer.clone().into(), position.into(), lease.into()],
                    )
                    .await?;
                if held == 1 {
                    tx.execute(
                        "insert into dead (consumer, position, attempts, reason, died_at) values ($1, $2, $3, $4, $5)",
                        vec![consumer.into(), position.into(), attempts.into(), reason.into(), now.into()],
                    )
                    .await?;
                }
                Ok(held == 1)
            })
            .await
    }

    async fn end_leases(&self) -> Result<(), Error> {
        let text = "update delivery set lease = null, due_at = 0 where lease is not null";
        Ok(self.db.write(Lane::ALL, async move |tx| tx.execute(text, vec![]).await).await.map(drop)?)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        #[derive(FromQueryResult)]
        struct DeadLetterRow {
            consumer: String,
            id: String,
            subject: String,
            payload: String,
            attempts: i64,
            reason: String,
            died_at: DateTime<Utc>,
        }
        let rows: Vec<DeadLetterRow> = self
            .db
            .read()
            .rows(
                "select dead.consumer, log.id, log.subject, log.payload, dead.attempts, dead.reason, dead.died_at \
                 from dead join log on log.position = dead.position order by dead.died_at, dead.position limit $1",
                vec![(limit as i64).into()],
            )
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| DeadLetter {
                consumer: row.consumer,
                event: Envelope { id: row.id, subject: row.subject, payload: row.payload },
                attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
                reason: row.reason,
                died_at: row.died_at,
            })
            .collect())
    }

    async fn redeliver(&self, consumer: Option<&str>, id: Option<&str>) -> Result<u64, Error> {
        let (consumer, id) = (consumer.map(str::to_owned), id.map(str::to_owned));
        let redelivered = self
            .db
            .write(Lane::ALL, async move |tx| {
                let values: Vec<Value> = vec![consumer.into(), id.into()];
                let chosen = "($1 is null or consumer = $1)
                    and ($2 is null or position = (select position from log where id = $2))";
                let redelivered = tx
                    .execute(
                        &format!(
                            "insert into delivery (consumer, position, due_at, attempts)
                             select consumer, position, 0, 0
                               from dead
                              where {chosen}
                                 on conflict do nothing"
                        ),
                        values.clone(),
                    )
                    .await?;
                tx.execute(&format!("delete from dead where {chosen}"), values).await?;
                Ok::<_, db::Error>(redelivered)
            })
            .await?;
        self.wake();
        Ok(redelivered)
    }

    async fn backlog(&self) -> Result<Vec<(String, u64)>, Error> {
        #[derive(FromQueryResult)]
        struct BacklogRow {
            consumer: String,
            deliveries: i64,
        }
        let waiting: Vec<BacklogRow> = self
            .db
            .read()
            .rows("select consumer, count(*) as deliveries from delivery group by consumer order by consumer", vec![])
            .await?;
        Ok(waiting.into_iter().map(|row| (row.consumer, row.deliveries.unsigned_abs())).collect())
    }

    async fn trim(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        Ok(self.db.write(Lane::ALL, async move |tx| tx.execute(TRIM, vec![before.into()]).await).await?)
    }

    /// The log is in the same folder as the outboxes, and is backed up and lost with them.
    async fn created_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(self.db.ping().await?)
    }
}
