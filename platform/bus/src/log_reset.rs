//! Detects that the bus's log was created anew, and sends again what the previous log had.
//!
//! A log that lives apart from the outboxes (JetStream) can be wiped. It lacks everything that was marked as sent
//! before it was created. Consumers' inboxes make the effects happen once. Invariant: a log is recorded as served only
//! after a pass that began when no process could still be marking rows that it had sent to the previous log.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::Error;
use super::engine::Engine;
use db::{Db, Lane, Sql};

/// How far the clocks of the bus and of the database's clients may differ, plus the few seconds that a process needs to
/// notice a new log.
const CLOCK_MARGIN: TimeDelta = TimeDelta::seconds(120);
/// The name under which the inbox records the logs that were served; no consumer has this name.
const SERVED_CONSUMER: &str = "(relay)";
const BATCH_ROWS: i64 = 1000;

/// What a relay knows of the log that it sends to.
#[derive(Debug, Default)]
pub(super) struct LogState {
    created_at: Option<DateTime<Utc>>,
    served: bool,
}

impl LogState {
    /// Marks as unsent what the log can't have, if it is a new one.
    ///
    /// It does so twice: at once, and after the margin, for what another process was sending to the old log while it
    /// was replaced. The log skips by id what it has by then.
    pub(super) async fn check(&mut self, db: &Db, engine: &dyn Engine, now: DateTime<Utc>) -> Result<(), Error> {
        match engine.created_at().await? {
            Some(created_at) => self.serve(db, created_at, now).await,
            None => Ok(()),
        }
    }

    async fn serve(&mut self, db: &Db, created_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        let (same, settled) = (self.created_at == Some(created_at), now > created_at + CLOCK_MARGIN);
        if same && (self.served || !settled) {
            return Ok(());
        }
        let mark = format!("log of {}", created_at.timestamp_micros());
        if self.created_at.is_none() && is_served(db, &mark).await? {
            *self = Self { created_at: Some(created_at), served: true };
            return Ok(());
        }
        let again = mark_unsent(db, now.min(created_at + CLOCK_MARGIN)).await?;
        if again > 0 {
            tracing::warn!(events = again, log.created_at = %created_at, "the bus has a new log; events that it lacks \
                are sent again");
        }
        if settled {
            db.write(Lane::of("prune"), async move |tx| tx.record_once(SERVED_CONSUMER, &mark, now).await)
                .await
                .map_err(|error: db::Error| error)?;
        }
        *self = Self { created_at: Some(created_at), served: settled };
        Ok(())
    }
}

async fn is_served(db: &Db, mark: &str) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        #[allow(dead_code)]
        event_id: String,
    }
    let found: Option<Found> = db
        .read()
        .row(
            "select event_id from inbox where consumer = $1 and event_id = $2",
            vec![SERVED_CONSUMER.into(), mark.into()],
        )
        .await?;
    Ok(found.is_some())
}

/// Works in small transactions, so that other writes do not wait for long.
async fn mark_unsent(db: &Db, before: DateTime<Utc>) -> Result<u64, Error> {
    let mut marked = 0;
    loop {
        let text = "update outbox set sent_at = null where id in (select id from outbox where sent_at < $1 limit $2)";
        let touched: u64 = db
            .write(Lane::of("prune"), async move |tx| {
                Ok::<_, Error>(tx.execute(text, vec![before.into(), BATCH_ROWS.into()]).await?)
            })
            .await?;
        marked += touched;
        if touched < BATCH_ROWS.unsigned_abs() {
            return Ok(marked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn unsent(db: &Db) -> Vec<String> {
        #[derive(FromQueryResult)]
        struct Row {
            id: String,
        }
        let rows: Vec<Row> = db
            .read()
            .rows("select id from outbox where sent_at is null order by id", vec![])
            .await
            .expect("the database responds");
        rows.into_iter().map(|row| row.id).collect()
    }

    async fn sent(db: &Db, id: &'static str, at: DateTime<Utc>) {
        let text = "insert into outbox (id, subject, payload, created_at, sent_at) values ($1, 'x', '{}', $2, $2) on \
            conflict (id) do update set sent_at = excluded.sent_at";
        let written: Result<u64, db::Error> =
            db.write(Lane::ALL, async move |tx| tx.execute(text, vec![id.into(), at.into()]).await).await;
        written.expect("the database responds");
    }

    #[tokio::test]
    async fn a_new_log_is_served_twice_and_then_left_alone_also_by_later_starts() {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let db = Db::sqlite(&folder.path().join("test.db")).await.expect("it opens");
        db.migrate("test", &[]).await.expect("it migrates");
        let created_at = Utc::now();
        let (before, after, at) = (created_at - TimeDelta::hours(1), created_at + TimeDelta::seconds(1), |seconds| {
            created_at + TimeDelta::seconds(seconds)
        });
        sent(&db, "a", before).await;
        sent(&db, "b", after).await;

        let mut log_state = LogState::default();
        log_state.serve(&db, created_at, at(5)).await.expect("the database responds");
        assert_eq!(unsent(&db).await, ["a", "b"], "what was sent about then may have gone to the previous log");
        sent(&db, "a", at(6)).await;
        sent(&db, "b", at(6)).await;
        log_state.serve(&db, created_at, at(10)).await.expect("the database responds");
        assert!(unsent(&db).await.is_empty(), "once is enough for now");
        sent(&db, "c", at(200)).await;
        // Another start, before the margin is over, can't know what the first one has done.
        LogState::default().serve(&db, created_at, at(60)).await.expect("the database responds");
        assert_eq!(unsent(&db).await, ["a", "b"]);
        sent(&db, "a", at(61)).await;
        sent(&db, "b", at(61)).await;
        log_state.serve(&db, created_at, at(300)).await.expect("the database responds");
        assert_eq!(unsent(&db).await, ["a", "b"], "the second pass");
        sent(&db, "a", at(301)).await;
        sent(&db, "b", at(119)).await;
        log_state.serve(&db, created_at, at(400)).await.expect("the database responds");
        LogState::default().serve(&db, created_at, at(500)).await.expect("the database responds");
        assert!(unsent(&db).await.is_empty(), "a log that was served is left alone");

        log_state.serve(&db, at(1000), at(1001)).await.expect("the database responds");
        assert_eq!(unsent(&db).await, ["a", "b", "c"], "yet another log");
    }
}
