//! Events of a restored point: those that a consumer had yet to handle are sent again.
//!
//! A restored server begins with a new log. From the embedded log of the point, the events that were pending become
//! due again in their publishers' outboxes. NATS has no copy in a point, so there every event that the outboxes still
//! have becomes due. Consumers handle an event once, as their inboxes are of the same moment. Invariant: an event whose
//! effect is not in the restored rows is sent.

use std::collections::BTreeMap;

use bus::pending::{self, PendingEvent};
use db::{Db, Lane, Sql as _, Value, placeholders};

use super::rows::OLD_BUS;
use crate::Error;
use crate::installation::Installation;
use crate::manifest::{Engine, Manifest};
use crate::sqlite;
use objects::reconcile::RoleDatabase;

const PAGE_ROWS: i64 = 250;
/// Events that one transaction makes due.
const BATCH_ROWS: i64 = 500;

const AGAIN: &str = "
    update outbox
       set sent_at = null
     where id in (
           select id
             from outbox
            where sent_at is not null
            limit $1)";

/// Makes the events due.
pub(super) async fn make_due(
    installation: &Installation,
    manifest: &Manifest,
    databases: &[RoleDatabase],
) -> Result<(), Error> {
    if manifest.engine == Engine::Postgresql {
        for RoleDatabase { db, .. } in databases {
            while mark_unsent(db).await? == BATCH_ROWS.unsigned_abs() {}
        }
    }
    let file = installation.database_file(OLD_BUS);
    if file.is_file() {
        make_pending_due(&file, databases).await?;
        for ending in ["", "-wal", "-shm"] {
            sqlite::remove(&file.with_extension(format!("db{ending}"))).await?;
        }
    }
    Ok(())
}

async fn mark_unsent(db: &Db) -> Result<u64, db::Error> {
    db.write(Lane::ALL, async |tx| tx.execute(AGAIN, vec![BATCH_ROWS.into()]).await).await
}

async fn make_pending_due(file: &std::path::Path, databases: &[RoleDatabase]) -> Result<(), Error> {
    let (log, mut after) = (pending::open(file).await?, 0);
    loop {
        let page = pending::page(&log, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        let mut by_publisher: BTreeMap<String, Vec<PendingEvent>> = BTreeMap::new();
        page.into_iter().for_each(|event| by_publisher.entry(event.publisher().to_owned()).or_default().push(event));
        for (publisher, events) in by_publisher {
            match databases.iter().find(|database| database.service == publisher) {
                Some(RoleDatabase { db, .. }) => store(db, events).await?,
                None => tracing::warn!(publisher, events = events.len(), "events of a role that is gone are left out"),
            }
        }
    }
    log.close().await.map_err(db::Error::from)?;
    Ok(())
}

async fn store(db: &Db, events: Vec<PendingEvent>) -> Result<(), db::Error> {
    let text = format!(
        "insert into outbox (id, subject, payload, created_at) values {} on conflict (id) do update set sent_at = null",
        placeholders(events.len(), 4)
    );
    let values: Vec<Value> = events
        .into_iter()
        .flat_map(|event| [event.id.into(), event.subject.into(), event.payload.into(), event.published_at.into()])
        .collect();
    db.write(Lane::ALL, async move |tx| tx.execute(&text, values).await.map(drop)).await
}
