//! The embedded engine: a log and its deliveries in one SQLite database.
//!
//! Publishing writes each event once and one delivery row per consumer that wants it, in one transaction. A delivery's
//! `due_at` is both its back-off and the end of its lease. Invariant: a row leaves `delivery` only by an
//! acknowledgement under the current lease or by moving to `dead`.

mod engine;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Random;
use parking_lot::Mutex;
use sea_orm::FromQueryResult;
use tokio::sync::Notify;

use super::Error;
use super::engine::{Delivery, Envelope};
use base::clock::Clock;
use db::{Db, Lane, Migration, Sql, Value};

pub(super) const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, min_compatible: 1, sql: include_str!("../../migrations/0001_log.sql") }];

/// Without a notification, the log is polled after this time: another process may have redelivered a dead letter.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const TAKE: &str = "
    update delivery
       set lease = $1,
           due_at = $2,
           attempts = attempts + 1
     where consumer = $3
       and position in (
           select position
             from delivery
            where consumer = $3
              and due_at <= $4
            order by due_at, position
            limit $5)
 returning position, attempts";

/// The log.
pub(super) struct Log {
    db: Db,
    clock: Clock,
    wakers: Mutex<HashMap<String, Arc<Notify>>>,
}

#[derive(FromQueryResult)]
struct Row {
    position: i64,
    id: String,
    subject: String,
    payload: String,
}

impl Log {
    pub(super) async fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        let db = Db::sqlite(path).await?;
        db.migrate("bus", MIGRATIONS).await?;
        Ok(Self { db, clock, wakers: Mutex::default() })
    }

    fn waker(&self, consumer: &str) -> Arc<Notify> {
        self.wakers.lock().entry(consumer.to_owned()).or_default().clone()
    }

    fn wake(&self) {
        self.wakers.lock().values().for_each(|waker| waker.notify_one());
    }

    fn millis(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    async fn take(&self, consumer: &str, max: usize, lease: Duration) -> Result<Vec<Delivery>, Error> {
        let (consumer, token) = (consumer.to_owned(), Random::system().uuid_v4().to_string());
        let now = self.millis();
        // Reading costs no write, and most of these reads find nothing.
        let due: Option<PositionRow> = self
            .db
            .read()
            .row(
                "select position from delivery where consumer = $1 and due_at <= $2 limit 1",
                vec![consumer.clone().into(), now.into()],
            )
            .await?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let until = now + millis(lease);
        let lease = token.clone();
        let rows: Vec<(Row, i64)> = self
            .db
            .write(Lane::ALL, async move |tx| {
                let taken: Vec<TakenRow> = tx
                    .rows(TAKE, vec![token.into(), until.into(), consumer.into(), now.into(), (max as i64).into()])
                    .await?;
                if taken.is_empty() {
                    return Ok(Vec::new());
                }
                // One statement for all: each costs a hop to the driver's thread, which is more expensive than the
                // row.
                let marks: Vec<String> = (1..=taken.len()).map(|index| format!("${index}")).collect();
                let text =
                    format!("select position, id, subject, payload from log where position in ({})", marks.join(", "));
                let mut attempts: HashMap<i64, i64> =
                    taken.iter().map(|taken| (taken.position, taken.attempts)).collect();
                let positions = taken.iter().map(|taken| taken.position.into()).collect();
                let found: Vec<Row> = tx.rows(&text, positions).await?;
                let mut rows: Vec<(Row, i64)> = found
                    .into_iter()
                    .map(|row| {
                        let attempts = attempts.remove(&row.position).unwrap_or(1);
                        (row, attempts)
                    })
                    .collect();
                rows.sort_by_key(|(row, _)| row.position);
                Ok::<_, db::Error>(rows)
            })
            .await?;
        Ok(rows
            .into_iter()
            .map(|(row, attempts)| Delivery {
                event: Envelope { id: row.id, subject: row.subject, payload: row.payload },
                position: row.position,
                attempt: u32::try_from(attempts).unwrap_or(u32::MAX),
                lease: lease.clone(),
            })
            .collect())
    }

    /// Returns how long until a delivery of the consumer may be due, at most `POLL_INTERVAL`.
    async fn next_due(&self, consumer: &str) -> Result<Duration, Error> {
        let next: Option<DueRow> = self
            .db
            .read()
            .row("select due_at from delivery where consumer = $1 order by due_at limit 1", vec![consumer.into()])
            .await?;
        let wait = next.map_or(POLL_INTERVAL, |next| {
            Duration::from_millis(u64::try_from(next.due_at - self.millis()).unwrap_or(0))
        });
        Ok(wait.clamp(Duration::from_millis(5), POLL_INTERVAL))
    }

    /// Runs a statement that names a delivery by consumer ($1), position ($2) and lease ($3).
    async fn under_lease(
        &self,
        text: &'static str,
        consumer: &str,
        delivery: &Delivery,
        more: Vec<Value>,
    ) -> Result<bool, Error> {
        let mut values: Vec<Value> = vec![consumer.into(), delivery.position.into(), delivery.lease.clone().into()];
        values.extend(more);
        let touched = self.db.write(Lane::ALL, async move |tx| tx.execute(text, values).await).await?;
        Ok(touched > 0)
    }
}

#[derive(FromQueryResult)]
struct PositionRow {
    #[allow(dead_code)]
    position: i64,
}

#[derive(FromQueryResult)]
struct TakenRow {
    position: i64,
    attempts: i64,
}

#[derive(FromQueryResult)]
struct DueRow {
    due_at: i64,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
