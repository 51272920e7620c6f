//! The task that sends the mails of one service's database.
//!
//! A row is claimed under a lease, sent, and settled. A process that dies in between leaves its lease; another attempt
//! then sends the same message with the same `Message-ID`, so a mail arrives at least once. Invariant: a mail is tried
//! [`MAX_ATTEMPTS`] times at most, over about a day; the log has no address, no subject, no body and no link.

use std::time::Duration;

use base::Transient as _;
use base::error::chain;
use base::tasks::Tasks;
use chrono::TimeDelta;
use db::{Db, Sql as _};
use futures::future::join_all;
use sea_orm::DbBackend;

use super::Mail;
use super::error::Error;
use super::forget::forget_due;
use super::message::Message;
use super::store::{self, Claimed, Settlement};

/// After so many attempts, which take about 24 hours, a mail is a dead letter.
pub const MAX_ATTEMPTS: i64 = 14;
/// The pause after the first attempt; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const MAX_PAUSE: Duration = Duration::from_secs(4 * 3600);
/// How much is added to a pause at most, as a share of it, so that a server that was down doesn't get all at once.
const JITTER: f64 = 0.25;
/// The table is polled even without a notification: a process may have died between its commit and the notification.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// A mail is recorded before its transaction commits; this is about as long as a commit takes.
const COMMIT_TIME: Duration = Duration::from_millis(50);
/// The pause after a round in which the server or the database was unavailable.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);
/// Soon after the start, as some processes never run for long.
const FIRST_PRUNE_DELAY: Duration = Duration::from_secs(60);
/// How long mails that are being sent may take once the process is stopping.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// By how much the clocks of two processes may differ.
const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(2);
/// Attempts to settle a row. After that its lease ends, and the mail is sent once more.
const MAX_SETTLE_ATTEMPTS: u32 = 10;

/// Sends the mails of a database.
struct Sender {
    service: &'static str,
    db: Db,
    mail: Mail,
    owner: Tasks,
}

/// What a round did.
#[derive(Clone, Copy)]
struct Round {
    claimed: usize,
    was_unavailable: bool,
}

/// Starts the task for `db`, which belongs to `service`.
pub(crate) fn start(service: &'static str, db: Db, mail: Mail, tasks: &Tasks) {
    let sender = Sender { service, db, mail, owner: tasks.clone() };
    tasks.spawn(async move { sender.run().await });
}

impl Sender {
    async fn run(&self) {
        // A SQLite file belongs to one process at a time: a lease in it was held by one that is dead.
        if self.db.read().backend() == DbBackend::Sqlite
            && let Err(error) = store::end_leases(&self.db, self.mail.0.clock.now()).await
        {
            tracing::warn!(service = self.service, error = chain(&error), "mails wait for the end of old leases");
        }
        let mut prune_at = tokio::time::Instant::now() + FIRST_PRUNE_DELAY;
        while !self.owner.is_stopping() {
            if prune_at <= tokio::time::Instant::now() {
                prune_at = tokio::time::Instant::now() + PRUNE_INTERVAL;
                self.prune().await;
            }
            if let Err(error) = forget_due(&self.db, &*self.mail.0.engine, self.mail.0.clock.now()).await {
                tracing::warn!(service = self.service, error = chain(&error), "forgotten mails could not be read");
            }
            let Some(round) = self.round_before_stop().await else { return };
            let (pause, is_idle) = match round {
                Ok(round) if round.was_unavailable => (RETRY_INTERVAL, false),
                Ok(round) if round.claimed == self.mail.0.engine.concurrency() => continue,
                Ok(_) => (POLL_INTERVAL, true),
                Err(error) => {
                    tracing::warn!(service = self.service, error = chain(&error), "mails wait in the outbox");
                    (RETRY_INTERVAL, false)
                }
            };
            let is_over = tokio::select! {
                () = self.mail.0.recorded.notified(), if is_idle => !self.owner.sleep(COMMIT_TIME).await,
                completed = self.owner.sleep(pause) => !completed,
            };
            if is_over {
                return;
            }
        }
    }

    /// Deletes what has been kept long enough: rows, their bodies, and what the engine keeps.
    async fn prune(&self) {
        if let Err(error) = store::prune(&self.db, self.mail.0.clock.now()).await {
            tracing::warn!(service = self.service, error = chain(&error), "old mails could not be deleted");
        }
        if let Err(error) = self.mail.sweep().await {
            tracing::warn!(service = self.service, error = chain(&error), "old files of mails could not be deleted");
        }
    }

    /// Runs a round, to its end if the process is stopping and it ends soon; otherwise `None`, and the leases end by
    /// themselves.
    async fn round_before_stop(&self) -> Option<Result<Round, db::Error>> {
        let grace = async {
            self.owner.stopping().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            round = self.round() => Some(round),
            () = grace => None,
        }
    }

    /// Sends as many mails as may be sent at once.
    async fn round(&self) -> Result<Round, db::Error> {
        let (engine, now) = (&self.mail.0.engine, self.mail.0.clock.now());
        let lease = TimeDelta::from_std(engine.timeout()).unwrap_or(TimeDelta::minutes(10)) + CLOCK_DIFFERENCE;
        let claimed = store::claim_due(&self.db, now, now + lease, engine.concurrency()).await?;
        let count = claimed.len();
        let unavailable = join_all(claimed.into_iter().map(|row| self.send(row))).await;
        Ok(Round { claimed: count, was_unavailable: unavailable.into_iter().any(|unavailable| unavailable) })
    }

    /// Sends a mail and records how that ended. Returns whether the engine was unavailable.
    async fn send(&self, row: Claimed) -> bool {
        let Claimed { id, template, content, fence, attempt } = row;
        let message = match content {
            Some(content) => {
                self.mail.0.allow_list.check(&content.to).and_then(|()| Message::write(&self.mail.0.sender, content))
            }
            None => Err(Error::Unwritable("its row has no recipient or no body")),
        };
        let sent = match message {
            Ok(message) => self.mail.0.engine.send(&message).await,
            Err(error) => Err(error),
        };
        let settlement = match &sent {
            Ok(()) => Settlement::Sent,
            Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS => {
                let pause = self.mail.0.random.jitter(pause_after(attempt), JITTER);
                // Whole milliseconds, as times in a database have microseconds at best.
                let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                let due_at = self.mail.0.clock.now() + TimeDelta::milliseconds(pause);
                Settlement::Retry { due_at, reason: error.reason() }
            }
            Err(error) => Settlement::Dead { reason: error.reason() },
        };
        let (service, outcome) = (self.service, outcome(&sent, &settlement));
        self.mail.0.metrics.attempted(outcome);
        match (&sent, &settlement) {
            (Ok(()), _) => tracing::debug!(service, mail.id = id, mail.template = template, attempt, "a mail is sent"),
            // The list logs the first one.
            (Err(Error::Withheld), _) => {}
            (Err(error), Settlement::Dead { .. }) => {
                let error = chain(error);
                tracing::error!(service, mail.id = id, mail.template = template, attempt, error, "a mail is dead");
            }
            (Err(error), _) => {
                let error = chain(error);
                tracing::warn!(service, mail.id = id, mail.template = template, attempt, error, "a mail waits");
            }
        }
        self.settle(id, fence, settlement).await;
        matches!(sent, Err(Error::Unavailable { .. } | Error::Folder(_)))
    }

    async fn settle(&self, id: String, fence: i64, settlement: Settlement) {
        for attempt in 1..=MAX_SETTLE_ATTEMPTS {
            let now = self.mail.0.clock.now();
            match store::settle(&self.db, id.clone(), fence, settlement.clone(), now).await {
                Ok(true) => return,
                Ok(false) => {
                    // Or this process was not told that an earlier attempt to settle it had succeeded.
                    tracing::debug!(service = self.service, mail.id = id, "another process has claimed the mail");
                    return;
                }
                Err(error) => {
                    let (service, error_text) = (self.service, chain(&error));
                    tracing::warn!(service, mail.id = id, attempt, error = error_text, "a mail could not be settled");
                    if !error.is_transient() || !self.owner.sleep(RETRY_INTERVAL).await {
                        return;
                    }
                }
            }
        }
    }
}

fn outcome(sent: &Result<(), Error>, settlement: &Settlement) -> &'static str {
    match (sent, settlement) {
        (Err(Error::Withheld), _) => "withheld",
        (_, Settlement::Sent) => "sent",
        (_, Settlement::Retry { .. }) => "deferred",
        (_, Settlement::Dead { .. }) => "dead",
    }
}

/// Returns the pause after an attempt that failed, without jitter. Attempts count from 1.
fn pause_after(attempt: i64) -> Duration {
    let doublings = u32::try_from((attempt - 1).clamp(0, 16)).unwrap_or(0);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_about_a_day_with_growing_pauses() {
        let pauses: Vec<u64> = (1..MAX_ATTEMPTS).map(|attempt| pause_after(attempt).as_secs() / 60).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240, 240]);
        let hours = pauses.iter().sum::<u64>() / 60;
        assert!((20..=28).contains(&hours), "{hours} hours");
    }
}
