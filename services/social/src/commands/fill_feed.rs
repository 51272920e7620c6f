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

/// Fills the feed of an account. Does nothing if that was done after it was asked for: a member who reads on while
/// others' feeds are filled asks again each minute, and these requests must not become more than are worked off.
pub(crate) async fn fill_feed(social: &Social, account: AccountId) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let Some(owner) = people::find_by_account(sql, account).await? else { return Ok(()) };
    let Some(feed) = feed_owners::find(sql, owner.number).await? else { return Ok(()) };
    let filled_s = feed.complete_s.saturating_add(FOLLOW_MARGIN_S);
    if feed.floor != Position::END && filled_s >= feed.wanted_us / 1_000_000 {
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use contract::accounts::{AccountState, FoundAccount, Profile, StandingChanged};
    use testkit::World;
    use uuid::Uuid;

    use super::*;
    use crate::model::PersonNumber;

    #[tokio::test]
    async fn a_feed_is_filled_once_for_all_requests_of_before() {
        let world = World::of(&[crate::service()]).await;
        let context = world.context("social").clone();
        let config = context.config.section("social").unwrap();
        let social = Social::new(context, config);
        let (account, number, at) = (AccountId(Uuid::from_u128(1)), PersonNumber(1), social.context.clock.now());
        let (handle, display_name) = ("ada".into(), String::new());
        let found = FoundAccount {
            profile: Profile { account, handle, display_name, avatar: None, is_private: false, at },
            standing: StandingChanged { account, state: AccountState::Active, until: None, version: 0 },
        };
        let db = &social.context.db;
        db.write(Lane::ALL, async move |tx| people::insert(tx, &found, number).await).await.unwrap();
        let ada = people::find(db.read(), number).await.unwrap().unwrap();
        let complete_s = async || feed_owners::find(db.read(), number).await.unwrap().unwrap().complete_s;
        want_feed(&social, ada.clone()).await.unwrap();
        world.settle().await;
        let first = complete_s().await;
        assert!(first > 0);
        world.clock().advance(TimeDelta::hours(1));
        fill_feed(&social, account).await.unwrap();
        assert_eq!(complete_s().await, first, "an event of before comes late");
        want_feed(&social, ada).await.unwrap();
        world.settle().await;
        assert!(complete_s().await > first);
        world.end().await;
    }
}
