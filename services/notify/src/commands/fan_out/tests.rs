//! Fan-outs that end anywhere: what a process that is killed leaves is what an aborted task leaves, because a batch is
//! one transaction.

use chrono::{DateTime, TimeDelta};
use contract::AccountId;
use contract::social::{Audience, Posted};
use db::{Error, Lane};
use testkit::World;
use uuid::Uuid;

use super::{fan_out, run_turn};
use crate::check::compare;
use crate::history::{Counts, Filter};
use crate::model::{Relation, RelationKind};
use crate::state::Notify;
use crate::store::{fan_outs, people, relations, removed, settings};

const AUTHOR: AccountId = AccountId(Uuid::from_u128(1));
const FIRST_FOLLOWER: u128 = 100;
const FOLLOWERS: u128 = 900;
/// Two turns, the first of several batches at once.
const MEMBERS_PER_TURN: usize = 700;
/// How often a fan-out is polled before it is killed, at most.
const MAX_POLLS: u64 = 2_000;

fn post(round: u128) -> Posted {
    Posted {
        id: Uuid::from_u128(round),
        author: AUTHOR,
        position: 1,
        audience: Audience::Followers,
        tags: Vec::new(),
        mentions: Vec::new(),
        media: Vec::new(),
        thread: None,
        expires_at: None,
        at: DateTime::UNIX_EPOCH,
    }
}

/// Returns how often the first and the last follower were told of a post.
async fn told(notify: &Notify, post: &Posted) -> Vec<usize> {
    let mut told = Vec::new();
    for number in [FIRST_FOLLOWER, FIRST_FOLLOWER + FOLLOWERS - 1] {
        let member = AccountId(Uuid::from_u128(number));
        let notices = notify.history.list(member, Filter::default(), Uuid::max(), 100).await.unwrap();
        let subject = post.id.to_string();
        told.push(notices.iter().filter(|notice| notice.subject.as_ref() == Some(&subject)).count());
    }
    told
}

#[tokio::test]
async fn a_fan_out_that_is_killed_anywhere_tells_each_follower_once() {
    kill_anywhere(10).await;
}

#[tokio::test]
#[ignore = "long: make faults"]
async fn sixty_fan_outs_that_are_killed_anywhere_tell_each_follower_once() {
    kill_anywhere(60).await;
}

/// Returns which of the first followers were told of a post.
async fn told_first(notify: &Notify, post: &Posted, count: u128) -> Vec<bool> {
    let mut told = Vec::new();
    for number in FIRST_FOLLOWER..FIRST_FOLLOWER + count {
        let member = AccountId(Uuid::from_u128(number));
        let notices = notify.history.list(member, Filter::default(), Uuid::max(), 100).await.unwrap();
        told.push(notices.iter().any(|notice| notice.subject.as_ref() == Some(&post.id.to_string())));
    }
    told
}

#[tokio::test]
async fn what_forbids_a_post_to_a_follower_is_heeded_also_if_it_was_told_before() {
    let world = World::of(&[crate::service()]).await;
    let notify = crate::tests::state(&world);
    let (now, first) = (notify.context.clock.now(), post(1));
    let member = |at: u128| AccountId(Uuid::from_u128(FIRST_FOLLOWER + at));
    let muted = first.id.to_string();
    let prepared = notify.context.db.write(Lane::ALL, async move |tx| {
        for at in 0..6 {
            let follow = Relation { member: member(at), other: AUTHOR, kind: RelationKind::Follow };
            relations::set(tx, follow, true, None, now).await?;
        }
        let block = Relation { member: AUTHOR, other: member(1), kind: RelationKind::Block };
        relations::set(tx, block, true, None, now).await?;
        settings::mute(tx, member(2), &muted, now).await?;
        people::insert_erased(tx, member(3), now).await
    });
    prepared.await.unwrap();
    // Four of six, so that a turn is left.
    assert!(!run_turn(&notify, &first, 4).await.unwrap());
    assert_eq!(told_first(&notify, &first, 6).await, [true, false, false, false, false, false]);
    let subject = first.id.to_string();
    let gone = notify.context.db.write(Lane::ALL, async move |tx| removed::insert(tx, &subject, now).await);
    gone.await.unwrap();
    assert!(run_turn(&notify, &first, 2).await.unwrap());
    assert_eq!(told_first(&notify, &first, 6).await, [false; 6]);

    // As if a process was killed between what it has added and its second look.
    let second = post(2);
    assert!(fan_out(&notify, &second).await.unwrap());
    assert_eq!(told_first(&notify, &second, 6).await, [true, false, true, false, true, true]);
    let mute = Relation { member: member(4), other: AUTHOR, kind: RelationKind::Mute };
    let silenced = notify.context.db.write(Lane::ALL, async move |tx| {
        relations::set(tx, mute, true, None, now).await?;
        fan_outs::remove_old(tx, now + TimeDelta::days(1), 10).await
    });
    silenced.await.unwrap();
    assert!(fan_out(&notify, &second).await.unwrap());
    assert_eq!(told_first(&notify, &second, 6).await, [true, false, true, false, false, true]);
    world.end().await;
}

/// Kills one fan-out in each round.
async fn kill_anywhere(rounds: u32) {
    let world = World::of(&[crate::service()]).await;
    let context = world.context("notify").clone();
    let config = context.config.section("notify").unwrap();
    let notify = Notify::new(context, config).unwrap();
    let now = notify.context.clock.now();
    let followed = notify.context.db.write(Lane::ALL, async move |tx| {
        for number in FIRST_FOLLOWER..FIRST_FOLLOWER + FOLLOWERS {
            let member = AccountId(Uuid::from_u128(number));
            let follow = Relation { member, other: AUTHOR, kind: RelationKind::Follow };
            relations::set(tx, follow, true, None, now).await?;
        }
        Ok::<_, Error>(())
    });
    followed.await.unwrap();
    for round in 1..=rounds {
        let post = post(u128::from(round));
        let (state, posted) = (notify.clone(), post.clone());
        let killed = tokio::spawn(async move { run_turn(&state, &posted, MEMBERS_PER_TURN).await });
        for _ in 0..notify.context.random.below(MAX_POLLS) {
            tokio::task::yield_now().await;
        }
        killed.abort();
        drop(killed.await);
        while !run_turn(&notify, &post, MEMBERS_PER_TURN).await.unwrap() {}
        assert_eq!(told(&notify, &post).await, [1, 1], "after round {round}");
        assert!(fan_out(&notify, &post).await.unwrap(), "a post that was told is not told again");
    }
    let last = AccountId(Uuid::from_u128(FIRST_FOLLOWER + FOLLOWERS - 1));
    let counts = notify.history.counts(last).await.unwrap();
    assert_eq!(counts, Counts { unseen: rounds.into(), unread: rounds.into() });
    assert_eq!(compare(&*notify.history).await.unwrap(), (FOLLOWERS as u64, Vec::new()));
    world.end().await;
}
