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
const SAYS: [&str; 3] = ["id", "subject", "payload"];

/// A line per table.
pub(super) async fn tables(transfer: &Transfer) -> Result<Vec<ReportRow>, Error> {
    let mut lines = Vec::new();
    for schema in &transfer.schemas {
        for table in &schema.tables {
            let (source, destination) =
                if table.name == "outbox" { outbox(transfer, schema, table).await? } else { (of_source(schema, table).await?, of_goal(schema, table).await?) };
            let part = format!("{}.{}", schema.service, table.name);
            lines.push(ReportRow { items: source.rows, there: destination.rows, bytes: source.bytes, fits: source == destination, ..ReportRow::new(&part) });
        }
    }
    Ok(lines)
}

async fn of_source(schema: &Schema, table: &Table) -> Result<Checksum, Error> {
    let mut tally = Checksum::default();
    each_of_source(schema, table, |row| tally.add(&row)).await?;
    Ok(tally)
}

async fn each_of_source(schema: &Schema, table: &Table, mut show: impl FnMut(Vec<Value>)) -> Result<(), Error> {
    let Some(source) = &schema.source else { return Ok(()) };
    let mut after = 0;
    loop {
        let page = rows::page(source, table, after).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        page.into_iter().for_each(|(_, row)| show(row));
    }
}

async fn of_goal(schema: &Schema, table: &Table) -> Result<Checksum, Error> {
    let mut tally = Checksum::default();
    each_of_goal(schema, table, |row| tally.add(&row)).await?;
    Ok(tally)
}

/// Through a cursor: one look at the whole table, whatever its key, in the memory of a page.
async fn each_of_goal(schema: &Schema, table: &Table, mut show: impl FnMut(Vec<Value>)) -> Result<(), db::Error> {
    let look = schema.destination.read().begin().await?;
    // A name of its own: a driver remembers what a `fetch` of this name brings.
    let cursor = format!("\"look at {}\"", table.name.replace('"', ""));
    look.execute_unprepared(&format!("declare {cursor} no scroll cursor for select {} from {}", table.list(), table.quoted())).await?;
    loop {
        let page = look.query_all_raw(Statement::from_string(look.get_database_backend(), format!("fetch {PAGE_ROWS} from {cursor}"))).await?;
        for row in &page {
            show(table.read(row, 0)?);
        }
        if page.is_empty() {
            return Ok(look.rollback().await?);
        }
    }
}

/// Both sides' outboxes: what each event says, and whether it is due.
async fn outbox(transfer: &Transfer, schema: &Schema, table: &Table) -> Result<(Checksum, Checksum), Error> {
    let read = table.only(&[&SAYS[..], &["sent_at"]].concat());
    let mut waits = events::ids(transfer, schema).await?;
    let (mut source, mut destination) = (Checksum::default(), Checksum::default());
    each_of_source(schema, &read, |row| source.add(&said(row, &mut waits))).await?;
    // What the outbox has forgotten by now and the log has yet to deliver.
    events::each(transfer, schema, |event| {
        if waits.remove(&event.id) {
            source.add(&[event.id.into(), event.subject.into(), event.payload.into(), true.into()]);
        }
    })
    .await?;
    each_of_goal(schema, &read, |row| destination.add(&said(row, &mut HashSet::new()))).await?;
    Ok((source, destination))
}

/// An event's row with its last column, when it was sent, replaced by whether it is due.
fn said(mut row: Vec<Value>, waits: &mut HashSet<String>) -> Vec<Value> {
    let was_waiting = matches!(row.first(), Some(Value::String(Some(id))) if waits.remove(id));
    let was_sent = matches!(row.pop(), Some(Value::ChronoDateTimeUtc(Some(_))));
    row.push((was_waiting || !was_sent).into());
    row
}
