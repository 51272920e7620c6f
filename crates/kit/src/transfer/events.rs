//! Events that somebody has yet to take: they become due again in their publisher's outbox.
//!
//! Every consumer subscriptions them once more, also those that had taken them: effects are upserts or stand in an inbox, which is moved with its rows.
//! Invariant: what waited in the log, was at work or lay among the dead letters is unsent in the goal.

use std::collections::{BTreeMap, HashSet};

use super::{Error, Schema, Transfer};
use crate::bus::pending::{self, PendingEvent};
use crate::db::{self, Db, Sql, Value, placeholders};

const PAGE_ROWS: i64 = 250;

/// Makes them due; answers how many, and how many were left: those of a publisher that there is no more, whom nobody subscriptions either.
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
    let text = format!("insert into outbox (id, subject, payload, created_at) values {} on conflict (id) do update set sent_at = null", placeholders(events.len(), 4));
    let values: Vec<Value> = events.into_iter().flat_map(|event| [event.id.into(), event.subject.into(), event.payload.into(), event.published_at.into()]).collect();
    destination.write(move |tx| Box::pin(async move { tx.execute(&text, values).await.map(drop) })).await
}

/// The ids of a publisher's events that somebody has yet to take.
pub(super) async fn ids(transfer: &Transfer, schema: &Schema) -> Result<HashSet<String>, Error> {
    let mut ids = HashSet::new();
    for_each(transfer, schema, |event| {
        ids.insert(event.id);
    })
    .await?;
    Ok(ids)
}

/// Shows each of them.
pub(super) async fn for_each(transfer: &Transfer, schema: &Schema, mut visit: impl FnMut(PendingEvent)) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let page = pending::page(&transfer.log, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        page.into_iter().filter(|event| event.publisher() == schema.service).for_each(&mut visit);
    }
}
