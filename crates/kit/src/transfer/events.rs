//! Events that somebody has yet to take: they become due again in their publisher's outbox.
//!
//! Every consumer hears them once more, also those that had taken them: effects are upserts or stand in an inbox, which is moved with its rows.
//! Invariant: what waited in the log, was at work or lay among the dead letters is unsent in the goal.

use std::collections::{BTreeMap, HashSet};

use super::{Error, Schema, Transfer};
use crate::bus::unfinished::{self, Unfinished};
use crate::db::{self, Db, Sql, Value, placeholders};

const PAGE: i64 = 250;

/// Makes them due; answers how many, and how many were left: those of a publisher that there is no more, whom nobody hears either.
pub(super) async fn make_due(transfer: &Transfer) -> Result<(u64, u64), Error> {
    let (mut after, mut due, mut left) = (0, 0, 0);
    loop {
        let page = unfinished::page(&transfer.log, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((due, left)) };
        after = last.position;
        let mut of: BTreeMap<String, Vec<Unfinished>> = BTreeMap::new();
        page.into_iter().for_each(|event| of.entry(event.publisher().to_owned()).or_default().push(event));
        for (publisher, events) in of {
            match transfer.schemas.iter().find(|schema| schema.service == publisher) {
                Some(schema) => {
                    due += events.len() as u64;
                    store(&schema.goal, events).await?;
                }
                None => left += events.len() as u64,
            }
        }
    }
}

async fn store(goal: &Db, events: Vec<Unfinished>) -> Result<(), db::Error> {
    let text = format!("insert into outbox (id, subject, payload, created_at) values {} on conflict (id) do update set sent_at = null", placeholders(events.len(), 4));
    let values: Vec<Value> = events.into_iter().flat_map(|event| [event.id.into(), event.subject.into(), event.payload.into(), event.published_at.into()]).collect();
    goal.write(move |tx| Box::pin(async move { tx.execute(&text, values).await.map(drop) })).await
}

/// The ids of a publisher's events that somebody has yet to take.
pub(super) async fn ids(transfer: &Transfer, schema: &Schema) -> Result<HashSet<String>, Error> {
    let mut ids = HashSet::new();
    each(transfer, schema, |event| {
        ids.insert(event.id);
    })
    .await?;
    Ok(ids)
}

/// Shows each of them.
pub(super) async fn each(transfer: &Transfer, schema: &Schema, mut show: impl FnMut(Unfinished)) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let page = unfinished::page(&transfer.log, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        page.into_iter().filter(|event| event.publisher() == schema.service).for_each(&mut show);
    }
}
