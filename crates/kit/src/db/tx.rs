//! A write transaction, and what may be recorded in it beside rows: events out, events in.
//!
//! Invariant: an event recorded here is sent if and only if the transaction commits; an event that
//! came in counts as seen if and only if its effect committed.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Error, Sql};
use crate::bus::Event;

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

    /// Records an event in the outbox: it will be sent, at least once, after the commit.
    pub async fn publish<E: Event>(&self, event: &E, now: DateTime<Utc>) -> Result<(), Error> {
        let payload = serde_json::to_string(event).map_err(|_| Error::Corrupt("an event's payload"))?;
        self.publish_raw(E::SUBJECT, payload, now).await
    }

    /// Records work for whoever consumes `subject`; the payload is JSON text.
    pub async fn publish_raw(&self, subject: &str, payload: String, now: DateTime<Utc>) -> Result<(), Error> {
        self.execute(
            "insert into outbox (id, subject, payload, created_at) values ($1, $2, $3, $4)",
            vec![Uuid::now_v7().to_string().into(), subject.into(), payload.into(), now.into()],
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
}
