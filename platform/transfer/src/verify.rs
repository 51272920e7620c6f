//! Compares both sides: rows counted and hashed.
//!
//! The outbox is compared by the content of the events and by whether they are due, because the transfer makes events
//! due that the log had yet to deliver. Invariant: nothing here writes.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, Statement, TransactionTrait as _};

use super::tables::{Checksum, Table};
use super::{Error, ReportRow, Schema, Transfer, events, rows};
use db::Value;

/// Rows of one fetch from the destination.
const PAGE_ROWS: usize = 500;
/// The columns that are the content of an event.
const EVENT_COLUMNS: [&str; 3] = ["id", "subject", "payload"];

/// Returns a row of the report per table.
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
            report.push(ReportRow {
                source_count: source.rows,
                destination_count: destination.rows,
                bytes: source.bytes,
                matches: source == destination,
                ..ReportRow::new(&part)
            });
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

/// Visits every row through a cursor: one scan of the whole table, whatever its key, in the memory of a page.
async fn for_each_destination_row(
    schema: &Schema,
    table: &Table,
    mut visit: impl FnMut(Vec<Value>),
) -> Result<(), db::Error> {
    let transaction = schema.destination.read().begin().await?;
    // A name per table: a driver caches the columns of a `fetch` by its text.
    let cursor = format!("\"verify {}\"", table.name.replace('"', ""));
    transaction
        .execute_unprepared(&format!(
            "declare {cursor} no scroll cursor for select {} from {}",
            table.column_list(),
            table.quoted()
        ))
        .await?;
    loop {
        let page = transaction
            .query_all_raw(Statement::from_string(
                transaction.get_database_backend(),
                format!("fetch {PAGE_ROWS} from {cursor}"),
            ))
            .await?;
        for row in &page {
            visit(table.read(row, 0)?);
        }
        if page.is_empty() {
            return Ok(transaction.rollback().await?);
        }
    }
}

/// Returns the checksums of both outboxes: the content of each event, and whether it is due.
async fn outbox_checksums(transfer: &Transfer, schema: &Schema, table: &Table) -> Result<(Checksum, Checksum), Error> {
    let read = table.with_columns(&[&EVENT_COLUMNS[..], &["sent_at"]].concat());
    let mut pending = events::ids(transfer, schema).await?;
    let (mut source, mut destination) = (Checksum::default(), Checksum::default());
    for_each_source_row(schema, &read, |row| source.add(&comparable_event(row, &mut pending))).await?;
    // Events that the outbox has deleted by now and the log has yet to deliver.
    events::for_each(transfer, schema, |event| {
        if pending.remove(&event.id) {
            source.add(&[event.id.into(), event.subject.into(), event.payload.into(), true.into()]);
        }
    })
    .await?;
    for_each_destination_row(schema, &read, |row| destination.add(&comparable_event(row, &mut HashSet::new()))).await?;
    Ok((source, destination))
}

/// Returns an event's row with its last column, when it was sent, replaced by whether it is due.
fn comparable_event(mut row: Vec<Value>, pending: &mut HashSet<String>) -> Vec<Value> {
    let was_waiting = matches!(row.first(), Some(Value::String(Some(id))) if pending.remove(id));
    let was_sent = matches!(row.pop(), Some(Value::ChronoDateTimeUtc(Some(_))));
    row.push((was_waiting || !was_sent).into());
    row
}
