//! Fan-outs that end anywhere: what a process that is killed leaves is what an aborted task leaves, because a batch is
//! one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, FoundAccount, Profile, StandingChanged};
use contract::social::{Audience, Policies, PostState};
use db::{Error, FromQueryResult, Lane, Sql as _};
use testkit::World;
use uuid::Uuid;

use super::fan_out;
use crate::model::{PersonNumber, Position, Post};
use crate::queries::feeds;
use crate::state::Social;
use crate::store::{counts, feed_owners, follows, merged_posts, people, posts};

const AUTHOR: PersonNumber = PersonNumber(1);
const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const FIRST_FOLLOWER: i64 = 100;
/// More than two batches.
const FOLLOWERS: i64 = 900;
/// How often a fan-out is polled before it is killed, at most.
const MAX_POLLS: u64 = 2_000;

fn author(now: DateTime<Utc>) -> FoundAccount {
    FoundAccount {
        profile: Profile {
            account: ACCOUNT,
            handle: "ada".into(),
            display_name: String::new(),
            avatar: None,
            is_private: false,
            at: now,
        },
        standing: StandingChanged { account: ACCOUNT, state: AccountState::Active, until: None, version: 0 },
    }
}

fn post(round: i64, now: DateTime<Utc>) -> Post {
    Post {
        id: Uuid::from_u128(round.unsigned_abs().into()),
        author: AUTHOR,
        position: Position::at(now + TimeDelta::milliseconds(round), 0),
        state: PostState::Published,
        audience: Audience::Followers,
        text: "hello".into(),
        has_content: true,
        place: None,
        policies: Policies::default(),
        link_token: None,
        is_story: false,
        version: 1,
        created_at: now,
        published_at: Some(now),
        edited_at: None,
        expires_at: None,
        part: None,
    }
}

/// Writes the author, and followers whose feeds count from the start, so that nothing but entries and unfinished
/// fan-outs shows them a post.
async fn people_and_feeds(social: &Social, now: DateTime<Utc>) {
    let written = social.context.db.write(Lane::ALL, async move |tx| {
        people::insert(tx, &author(now), AUTHOR).await?;
        for number in FIRST_FOLLOWER..FIRST_FOLLOWER + FOLLOWERS {
            let follower = PersonNumber(number);
            follows::insert(tx, follower, AUTHOR, now).await?;
            feed_owners::want(tx, follower, now).await?;
            feed_owners::set_filled(tx, follower, now.timestamp_micros(), Position::START, i64::MAX).await?;
        }
        Ok::<_, Error>(())
    });
    written.await.unwrap();
}

/// Returns how often the feeds of the first and of the last follower have a post.
async fn seen(social: &Social, post: Uuid) -> Vec<usize> {
    let mut seen = Vec::new();
    for number in [FIRST_FOLLOWER, FIRST_FOLLOWER + FOLLOWERS - 1] {
        let (page, _) = feeds::home(social, PersonNumber(number), None, 50).await.unwrap();
        seen.push(page.items.iter().filter(|view| view.id == post).count());
    }
    seen
}

async fn entries_at(social: &Social, position: Position) -> i64 {
    #[derive(FromQueryResult)]
    struct Count {
        entries: i64,
    }
    let text = "select count(*) as entries from feed_entry where position = $1";
    let row: Option<Count> = social.context.db.read().row(text, vec![position.0.into()]).await.unwrap();
    row.unwrap().entries
}

#[tokio::test]
async fn a_fan_out_that_is_killed_anywhere_gives_each_follower_the_post_once() {
    kill_anywhere(10).await;
}

#[tokio::test]
#[ignore = "long: make faults"]
async fn sixty_fan_outs_that_are_killed_anywhere_give_each_follower_the_post_once() {
    kill_anywhere(60).await;
}

/// Kills one fan-out in each round.
async fn kill_anywhere(rounds: i64) {
    let world = World::of(&[crate::service()]).await;
    let context = world.context("social").clone();
    let config = context.config.section("social").unwrap();
    let social = Social::new(context, config);
    let now = social.context.clock.now();
    people_and_feeds(&social, now).await;
    for round in 1..=rounds {
        let post = post(round, now);
        let (id, position) = (post.id, post.position);
        let written = social.context.db.write(Lane::of(&ACCOUNT), async move |tx| {
            posts::insert(tx, &post).await?;
            counts::insert_of_post(tx, id).await?;
            merged_posts::insert(tx, &post).await
        });
        written.await.unwrap();
        let state = social.clone();
        let killed = tokio::spawn(async move { fan_out(&state, id, ACCOUNT).await });
        for _ in 0..social.context.random.below(MAX_POLLS) {
            tokio::task::yield_now().await;
        }
        killed.abort();
        drop(killed.await);
        assert_eq!(seen(&social, id).await, [1, 1], "after the kill of round {round}");
        while !fan_out(&social, id, ACCOUNT).await.unwrap() {}
        assert_eq!(seen(&social, id).await, [1, 1], "after round {round}");
        assert_eq!(entries_at(&social, position).await, FOLLOWERS);
        assert_eq!(merged_posts::find(social.context.db.read(), id).await.unwrap(), None);
    }
    world.end().await;
}
