//! Making an edition of the rising posts.
//!
//! It reads the posts of three days in small steps and writes only if the order has changed. Invariant: editions are
//! kept for an hour after a newer one, so that a walk through one comes to its end.

use chrono::{DateTime, TimeDelta, Utc};
use db::Lane;
use db::schedule::Run;
use uuid::Uuid;

use crate::error::Error;
use crate::model::Position;
use crate::model::rising::{Rising, keep_best, score, spread};
use crate::state::Social;
use crate::store::feed_sources::Window;
use crate::store::rising;

/// Older posts rise no more: six half-lives.
const MAX_AGE: TimeDelta = TimeDelta::days(3);
/// Posts of one step.
const STEP: usize = 500;
/// How long an edition is kept.
const EDITION_TTL: TimeDelta = TimeDelta::hours(1);

/// Ranks the posts for everyone, and writes the order if it has changed.
pub(crate) async fn rank_rising(social: &Social, run: &Run) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let ranked = spread(best_posts(social, now).await?);
    let newest = rising::find_edition(sql).await?;
    let known = match newest {
        Some(edition) => rising::list_all(sql, edition).await?,
        None => Vec::new(),
    };
    let order: Vec<Uuid> = ranked.iter().map(|post| post.post).collect();
    // A removed post leaves its edition, so the same order may have fewer rows than it had.
    let edition = now.timestamp();
    if order != known && newest.is_none_or(|newest| newest < edition) {
        let run = run.clone();
        let lane = Lane::of("rising");
        social
            .context
            .db
            .write(lane, async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(rising::insert(tx, edition, &ranked).await?)
            })
            .await?;
    }
    remove_old(social, run, now).await
}

/// Returns the posts of an edition, not yet in order.
async fn best_posts(social: &Social, now: DateTime<Utc>) -> Result<Vec<Rising>, Error> {
    let sql = social.context.db.read();
    let mut best: Vec<Rising> = Vec::new();
    let mut window = Window { above: Position::at(now - MAX_AGE, 0), before: Position::END };
    loop {
        let posts = rising::list_scored(sql, now, window, STEP).await?;
        let (is_full, last) = (posts.len() == STEP, posts.last().map(|post| post.position));
        best.extend(posts.into_iter().map(|post| Rising {
            post: post.post,
            author: post.author,
            score: score(post.counts, TimeDelta::microseconds(now.timestamp_micros() - post.published_us)),
        }));
        best = keep_best(best);
        match last {
            Some(last) if is_full => window.before = last,
            _ => return Ok(best),
        }
    }
}

async fn remove_old(social: &Social, run: &Run, now: DateTime<Utc>) -> Result<(), Error> {
    let then = (now - EDITION_TTL).timestamp();
    let Some(current_then) = rising::find_edition_at(social.context.db.read(), then).await? else { return Ok(()) };
    loop {
        let run = run.clone();
        let removed = social
            .context
            .db
            .write(Lane::of("rising"), async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(rising::remove_before(tx, current_then, STEP).await?)
            })
            .await?;
        if removed < STEP as u64 {
            return Ok(());
        }
    }
}
