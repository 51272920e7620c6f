//! Removing what is too old: messages, by the configuration, and what verdicts compare with.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due.

use chrono::TimeDelta;
use db::Lane;
use db::schedule::Run;
use screening_store::{texts, verdicts};

use super::screen::FIRST_TEXT_AGE;
use crate::error::Error;
use crate::state::Chat;
use crate::store::{VERDICTS, expiry};

/// Rows per transaction. Small, so that other writes never wait long.
const BATCH: usize = 200;
/// How long a verdict is kept: as long as a decision of moderation about it, by default.
const VERDICT_AGE: TimeDelta = TimeDelta::days(180);
/// How long a conversation is kept in which nothing has happened.
const EMPTY_AGE: TimeDelta = TimeDelta::days(7);
/// How long it is known when a member was online last.
const SEEN_AGE: TimeDelta = TimeDelta::days(30);
/// How long the id of an erased account is kept.
const ERASED_AGE: TimeDelta = TimeDelta::days(30);

/// Removes old rows, in batches.
pub(crate) async fn remove_expired(chat: &Chat, run: &Run) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let before = chat.config.message_age().map(|age| now - age);
    let domain_age = chat.config.domain_age();
    loop {
        let run = run.clone();
        let removed = chat
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                expiry::remove_old_erased(tx, now - ERASED_AGE, BATCH).await?;
                let first = texts::remove_old_first(tx, &VERDICTS, now - FIRST_TEXT_AGE, BATCH).await?;
                let told = verdicts::remove_old(tx, &VERDICTS, now - VERDICT_AGE, BATCH).await?;
                let domains = texts::remove_old_domains(tx, &VERDICTS, now - domain_age, BATCH).await?;
                let most = usize::try_from(first.max(told).max(domains)).unwrap_or(BATCH);
                let mut most = most.max(expiry::remove_empty(tx, now - EMPTY_AGE, BATCH).await?);
                most = most.max(expiry::remove_old_seen(tx, now - SEEN_AGE, BATCH).await?);
                if let Some(before) = before {
                    most = most.max(expiry::remove_old_messages(tx, before, BATCH).await?);
                    most = most.max(expiry::remove_old_changes(tx, before, BATCH).await?);
                }
                Ok::<_, Error>(most)
            })
            .await?;
        if removed < BATCH {
            return Ok(());
        }
    }
}
