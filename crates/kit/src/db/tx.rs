//! A write transaction, and what may be recorded in it beside rows: events out, events in.
//!
//! Events out are gathered and written in one statement before the commit, those of a whole group together: a row each would be a round
//! trip each. Invariant: an event recorded here is sent if and only if the transaction commits; an event that came in counts as seen if
//! and only if its effect committed.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, Statement};
use uuid::Uuid;

use super::sql::chunk_size;
use super::{Error, FromQueryResult, Sql, Value, placeholders};
use crate::bus::Event;

/// What the ids of events end in that this process records, so that its relay can tell them from those of another process that sends
/// its own at this moment. Chance decides it once per process: two that share it would send some events twice, which harms nobody.
static PROCESS_TAG: LazyLock<u16> = LazyLock::new(rand::random);

/// A UUIDv7 whose last 16 bits say which process made it; 58 random and counted ones are left beside the time.
fn event_id() -> Uuid {
    Uuid::from_u128(Uuid::now_v7().as_u128() & !0xffff | u128::from(*PROCESS_TAG))
}

/// An event on its way into the outbox.
pub(super) struct Record {
    id: String,
    subject: String,
    payload: String,
    at: DateTime<Utc>,
}

/// Writes events into the outbox.
pub(super) async fn write(mut records: Vec<Record>, transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    while !records.is_empty() {
        let rows = chunk_size(records.len());
        let values: Vec<Value> = records.drain(..rows).flat_map(|record| [record.id.into(), record.subject.into(), record.payload.into(), record.at.into()]).collect();
        let text = format!("insert into outbox (id, subject, payload, created_at) values {}", placeholders(rows, 4));
        transaction.execute_raw(Statement::from_sql_and_values(transaction.get_database_backend(), text, values)).await?;
    }
    Ok(())
}

/// An open write transaction, or a savepoint inside one.
pub struct Tx {
    inner: DatabaseTransaction,
    records: Mutex<Vec<Record>>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Tx {
    pub(super) fn new(inner: DatabaseTransaction) -> Self {
        Self { inner, records: Mutex::default() }
    }

    pub(super) fn inner(&self) -> &DatabaseTransaction {
        &self.inner
    }

    /// The transaction, and the events that are to be written before its commit.
    pub(super) fn into_inner(self) -> (DatabaseTransaction, Vec<Record>) {
        (self.inner, self.records.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the ids end in that this process gives to events, as it stands in their text.
    pub(crate) fn own_id_suffix() -> String {
        format!("{:04x}", *PROCESS_TAG)
    }

    /// Records an event in the outbox: it will be sent, at least once, after the commit.
    pub fn publish<E: Event>(&self, event: &E, now: DateTime<Utc>) -> Result<(), Error> {
        let payload = serde_json::to_string(event).map_err(|_| Error::Corrupt("an event's payload"))?;
        self.publish_raw(E::SUBJECT, payload, now);
        Ok(())
    }

    /// Records work for whoever consumes `subject`; the payload is JSON text.
    pub fn publish_raw(&self, subject: &str, payload: String, now: DateTime<Utc>) {
        let record = Record { id: event_id().to_string(), subject: subject.to_owned(), payload, at: now };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Notes that `consumer` takes the event `id` in this transaction; `false` if it did so before.
    pub async fn record_once(&self, consumer: &str, id: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let inserted =
            self.execute("insert into inbox (consumer, event_id, seen_at) values ($1, $2, $3) on conflict do nothing", vec![consumer.into(), id.into(), now.into()]).await?;
        Ok(inserted == 1)
    }

    /// Notes that `consumer` takes the events `ids` in this transaction; answers those that it had not taken before.
    pub async fn record_once_each(&self, consumer: &str, ids: &[&str], now: DateTime<Utc>) -> Result<HashSet<String>, Error> {
        let mut first = HashSet::with_capacity(ids.len());
        let mut left = ids;
        while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
            left = rest;
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
