//! A write transaction, and what may be recorded in it beside rows: events out, events in.
//!
//! Invariant: an event recorded here is sent if and only if the transaction commits; an event that
//! came in counts as seen if and only if its effect committed.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Error, FromQueryResult, Sql, Value, placeholders};
use crate::bus::Event;

/// Rows of one statement; three values each stay far below either database's limit.
const CHUNK: usize = 500;

/// What the ids of events end in that this process records, so that its relay can tell them from those of another process that sends
/// its own at this moment. Chance decides it once per process: two that share it would send some events twice, which harms nobody.
static OWN: LazyLock<u16> = LazyLock::new(rand::random);

/// A UUIDv7 whose last 16 bits say which process made it; 58 random and counted ones are left beside the time.
fn event_id() -> Uuid {
    Uuid::from_u128(Uuid::now_v7().as_u128() & !0xffff | u128::from(*OWN))
}

/// An open write transaction, or a savepoint inside one.
pub struct Tx {
    inner: DatabaseTransaction,
    recorded: AtomicBool,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Tx {
    pub(super) fn new(inner: DatabaseTransaction) -> Self {
        Self { inner, recorded: AtomicBool::new(false) }
    }

    pub(super) fn inner(&self) -> &DatabaseTransaction {
        &self.inner
    }

    pub(super) fn into_inner(self) -> (DatabaseTransaction, bool) {
        (self.inner, self.recorded.into_inner())
    }

    /// What the ids end in that this process gives to events, as it stands in their text.
    pub(crate) fn own_ids_end() -> String {
        format!("{:04x}", *OWN)
    }

    /// Records an event in the outbox: it will be sent, at least once, after the commit.
    pub async fn publish<E: Event>(&self, event: &E, now: DateTime<Utc>) -> Result<(), Error> {
        let payload = serde_json::to_string(event).map_err(|_| Error::Corrupt("an event's payload"))?;
        self.publish_raw(E::SUBJECT, payload, now).await
    }

    /// Records work for whoever consumes `subject`; the payload is JSON text.
    pub async fn publish_raw(&self, subject: &str, payload: String, now: DateTime<Utc>) -> Result<(), Error> {
        self.execute(
            "insert into outbox (id, subject, payload, created_at) values ($1, $2, $3, $4)",
            vec![event_id().to_string().into(), subject.into(), payload.into(), now.into()],
        )
        .await?;
        self.recorded.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that `consumer` takes the event `id` in this transaction; `false` if it did so before.
    pub async fn first_time(&self, consumer: &str, id: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let inserted =
            self.execute("insert into inbox (consumer, event_id, seen_at) values ($1, $2, $3) on conflict do nothing", vec![consumer.into(), id.into(), now.into()]).await?;
        Ok(inserted == 1)
    }

    /// Notes that `consumer` takes the events `ids` in this transaction; answers those that it had not taken before.
    pub async fn first_times(&self, consumer: &str, ids: &[&str], now: DateTime<Utc>) -> Result<HashSet<String>, Error> {
        let mut first = HashSet::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let values: Vec<Value> = chunk.iter().flat_map(|&id| [consumer.into(), id.into(), now.into()]).collect();
            let text = format!("insert into inbox (consumer, event_id, seen_at) values {} on conflict do nothing returning event_id", placeholders(chunk.len(), 3));
            first.extend(self.rows::<Seen>(&text, values).await?.into_iter().map(|seen| seen.event_id));
        }
        Ok(first)
    }
}

#[derive(FromQueryResult)]
struct Seen {
    event_id: String,
}
