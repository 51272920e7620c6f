//! Removing what is over: stories whose day has passed, and rows that only count for a while.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due. An expired story is shown
//! to nobody, whether or not it was removed yet.

use chrono::TimeDelta;
use db::Lane;
use db::schedule::Run;
use screening_store::{texts, verdicts};

use super::publish_post::remove;
use super::screen::FIRST_TEXT_AGE;
use crate::error::Error;
use crate::model::Position;
use crate::state::Social;
use crate::store::verdicts::HOME;
use crate::store::{budgets, greetings, people, posts, removals, reports, songs};

/// Posts per transaction, each with rows of media, tags and mentions.
const BATCH_POSTS: usize = 20;
/// Rows per transaction.
const BATCH_ROWS: usize = 500;
/// How long a greeting is listed after its link has ended.
const ENDED_GREETING_TTL: TimeDelta = TimeDelta::days(30);
/// Greetings per transaction, each with a clip and its visitors.
const BATCH_GREETINGS: usize = 20;
/// Songs per transaction.
const BATCH_SONGS: usize = 50;
/// How long an erased account is remembered. No event about it can arrive any more then: the bus keeps 7 days.
const ERASED_TTL: TimeDelta = TimeDelta::days(30);

/// How long a verdict is kept: as long as a decision of moderation about it, by default.
const VERDICT_AGE: TimeDelta = TimeDelta::days(180);
/// After how long without a link to it a site is new again for verdicts.
const DOMAIN_AGE: TimeDelta = TimeDelta::days(365);

/// Removes the stories that have expired.
pub(crate) async fn remove_expired_posts(social: &Social, run: &Run) -> Result<(), Error> {
    let now = social.context.clock.now();
    loop {
        let run = run.clone();
        let found = social
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let expired = posts::list_expired(tx, now, BATCH_POSTS).await?;
                let found = expired.len();
                for post in expired {
                    if let Some(author) = people::find(tx, post.author).await? {
                        remove(tx, &author, &[post], now).await?;
                    } else {
                        posts::remove(tx, &[post.id]).await?;
                    }
                }
                Ok::<_, Error>(found)
            })
            .await?;
        if found < BATCH_POSTS {
            return Ok(());
        }
    }
}

/// Removes rows of earlier hours, of accounts that were erased long ago, of greetings that have ended, of reports that
/// were closed long ago, of what moderators removed long ago, of songs that no post names, and of what verdicts compare
/// with no more.
pub(crate) async fn remove_old_rows(social: &Social, run: &Run) -> Result<(), Error> {
    let now = social.context.clock.now();
    let closed_before = now - social.config.report_age();
    loop {
        let run = run.clone();
        let removed = social
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let budgets = budgets::remove_old(tx, now, BATCH_ROWS).await?;
                let erased = people::remove_erased(tx, now - ERASED_TTL, BATCH_ROWS).await?;
                let visits = greetings::remove_old_visits(tx, now, BATCH_ROWS).await?;
                let ended = greetings::list_ended(tx, now - ENDED_GREETING_TTL, BATCH_GREETINGS).await?;
                let has_more = greetings::remove(tx, &ended).await? == BATCH_GREETINGS as u64;
                let closed = reports::remove_closed(tx, closed_before, BATCH_ROWS).await?;
                let told = removals::remove_old(tx, Position::at(closed_before, 0), BATCH_ROWS).await?;
                let has_songs = songs::remove_unused(tx, BATCH_SONGS).await? == BATCH_SONGS as u64;
                let texts = texts::remove_old_first(tx, &HOME, now - FIRST_TEXT_AGE, BATCH_ROWS).await?;
                let domains = texts::remove_old_domains(tx, &HOME, now - DOMAIN_AGE, BATCH_ROWS).await?;
                let verdicts = verdicts::remove_old(tx, &HOME, now - VERDICT_AGE, BATCH_ROWS).await?;
                let of_verdicts = texts.max(domains).max(verdicts);
                let removed = budgets.max(erased).max(visits).max(closed).max(told).max(of_verdicts);
                Ok::<_, Error>(if has_more || has_songs { BATCH_ROWS as u64 } else { removed })
            })
            .await?;
        if removed < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
