//! Who is told: nobody of their own act, across a block or a mute, of what they may not see, or of what is gone.

use chrono::TimeDelta;
use contract::accounts::{AccountState, Profile, ProfileChanged, StandingChanged};
use contract::social::talk::{CommentRemoved, Commented};
use contract::social::threads::ThreadAudienceChanged;
use contract::social::{Audience, Blocked, FindHiddenPosts, PostChanged, Posted, Unblocked, Unfollowed};
use serde_json::json;
use testkit::{TestClient, World, fake_role};
use uuid::Uuid;

use crate::fixtures::{follow, list, publish_all, react, world_of};
use crate::happenings::{account, block, comment, exact, follow_all, kinds, make_close, mute, post, remove_post};

/// Returns a post that mentions members.
fn mention(world: &World, author: &TestClient, members: &[&TestClient], number: u128, audience: Audience) -> Posted {
    let mentions = members.iter().map(|member| account(member)).collect();
    Posted { mentions, ..post(world, author, number, audience) }
}

#[tokio::test]
async fn nobody_is_told_of_their_own_act() {
    let (world, [ada]) = world_of(["ada"]).await;
    react(&world, &ada, &ada, 7).await;
    publish_all(&world, &[comment(&world, &ada, &ada, 7, 8)]).await;
    publish_all(&world, &[mention(&world, &ada, &[&ada], 9, Audience::Public)]).await;
    assert_eq!(exact(&world, &ada).await["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn after_a_block_no_notice_of_that_person_is_shown_or_counted() {
    let (world, [ada, bob, eve]) = world_of(["ada", "bob", "eve"]).await;
    follow_all(&world, &[&bob], &ada).await;
    publish_all(&world, &[post(&world, &ada, 1, Audience::Public)]).await;
    for actor in [&bob, &eve] {
        react(&world, actor, &ada, 1).await;
    }
    publish_all(&world, &[comment(&world, &bob, &ada, 1, 2)]).await;
    assert_eq!(kinds(&exact(&world, &ada).await), ["commented", "reacted", "followed"]);
    assert_eq!(kinds(&exact(&world, &bob).await), ["posted"]);

    block(&world, &bob, &ada).await;
    let left = exact(&world, &ada).await;
    assert_eq!((kinds(&left), &left["unread"]), (vec!["reacted"], &json!(1)));
    assert_eq!((&left["items"][0]["count"], &left["items"][0]["actors"][0]["handle"]), (&json!(1), &json!("eve")));
    assert_eq!(exact(&world, &bob).await["items"], json!([]));

    react(&world, &bob, &ada, 3).await;
    publish_all(&world, &[comment(&world, &bob, &ada, 1, 2), comment(&world, &ada, &bob, 4, 5)]).await;
    publish_all(&world, &[post(&world, &ada, 6, Audience::Public)]).await;
    assert_eq!(exact(&world, &ada).await, left);
    assert_eq!(exact(&world, &bob).await["items"], json!([]));

    let (blocker, blocked) = (account(&bob), account(&ada));
    publish_all(&world, &[Unblocked { blocker, blocked, at: world.clock().now() }]).await;
    react(&world, &bob, &ada, 9).await;
    assert_eq!(exact(&world, &ada).await["unread"], 2);
    // An older event that is delivered again changes nothing.
    publish_all(&world, &[Blocked { blocker, blocked, at: world.clock().now() - TimeDelta::hours(1) }]).await;
    assert_eq!(exact(&world, &ada).await["unread"], 2);
    // Also one of which the end is heard first: the two events have no order.
    let (blocker, at) = (account(&eve), world.clock().now());
    publish_all(&world, &[Unblocked { blocker, blocked, at }]).await;
    publish_all(&world, &[Blocked { blocker, blocked, at: at - TimeDelta::seconds(1) }]).await;
    react(&world, &eve, &ada, 10).await;
    assert_eq!(exact(&world, &ada).await["unread"], 3);
    world.end().await;
}

#[tokio::test]
async fn a_mute_keeps_a_person_away_until_it_ends() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    react(&world, &bob, &ada, 1).await;
    mute(&world, &ada, &bob, Some(world.clock().now() + TimeDelta::hours(1))).await;
    react(&world, &bob, &ada, 2).await;
    react(&world, &ada, &bob, 3).await;
    assert_eq!(exact(&world, &ada).await["items"], json!([]));
    assert_eq!(kinds(&exact(&world, &bob).await), ["reacted"], "a mute has one direction");
    world.clock().advance(TimeDelta::hours(2));
    react(&world, &bob, &ada, 4).await;
    assert_eq!(kinds(&exact(&world, &ada).await), ["reacted"]);
    world.end().await;
}

#[tokio::test]
async fn nobody_is_told_of_what_they_may_not_see() {
    let (world, [ada, bob, eve, zoe]) = world_of(["ada", "bob", "eve", "zoe"]).await;
    follow_all(&world, &[&bob, &eve], &ada).await;
    follow(&world, &ada, &eve).await;
    make_close(&world, &ada, &zoe).await;
    let audiences = [Audience::Public, Audience::Followers, Audience::Friends, Audience::Close, Audience::Link];
    for (number, audience) in (1..).zip(audiences) {
        publish_all(&world, &[mention(&world, &ada, &[&bob, &eve, &zoe], number, audience)]).await;
    }
    // A part of a thread that perhaps nobody of them may see.
    let part = Posted { thread: Some(Uuid::from_u128(70)), ..mention(&world, &ada, &[&bob], 7, Audience::Public) };
    publish_all(&world, &[part]).await;
    let told = async |member: &TestClient, kind: &str| {
        let list = list(member, &format!("kind={kind}")).await;
        let mut subjects: Vec<u128> = list["items"].as_array().unwrap().iter().map(subject).collect();
        subjects.sort_unstable();
        subjects
    };
    assert_eq!(told(&bob, "mentioned").await, [1, 2]);
    assert_eq!(told(&eve, "mentioned").await, [1, 2, 3]);
    assert_eq!(told(&zoe, "mentioned").await, [1, 4]);
    assert_eq!((told(&bob, "posted").await, told(&eve, "posted").await), (vec![1, 2], vec![1, 2, 3]));
    assert_eq!(told(&zoe, "posted").await, [4]);

    let profile = Profile {
        account: account(&ada),
        handle: "ada".into(),
        display_name: String::new(),
        avatar: None,
        is_private: true,
        at: world.clock().now(),
    };
    publish_all(&world, &[ProfileChanged { profile }]).await;
    publish_all(&world, &[mention(&world, &ada, &[&bob, &zoe], 9, Audience::Public)]).await;
    assert_eq!((told(&bob, "mentioned").await, told(&zoe, "mentioned").await), (vec![1, 2, 9], vec![1, 4]));
    world.end().await;
}

fn subject(item: &serde_json::Value) -> u128 {
    item["subject"].as_str().unwrap().parse::<Uuid>().unwrap().as_u128()
}

#[tokio::test]
async fn what_is_gone_is_told_to_nobody_whatever_the_order_of_the_events() {
    let (world, [ada, bob, eve]) = world_of(["ada", "bob", "eve"]).await;
    follow_all(&world, &[&bob], &ada).await;
    let posted = mention(&world, &ada, &[&eve], 1, Audience::Public);
    publish_all(&world, std::slice::from_ref(&posted)).await;
    let comments = [comment(&world, &bob, &ada, 1, 2), comment(&world, &eve, &ada, 1, 3)];
    publish_all(&world, &comments).await;
    publish_all(&world, &[CommentRemoved { id: Uuid::from_u128(2), post: Uuid::from_u128(1) }]).await;
    let notices = exact(&world, &ada).await;
    assert_eq!((&notices["items"][0]["count"], &notices["unread"]), (&json!(1), &json!(2)));
    remove_post(&world, &ada, 1).await;
    publish_all(&world, &comments).await;
    publish_all(&world, &[posted]).await;
    assert_eq!(kinds(&exact(&world, &ada).await), ["followed"]);
    for member in [&bob, &eve] {
        assert_eq!(exact(&world, member).await["items"], json!([]));
    }

    react(&world, &bob, &ada, 4).await;
    let (account, state) = (account(&bob), AccountState::Suspended);
    publish_all(&world, &[StandingChanged { account, state, until: None, version: 1 }]).await;
    react(&world, &bob, &ada, 5).await;
    assert_eq!(exact(&world, &ada).await["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn who_is_in_the_audience_of_a_post_no_more_has_no_notice_of_it() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    follow_all(&world, &[&bob, &cy], &ada).await;
    make_close(&world, &ada, &bob).await;
    let changed = |number, audience, is_audience_changed, version| PostChanged {
        id: Uuid::from_u128(number),
        author: account(&ada),
        position: 1,
        audience,
        is_audience_changed,
        tags: Vec::new(),
        version,
    };
    let answer = |number| Commented { answered: Some(account(&cy)), ..comment(&world, &bob, &ada, 1, number) };
    publish_all(&world, &[post(&world, &ada, 1, Audience::Public)]).await;
    publish_all(&world, &[answer(10)]).await;
    assert_eq!(kinds(&exact(&world, &cy).await), ["answered", "posted"]);
    // A change of the text withdraws nothing.
    publish_all(&world, &[changed(1, Audience::Public, false, 2)]).await;
    assert_eq!(exact(&world, &cy).await["unread"], 2);

    publish_all(&world, &[changed(1, Audience::Close, true, 3)]).await;
    assert_eq!(exact(&world, &cy).await["items"], json!([]));
    assert_eq!(kinds(&exact(&world, &bob).await), ["posted"]);
    assert_eq!(kinds(&exact(&world, &ada).await)[0], "commented", "what is hers stays");
    // An event from before the change, and an older change, arrive late.
    publish_all(&world, &[changed(1, Audience::Public, true, 2)]).await;
    publish_all(&world, &[answer(11)]).await;
    assert_eq!(exact(&world, &cy).await["items"], json!([]));
    // A fan-out that is not over tells only who may read the post by then.
    publish_all(&world, &[changed(2, Audience::Close, true, 2)]).await;
    publish_all(&world, &[post(&world, &ada, 2, Audience::Public)]).await;
    assert_eq!((kinds(&exact(&world, &bob).await).len(), exact(&world, &cy).await["unread"].clone()), (2, json!(0)));
    world.end().await;
}

#[tokio::test]
async fn who_stops_following_has_no_notice_of_what_followers_see() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    // Of the posts below, social shows the first to followers only.
    let social = fake_role("social").answer::<FindHiddenPosts>(|path| {
        let asked = path.get("ids").split(',').filter_map(|id| id.parse::<Uuid>().ok());
        Some(asked.filter(|id| *id == Uuid::from_u128(1)).collect())
    });
    social.join(&world).await;
    follow_all(&world, &[&bob, &cy], &ada).await;
    let posts = [post(&world, &ada, 1, Audience::Followers), post(&world, &ada, 2, Audience::Public)];
    publish_all(&world, &posts).await;
    let answer = Commented {
        answered: Some(account(&bob)),
        audience: Some(Audience::Followers),
        ..comment(&world, &cy, &ada, 1, 10)
    };
    publish_all(&world, &[answer]).await;
    assert_eq!(kinds(&exact(&world, &bob).await), ["answered", "posted", "posted"]);

    let (follower, followee, at) = (account(&bob), account(&ada), world.clock().now());
    publish_all(&world, &[Unfollowed { follower, followee, at }]).await;
    let left = exact(&world, &bob).await;
    assert_eq!((kinds(&left), subject(&left["items"][0])), (vec!["posted"], 2));
    assert_eq!(kinds(&exact(&world, &cy).await), ["posted", "posted"], "others keep theirs");
    // The events of before arrive again.
    publish_all(&world, &posts).await;
    assert_eq!(exact(&world, &bob).await, left);
    world.end().await;
}

#[tokio::test]
async fn who_sees_a_thread_no_more_has_no_notice_of_its_parts() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    let (thread, part) = (Uuid::from_u128(70), Uuid::from_u128(7));
    let answer = |number| Commented {
        answered: Some(account(&cy)),
        thread: Some(thread),
        ..comment(&world, &bob, &bob, 7, number)
    };
    publish_all(&world, &[answer(10)]).await;
    assert_eq!(kinds(&exact(&world, &cy).await), ["answered"]);
    let narrowed = ThreadAudienceChanged {
        thread,
        opener: account(&ada),
        audience: Audience::Close,
        parts: vec![part],
        version: 2,
    };
    publish_all(&world, &[narrowed]).await;
    assert_eq!(exact(&world, &cy).await["items"], json!([]));
    // An event from before the change arrives late.
    publish_all(&world, &[answer(11)]).await;
    assert_eq!(exact(&world, &cy).await["items"], json!([]));
    world.end().await;
}
