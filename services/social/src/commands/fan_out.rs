//! Writing a post to the feeds of its author's followers.
//!
//! A post is read by merging until its last entry is written, so nobody waits for this, and a process that is killed
//! anywhere leaves a cursor from which the next one goes on. Invariant: a batch writes entries and moves the cursor in
//! one transaction, under the lane of the author; an entry is there once.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::PersonNumber;
use crate::state::Social;
use crate::store::{counts, feed_entries, merged_posts};

/// Followers of one transaction.
const BATCH: usize = 400;
/// Batches after which the fan-outs of other posts go first.
const BATCHES_PER_TURN: usize = 4;

/// Writes some of a post's entries, unless its author has so many followers that their reads merge it. Returns whether
/// nothing is left to do.
pub(crate) async fn fan_out(social: &Social, post: Uuid, author: AccountId) -> Result<bool, Error> {
    for _ in 0..BATCHES_PER_TURN {
        if write_batch(social, post, author).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn write_batch(social: &Social, post: Uuid, author: AccountId) -> Result<bool, Error> {
    let threshold = u64::from(social.config.fan_out_threshold);
    social
        .context
        .db
        .write(Lane::of(&author), async move |tx| {
            let Some(fan_out) = merged_posts::find(tx, post).await? else { return Ok(true) };
            let author = fan_out.author;
            if fan_out.is_new() && counts::find_of_person(tx, author, author).await?.followers > threshold {
                return Ok(true);
            }
            let followers = merged_posts::list_followers(tx, &fan_out, BATCH).await?;
            let with_feed = followers.iter().filter(|follower| follower.has_feed);
            let entries: Vec<_> = with_feed.map(|follower| (PersonNumber(follower.number), fan_out.position)).collect();
            feed_entries::insert(tx, &entries).await?;
            match followers.last() {
                Some(last) if followers.len() == BATCH => {
                    merged_posts::advance(tx, post, *last).await?;
                    Ok(false)
                }
                _ => {
                    merged_posts::remove(tx, post).await?;
                    Ok::<_, Error>(true)
                }
            }
        })
        .await
}

#[cfg(test)]
mod tests;
