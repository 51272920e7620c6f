//! Noticing that the bus's log was made anew, and sending it what the one before had.
//!
//! A log that lives apart from the outboxes (JetStream) can be wiped. Whatever was marked sent before it was born isn't in it. Consumers'
//! inboxes make the effects happen once. Invariant: a log is noted as served only after a pass that began when no process could still
//! be marking rows that it had sent to the log before.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::Error;
use super::engine::Engine;
use crate::db::{self, Db, Sql};

/// How far the clocks of the bus and of the database's users may be apart, plus the few seconds that a process needs to notice a new log.
const MARGIN: TimeDelta = TimeDelta::seconds(120);
/// The name under which the inbox keeps the logs that were served; no consumer is called so.
const SERVED: &str = "(relay)";
const CHUNK: i64 = 1000;

/// What a relay knows of the log that it sends to.
#[derive(Debug, Default)]
pub(super) struct Known {
    born: Option<DateTime<Utc>>,
    served: bool,
}

impl Known {
    /// Marks unsent what the log can't have, if it is a new one.
    ///
    /// Twice: at once, and when the margin is over, for what another process was sending to the old log while it was replaced. What the
    /// log has by then is skipped by its id.
    pub(super) async fn look(&mut self, db: &Db, engine: &dyn Engine, now: DateTime<Utc>) -> Result<(), Error> {
        let Some(born) = engine.born().await? else { return Ok(()) };
        let (same, settled) = (self.born == Some(born), now > born + MARGIN);
        if same && (self.served || !settled) {
            return Ok(());
        }
        let mark = format!("log of {}", born.timestamp_micros());
        if self.born.is_none() && served(db, &mark).await? {
            *self = Self { born: Some(born), served: true };
            return Ok(());
        }
        let again = mark_unsent(db, now.min(born + MARGIN)).await?;
        if again > 0 {
            tracing::warn!(events = again, log.born = %born, "the bus's log is a new one; events that it lacks are sent again");
        }
        if settled {
            db.write(move |tx| Box::pin(async move { tx.first_time(SERVED, &mark, now).await })).await.map_err(|error: db::Error| error)?;
        }
        *self = Self { born: Some(born), served: settled };
        Ok(())
    }
}

async fn served(db: &Db, mark: &str) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        #[allow(dead_code)]
        event_id: String,
    }
    let found: Option<Found> = db.read().row("select event_id from inbox where consumer = $1 and event_id = $2", vec![SERVED.into(), mark.into()]).await?;
    Ok(found.is_some())
}

/// In small transactions, so that nobody else's write waits for long.
async fn mark_unsent(db: &Db, before: DateTime<Utc>) -> Result<u64, Error> {
    let mut marked = 0;
    loop {
        let text = "update outbox set sent_at = null where id in (select id from outbox where sent_at < $1 limit $2)";
        let touched: u64 = db.write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.execute(text, vec![before.into(), CHUNK.into()]).await?) })).await?;
        marked += touched;
        if touched < CHUNK.unsigned_abs() {
            return Ok(marked);
        }
    }
}
