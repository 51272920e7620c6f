//! Pending events: they become due again in their publisher's outbox.
//!
//! Every consumer gets them once more, including those that had handled them: effects are upserts or recorded in an
//! inbox, which is moved with its rows. Invariant: an event that was pending, in progress or a dead letter is unsent at
//! the destination.

use std::collections::{BTreeMap, HashSet};

use super::{Error, Schema, Transfer};
use bus::pending;
use bus::pending::PendingEvent;
use db::{Db, Lane, Sql, Value, placeholders};

const PAGE_ROWS: i64 = 250;

/// Makes the events due. Returns how many, and how many were skipped because this release has neither their publisher
/// nor a consumer for them.
pub(super) async fn make_due(transfer: &Transfer) -> Result<(u64, u64), Error> {
    let (mut after, mut due, mut skipped) = (0, 0, 0);
    loop {
        let page = pending::page(&transfer.log, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok((due, skipped)) };
        after = last.position;
        let mut by_publisher: BTreeMap<String, Vec<PendingEvent>> = BTreeMap::new();
        page.into_iter().for_each(|event| by_publisher.entry(event.publisher().to_owned()).or_default().push(event));
        for (publisher, events) in by_publisher {
            match transfer.schemas.iter().find(|schema| schema.service == publisher) {
                Some(schema) => {
                    due += events.len() as u64;
                    store(&schema.destination, events).await?;
                }
                None => skipped += events.len() as u64,
            }
        }
    }
}

async fn store(destination: &Db, events: Vec<PendingEvent>) -> Result<(), db::Error> {
    let text = format!(
        "insert into outbox (id, subject, payload, created_at) values {} on conflict (id) do update set sent_at = null",
        placeholders(events.len(), 4)
    );
    let values: Vec<Value> = events
        .into_iter()
        .flat_map(|event| [event.id.into(), event.subject.into(), event.payload.into(), event.published_at.into()])
        .collect();
    destination.write(Lane::ALL, async move |tx| tx.execute(&text, values).await.map(drop)).await
}

/// Returns the ids of a publisher's pending events.
pub(super) async fn ids(transfer: &Transfer, schema: &Schema) -> Result<HashSet<String>, Error> {
    let mut ids = HashSet::new();
    for_each(transfer, schema, |event| {
        ids.insert(event.id);
    })
    .await?;
    Ok(ids)
}

/// Visits each of them.
pub(super) async fn for_each(
    transfer: &Transfer,
    schema: &Schema,
    mut visit: impl FnMut(PendingEvent),
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let page = pending::page(&transfer.log, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        page.into_iter().filter(|event| event.publisher() == schema.service).for_each(&mut visit);
    }
}
