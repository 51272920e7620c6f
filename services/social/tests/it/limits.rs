//! What is refused: too much, too often, and by whom.

use contract::accounts::AccountState;
use serde_json::json;
use testkit::World;
use tokio::task::JoinSet;

use crate::fixtures::{Harness, end, post, put, url};

#[tokio::test]
async fn bad_posts_are_refused_and_change_nothing() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let many = |sign: char, count: usize| (0..count).map(|at| format!("{sign}user{at} ")).collect::<Vec<_>>().concat();
    for text in ["", " \n ", "\u{200b}\u{2060}", "\u{200d}\u{3164}", &"a".repeat(5001), &many('@', 51), &many('#', 31)]
    {
        let body = json!({"text": text, "audience": "public"});
        ada.post("/v1/posts", &body).await.refused(422, "social.invalid_post");
    }
    let media: Vec<_> = (0..21).map(|_| contract::MediaId::random()).collect();
    let body = json!({"audience": "public", "media": media});
    ada.post("/v1/posts", &body).await.refused(422, "social.invalid_post");
    let long = json!({"text": "a".repeat(100_000), "audience": "public"});
    ada.post("/v1/posts", &long).await.refused(413, "request.too_large");
    for body in [
        json!({"text": "x"}),
        json!({"text": "x", "audience": "everybody"}),
        json!({"text": "x", "audience": "public", "media": ["../x"]}),
        json!({"text": "x", "audience": "public", "policies": {"comment": "all"}}),
        json!({"text": "x", "audience": "public", "author": "eve"}),
    ] {
        ada.post("/v1/posts", &body).await.refused(422, "request.invalid");
    }
    ada.get("/v1/posts/x").await.refused(404, "request.no_such_url");
    harness
        .world
        .anonymous()
        .post("/v1/posts", &json!({"text": "x", "audience": "public"}))
        .await
        .refused(401, "auth.required");
    assert_eq!(harness.count("post").await, 0);
    harness.world.end().await;
}

#[tokio::test]
async fn a_loop_of_follows_or_posts_ends_at_the_limit() {
    let builder = World::builder().set("social.max_follows_per_hour=3").set("social.max_posts_per_hour=2");
    let harness = Harness::with(builder).await;
    let [ada, _bob] = harness.members(["ada", "bob"]);
    for _ in 0..3 {
        put(&ada, "bob", "follow").await.expect(200);
        put(&ada, "bob", "follow").await.expect(200);
        end(&ada, "bob", "follow").await.expect(200);
    }
    let refused = put(&ada, "bob", "follow").await.refused(429, "social.too_many_follows");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    for _ in 0..2 {
        post(&ada, "x", "public").await;
    }
    let body = json!({"text": "x", "audience": "public"});
    ada.post("/v1/posts", &body).await.refused(429, "social.too_many_posts");
    harness.world.clock().advance(chrono::TimeDelta::seconds(wait));
    put(&ada, "bob", "follow").await.expect(200);
    post(&ada, "x", "public").await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_limited_member_publishes_nothing_and_follows_nobody() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let old = post(&ada, "from before", "friends").await;
    harness.set_state(&ada, AccountState::Limited, 1).await;
    ada.post("/v1/posts", &json!({"text": "x", "audience": "public"})).await.refused(403, "social.account_limited");
    put(&ada, "bob", "follow").await.refused(403, "social.account_limited");
    let wider = json!({"audience": "public"});
    ada.patch(&url(&old), &wider).await.refused(403, "social.account_limited");
    put(&ada, "bob", "block").await.expect(200);
    put(&bob, "ada", "mute").await.refused(404, "social.no_such_person");
    harness.world.end().await;
}

#[tokio::test]
async fn a_limited_member_writes_nothing_into_an_old_post() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let old = post(&ada, "from before", "public").await;
    harness.set_state(&ada, AccountState::Limited, 1).await;
    for change in [json!({"text": "buy now"}), json!({"place": "The shop"})] {
        ada.patch(&url(&old), &change).await.refused(403, "social.account_limited");
    }
    // What others do with it can still be ended.
    let policies = json!({"policies": {"comment": "nobody", "repost": "nobody", "join": "nobody"}, "place": ""});
    ada.patch(&url(&old), &policies).await.expect(200);
    let seen = bob.get(&url(&old)).await.expect(200).json();
    assert_eq!((&seen["text"], &seen["can"]["comment"]), (&json!("from before"), &json!(false)));
    harness.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_decides_about_others_has_bounds_however_many_requests_run_at_once() {
    let builder = ["follows", "blocks", "mutes", "close_friends"]
        .iter()
        .fold(World::builder(), |world, what| world.set(&format!("social.max_{what}=3")));
    let harness = Harness::with(builder).await;
    let names = ["bob", "eve", "kim", "mia", "zoe"];
    let (ada, members) = (harness.member("ada"), harness.members(names));
    // One of the follows is a request.
    harness.set_private(&members[0], "bob", true).await;
    for what in ["follow", "mute", "close", "block"] {
        let mut calls = JoinSet::new();
        for name in names {
            let ada = ada.clone();
            calls.spawn(async move { (name, put(&ada, name, what).await.status.as_u16()) });
        }
        let answers = calls.join_all().await;
        let with = |status: u16| answers.iter().filter(move |answer| answer.1 == status).map(|answer| answer.0);
        let made: Vec<&str> = with(200).collect();
        assert_eq!((made.len(), with(403).count()), (3, 2), "{what}");
        // What there is can be said again, and one that ends makes room.
        put(&ada, made[0], what).await.expect(200);
        let other = names.into_iter().find(|name| !made.contains(name)).unwrap();
        put(&ada, other, what).await.refused(403, "social.too_many");
        end(&ada, made[0], what).await.expect(200);
        put(&ada, other, what).await.expect(200);
    }
    assert_eq!((harness.count("block").await, harness.count("mute").await), (3, 3));
    harness.assert_no_drift().await;
    harness.world.end().await;
}
