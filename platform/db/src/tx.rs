//! A write transaction, and what may be recorded in it beside rows: outgoing events, and events that were handled.
//!
//! Outgoing events are collected and written in one statement before the commit, those of a whole group together: a row
//! each would cost a round trip each. Invariant: an event recorded here is sent if and only if the transaction commits;
//! an incoming event counts as handled if and only if its effect committed.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr};
use uuid::Uuid;

use super::rows::{chunk_size, placeholders};
use super::sql::Sql;
use super::statement::statement;
use super::{Error, FromQueryResult, Value};
use base::{Event, Trace, event_traces};

/// The suffix of the ids of the events that this process records. By it, its relay tells them from those of another
/// process that sends its own at the same time. It is random, once per process: two processes with the same suffix
/// would send some events twice, which is harmless.
static PROCESS_TAG: LazyLock<u16> = LazyLock::new(rand::random);

/// Returns a UUIDv7 whose last 16 bits identify the process; 58 random and counted bits are left beside the time.
fn event_id() -> Uuid {
    Uuid::from_u128(Uuid::now_v7().as_u128() & !0xffff | u128::from(*PROCESS_TAG))
}

/// An event to be written into the outbox.
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
        let values: Vec<Value> = records
            .drain(..rows)
            .flat_map(|record| [record.id.into(), record.subject.into(), record.payload.into(), record.at.into()])
            .collect();
        let text = format!("insert into outbox (id, subject, payload, created_at) values {}", placeholders(rows, 4));
        transaction.execute_raw(statement(transaction.get_database_backend(), &text, values)).await?;
    }
    Ok(())
}

/// An open write transaction, or a savepoint inside one.
pub struct Tx {
    inner: DatabaseTransaction,
    records: Mutex<Vec<Record>>,
    must_rerun: AtomicBool,
    /// The recorded span of the caller, to which the events belong.
    trace: Option<Trace>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Tx {
    pub(super) fn new(inner: DatabaseTransaction) -> Self {
        Self { inner, records: Mutex::default(), must_rerun: AtomicBool::new(false), trace: None }
    }

    /// Returns the same transaction within the caller's trace.
    pub(super) fn within(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// Remembers a result by which the engine aborted the transaction for others' sake.
    pub(super) fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(Error::is_rerunnable) {
            self.must_rerun.store(true, Ordering::Release);
        }
        result
    }

    /// Whether the engine aborted the transaction for others' sake, so that its work must run again.
    pub(super) fn must_rerun(&self) -> bool {
        self.must_rerun.load(Ordering::Acquire)
    }

    /// Returns the transaction, and the events that are to be written before its commit.
    pub(super) fn into_inner(self) -> (DatabaseTransaction, Vec<Record>) {
        (self.inner, self.records.into_inner())
    }

    /// Runs statements that have no values, one after the other, in one request.
    pub(super) async fn execute_script(&self, text: &str) -> Result<(), Error> {
        self.note(self.inner.execute_unprepared(text).await.map(drop).map_err(Error::from))
    }

    /// Returns the suffix of the event ids of this process, as text.
    pub fn own_id_suffix() -> String {
        format!("{:04x}", *PROCESS_TAG)
    }

    /// Records an event in the outbox: it will be sent, at least once, after the commit.
    pub fn publish<E: Event>(&self, event: &E, now: DateTime<Utc>) -> Result<(), Error> {
        let payload = serde_json::to_string(event).map_err(|_| Error::Corrupt("an event's payload"))?;
        self.publish_raw(E::SUBJECT, payload, now);
        Ok(())
    }

    /// Records work for the consumers of `subject`; the payload is JSON text.
    pub fn publish_raw(&self, subject: &str, payload: String, now: DateTime<Utc>) {
        let record = Record { id: event_id().to_string(), subject: subject.to_owned(), payload, at: now };
        if let Some(trace) = self.trace {
            event_traces::remember(&record.id, trace);
        }
        self.records.lock().push(record);
    }

    /// Records that `consumer` handles the event `id` in this transaction. Returns `false` if it did so before.
    pub async fn record_once(&self, consumer: &str, id: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        let inserted = self
            .execute(
                "insert into inbox (consumer, event_id, seen_at) values ($1, $2, $3) on conflict do nothing",
                vec![consumer.into(), id.into(), now.into()],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Records that `consumer` handles the events `ids` in this transaction. Returns those that it had not handled
    /// before.
    pub async fn record_once_each(
        &self,
        consumer: &str,
        ids: &[&str],
        now: DateTime<Utc>,
    ) -> Result<HashSet<String>, Error> {
        let mut first = HashSet::with_capacity(ids.len());
        let mut left = ids;
        while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
            left = rest;
            let values: Vec<Value> = chunk.iter().flat_map(|&id| [consumer.into(), id.into(), now.into()]).collect();
            let text = format!(
                "insert into inbox (consumer, event_id, seen_at) values {} on conflict do nothing returning event_id",
                placeholders(chunk.len(), 3)
            );
            first.extend(self.rows::<Seen>(&text, values).await?.into_iter().map(|seen| seen.event_id));
        }
        Ok(first)
    }
}

impl Sql for Tx {
    fn backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }
    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
        self.note(Sql::execute(&self.inner, text, values).await)
    }
    async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
        self.note(self.inner.rows(text, values).await)
    }
    async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
        self.note(self.inner.row(text, values).await)
    }
}

#[derive(FromQueryResult)]
struct Seen {
    event_id: String,
}
