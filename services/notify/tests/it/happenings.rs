//! Events of the other roles, as tests publish them again and again.
//!
//! Invariant: an event has the time of the world's clock.

use chrono::{DateTime, Utc};
use contract::media::{Kind, Received, Visibility};
use contract::social::talk::Commented;
use contract::social::{Audience, Blocked, CloseChanged, Followed, Muted, PostRemoved, Posted};
use contract::{AccountId, MediaId, ObjectKey};
use serde_json::Value;
use testkit::{TestClient, World};
use uuid::Uuid;

use crate::fixtures::{list, publish_all};

/// Returns the id of an account.
pub fn account(member: &TestClient) -> AccountId {
    AccountId(member.id)
}

/// Returns a comment on a post of another, with a number of its own.
pub fn comment(world: &World, writer: &TestClient, author: &TestClient, post: u128, number: u128) -> Commented {
    Commented {
        id: Uuid::from_u128(number),
        post: Uuid::from_u128(post),
        post_author: account(author),
        author: account(writer),
        answers: None,
        answered: None,
        mentions: Vec::new(),
        audience: Some(Audience::Public),
        thread: None,
        at: world.clock().now(),
    }
}

/// Returns a post with a number of its own.
pub fn post(world: &World, author: &TestClient, number: u128, audience: Audience) -> Posted {
    Posted {
        id: Uuid::from_u128(number),
        author: account(author),
        position: 1,
        audience,
        tags: Vec::new(),
        mentions: Vec::new(),
        media: Vec::new(),
        thread: None,
        expires_at: None,
        at: world.clock().now(),
    }
}

/// Lets an author remove a post.
pub async fn remove_post(world: &World, author: &TestClient, number: u128) {
    publish_all(world, &[PostRemoved { id: Uuid::from_u128(number), author: account(author), position: 1 }]).await;
}

/// Lets a member block another.
pub async fn block(world: &World, blocker: &TestClient, blocked: &TestClient) {
    let (blocker, blocked) = (account(blocker), account(blocked));
    publish_all(world, &[Blocked { blocker, blocked, at: world.clock().now() }]).await;
}

/// Lets a member mute another, until a time or for good.
pub async fn mute(world: &World, member: &TestClient, muted: &TestClient, until: Option<DateTime<Utc>>) {
    let (member, muted) = (account(member), account(muted));
    publish_all(world, &[Muted { member, muted, until, at: world.clock().now() }]).await;
}

/// Lets a member make another a close friend.
pub async fn make_close(world: &World, member: &TestClient, friend: &TestClient) {
    let (member, friend) = (account(member), account(friend));
    publish_all(world, &[CloseChanged { member, friend, is_close: true, at: world.clock().now() }]).await;
}

/// Lets many follow one.
pub async fn follow_all(world: &World, followers: &[&TestClient], followee: &TestClient) {
    let (followee, at) = (account(followee), world.clock().now());
    let follow = |follower: &&TestClient| Followed { follower: account(follower), followee, by_request: false, at };
    publish_all(world, &followers.iter().map(follow).collect::<Vec<_>>()).await;
}

/// Returns the upload of a file.
pub fn upload(world: &World, owner: &TestClient, id: &MediaId, kind: Kind) -> Received {
    Received {
        id: id.clone(),
        owner: account(owner),
        kind,
        format: "mp4".into(),
        content_type: "video/mp4".into(),
        name: "a file".into(),
        bytes: 1,
        sha256: "00".into(),
        object: ObjectKey::random(),
        scrub: None,
        visibility: Visibility::Private,
        width: None,
        height: None,
        duration_ms: None,
        orientation: 1,
        created_at: world.clock().now(),
        trashed: false,
        captions: Vec::new(),
    }
}

/// Returns the whole list of a member, after it was compared with its counts and with the rows.
pub async fn exact(world: &World, member: &TestClient) -> Value {
    let list = list(member, "limit=100").await;
    let items = list["items"].as_array().unwrap();
    for (count, flag) in [("unseen", "seen"), ("unread", "read")] {
        let counted = items.iter().filter(|item| item[flag] == false).count();
        assert_eq!(list[count], counted, "{count}: {list:#}");
    }
    let context = world.context("notify");
    let (_, drifts) = notify::check(&context.config, &context.db, &context.clock, &context.random).await.unwrap();
    assert!(drifts.is_empty(), "{drifts:?}");
    list
}

/// Returns the kinds of the items of a list.
pub fn kinds(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect()
}
