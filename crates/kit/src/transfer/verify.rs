//! Looking at both sides: rows counted and hashed.
//!
//! The outbox is compared by what it says and by what is due, as the move makes events due that the log had yet to deliver. Invariant:
//! nothing here writes.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, Statement, TransactionTrait as _};

use super::tables::{Checksum, Table};
use super::{Error, ReportRow, Schema, Transfer, events, rows};
use crate::db::{self, Value};

/// Rows that one look at the goal brings.
const PAGE_ROWS: usize = 500;
/// What an event says.
const EVENT_COLUMNS: [&str; 3] = ["id", "subject", "payload"];

/// A line per table.
pub(super) async fn tables(transfer: &Transfer) -> Result<Vec<ReportRow>, Error> {
    let mut report = Vec::new();
    for schema in &transfer.schemas {
        for table in &schema.tables {
            let (source, destination) = if table.name == "outbox" {
                outbox_checksums(transfer, schema, table).await?
            } else {
                (source_checksum(schema, table).await?, destination_checksum(schema, table).await?)
            };
            let part = format!("{}.{}", schema.service, table.name);
            report.push(ReportRow { items: source.rows, there: destination.rows, bytes: source.bytes, fits: source == destination, ..ReportRow::new(&part) });
        }
    }
    Ok(report)
}

async fn source_checksum(schema: &Schema, table: &Table) -> Result<Checksum, Error> {
    let mut checksum = Checksum::default();
    for_each_source_row(schema, table, |row| checksum.add(&row)).await?;
    Ok(checksum)
}

async fn for_each_source_row(schema: &Schema, table: &Table, mut visit: impl FnMut(Vec<Value>)) -> Result<(), Error> {
    let Some(source) = &schema.source else { return Ok(()) };
    let mut after = 0;
    loop {
        let page = rows::page(source, table, after).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        page.into_iter().for_each(|(_, row)| visit(row));
    }
}

async fn destination_checksum(schema: &Schema, table: &Table) -> Result<Checksum, Error> {
    let mut checksum = Checksum::default();
    for_each_destination_row(schema, table, |row| checksum.add(&row)).await?;
    Ok(checksum)
}

/// Through a cursor: one look at the whole table, whatever its key, in the memory of a page.
async fn for_each_destination_row(schema: &Schema, table: &Table, mut visit: impl FnMut(Vec<Value>)) -> Result<(), db::Error> {
    let transaction = schema.destination.read().begin().await?;
    // A name of its own: a driver remembers what a `fetch` of this name brings.
    let cursor = format!("\"look at {}\"", table.name.replace('"', ""));
    transaction.execute_unprepared(&format!("declare {cursor} no scroll cursor for select {} from {}", table.column_list(), table.quoted())).await?;
    loop {
        let page = transaction.query_all_raw(Statement::from_string(transaction.get_database_backend(), format!("fetch {PAGE_ROWS} from {cursor}"))).await?;
        for row in &page {
            visit(table.read(row, 0)?);
        }
        if page.is_empty() {
            return Ok(transaction.rollback().await?);
        }
    }
}

/// Both sides' outboxes: what each event says, and whether it is due.
async fn outbox_checksums(transfer: &Transfer, schema: &Schema, table: &Table) -> Result<(Checksum, Checksum), Error> {
    let read = table.with_columns(&[&EVENT_COLUMNS[..], &["sent_at"]].concat());
    let mut pending = events::ids(transfer, schema).await?;
    let (mut source, mut destination) = (Checksum::default(), Checksum::default());
    for_each_source_row(schema, &read, |row| source.add(&comparable_event(row, &mut pending))).await?;
    // What the outbox has forgotten by now and the log has yet to deliver.
    events::for_each(transfer, schema, |event| {
        if pending.remove(&event.id) {
            source.add(&[event.id.into(), event.subject.into(), event.payload.into(), true.into()]);
        }
    })
    .await?;
    for_each_destination_row(schema, &read, |row| destination.add(&comparable_event(row, &mut HashSet::new()))).await?;
    Ok((source, destination))
}

/// An event's row with its last column, when it was sent, replaced by whether it is due.
fn comparable_event(mut row: Vec<Value>, pending: &mut HashSet<String>) -> Vec<Value> {
    let was_waiting = matches!(row.first(), Some(Value::String(Some(id))) if pending.remove(id));
    let was_sent = matches!(row.pop(), Some(Value::ChronoDateTimeUtc(Some(_))));
    row.push((was_waiting || !was_sent).into());
    row
}
