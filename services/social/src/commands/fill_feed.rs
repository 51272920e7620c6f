//! Beginning to write a member's feed, and filling it with what the people whom they follow have posted.
//!
//! In two steps. The first makes fan-out write to the feed; the second, after its commit, reads the posts: each was
//! committed before and is read, or is written by its fan-out. Invariant: only the second step says which entries
//! count, and only if the feed was not asked for again in between.

use chrono::TimeDelta;
use contract::AccountId;
use contract::social::FeedWanted;
use db::Lane;

use crate::error::Error;
use crate::model::{Person, Position};
use crate::state::Social;
use crate::store::{feed_entries, feed_owners, feed_sources, people};

/// The most entries that a feed is filled with.
const MAX_ENTRIES: usize = 500;
/// A feed with fewer is filled from a longer time.
const MIN_ENTRIES: usize = 200;
/// The first time from which it is filled.
const FIRST_AGE: TimeDelta = TimeDelta::days(1);
/// A follow may be committed this long after its time was taken; clocks of processes differ by less.
const FOLLOW_MARGIN_S: i64 = 600;

/// Asks for entries of a member's feed.
pub(crate) async fn want_feed(social: &Social, owner: Person) -> Result<(), Error> {
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&owner.account), async move |tx| {
            if people::is_erased(tx, owner.account).await? {
                return Ok(());
            }
            feed_owners::want(tx, owner.number, now).await?;
            Ok::<_, Error>(tx.publish(&FeedWanted { account: owner.account }, now)?)
        })
        .await
}

/// Fills the feed of an account.
pub(crate) async fn fill_feed(social: &Social, account: AccountId) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let Some(owner) = people::find_by_account(sql, account).await? else { return Ok(()) };
    let Some(feed) = feed_owners::find(sql, owner.number).await? else { return Ok(()) };
    let mut floor = Position::START;
    let mut positions = Vec::new();
    for age in [FIRST_AGE, social.config.feed_age()] {
        floor = Position::at(now - age, 0);
        positions = feed_sources::list_followed_positions(sql, owner.number, floor, MAX_ENTRIES).await?;
        if positions.len() >= MIN_ENTRIES {
            break;
        }
    }
    // The oldest of as many as there may be is the last that is certainly there.
    let last = positions.last().filter(|_| positions.len() == MAX_ENTRIES).copied();
    let (floor, complete_s) = (last.unwrap_or(Position(floor.0.saturating_add(1))), now.timestamp() - FOLLOW_MARGIN_S);
    social
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            if feed_owners::set_filled(tx, owner.number, feed.wanted_us, floor, complete_s).await? {
                let entries: Vec<_> = positions.iter().map(|position| (owner.number, *position)).collect();
                feed_entries::insert(tx, &entries).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
