//! An erased account leaves nothing.

use contract::AccountId;
use contract::accounts::{Erased, Profile, ProfileChanged};
use contract::media::{Conversion, Kind};
use http::Method;
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, follow, id, post, put, url};

/// Both say something about each other's posts: two of bob's rows are on his own post, and stay.
async fn talk(harness: &Harness, ada: &TestClient, bob: &TestClient, of_ada: &Value, of_bob: &Value) {
    for (member, post) in [(bob, of_ada), (ada, of_bob), (bob, of_bob)] {
        let comments = format!("{}/comments", url(post));
        let written = member.post(&comments, &json!({"text": "hello"})).await.expect(201).json();
        let answer = json!({"text": "an answer", "answers": written["id"]});
        if member.id == ada.id {
            bob.post(&comments, &answer).await.expect(201);
        }
        let reaction = member.request(Method::PUT, &format!("{}/reaction", url(post)));
        member.send(reaction.json(&json!({"kind": "like"}))).await.expect(200);
    }
    ada.send(ada.request(Method::PUT, &format!("{}/save", url(of_bob)))).await.expect(200);
    ada.post(&format!("{}/repost", url(of_bob)), &json!({})).await.expect(201);
    ada.send(ada.request(Method::PUT, "/v1/me/talk").json(&json!({"approval": true}))).await.expect(200);
    for (reporter, post) in [(ada, of_bob), (bob, of_ada)] {
        let body = json!({"kind": "post", "id": post["id"], "reason": "spam"});
        reporter.post("/v1/reports", &body).await.expect(201);
    }
    let clip = harness.item(ada, Kind::Video, Conversion::Ready);
    ada.post("/v1/greetings", &json!({"media": clip, "to_name": "Grandma"})).await.expect(201);
}

#[tokio::test]
async fn an_erased_account_leaves_nothing() {
    let harness = Harness::new().await;
    let [ada, bob, eve, zoe] = harness.members(["ada", "bob", "eve", "zoe"]);
    harness.set_private(&zoe, "zoe", true).await;
    follow(&ada, "bob").await;
    follow(&bob, "ada").await;
    put(&eve, "bob", "follow").await.expect(200);
    assert_eq!(put(&ada, "zoe", "follow").await.expect(200).json()["state"], "requested");
    put(&ada, "eve", "close").await.expect(200);
    put(&bob, "ada", "close").await.expect(200);
    put(&eve, "ada", "block").await.expect(200);
    put(&bob, "ada", "mute").await.expect(200);
    for member in [&ada, &bob] {
        member.get("/v1/feeds/home").await.expect(200);
    }
    harness.world.settle().await;
    let photo = harness.item(&ada, Kind::Photo, Conversion::Ready);
    let song = harness.item(&ada, Kind::Audio, Conversion::Ready);
    let body = json!({
        "text": "a secret wish #wish",
        "audience": "public",
        "media": [photo, song],
        "place": "Here",
        "song": song,
    });
    let gone = ada.post("/v1/posts", &body).await.expect(201).json();
    for at in 0..25 {
        post(&ada, &format!("another {at}"), "followers").await;
    }
    let body = json!({"text": "hello @ada", "audience": "public", "song": song});
    let kept = bob.post("/v1/posts", &body).await.expect(201).json();
    assert_eq!(kept["song"]["handle"], "ada");
    assert_eq!(kept["mentions"].as_array().unwrap().len(), 1);

    talk(&harness, &ada, &bob, &gone, &kept).await;
    harness.world.settle().await;
    assert!(harness.count("feed_entry").await > 20);
    let now = harness.world.clock().now();
    harness.forget(&ada, "ada");
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: now };
    for _ in 0..2 {
        harness.publish(&erased).await;
    }
    // What arrives late, and a token that is still valid, bring nothing back.
    let profile = Profile {
        account: AccountId(ada.id),
        handle: "ada".into(),
        display_name: "ADA".into(),
        avatar: None,
        is_private: false,
        at: now + chrono::TimeDelta::hours(1),
    };
    harness.publish(&ProfileChanged { profile }).await;
    ada.post("/v1/posts", &json!({"text": "x", "audience": "public"})).await.refused(404, "social.no_such_person");
    put(&bob, "ada", "follow").await.refused(404, "social.no_such_person");

    bob.get(&url(&gone)).await.refused(404, "social.not_found");
    let without = bob.get(&url(&kept)).await.expect(200).json();
    assert_eq!((&without["mentions"], &without["song"]), (&json!([]), &Value::Null));
    for (table, rows) in [
        ("person", 3),
        ("person_counts", 3),
        ("follow", 1),
        ("follow_request", 0),
        ("block", 0),
        ("mute", 0),
        ("close_friend", 0),
        ("action_budget where kind = 'post'", 1),
        ("post", 1),
        ("post_media", 0),
        ("post_tag", 0),
        ("post_mention", 0),
        ("post_counts", 1),
        ("post_place", 0),
        ("post_song", 0),
        ("song", 0),
        ("merged_post", 0),
        ("feed_owner", 1),
        ("feed_entry", 0),
        ("post_comment", 1),
        ("reaction", 1),
        ("saved_post", 0),
        ("repost", 0),
        ("talk_settings", 0),
        ("report", 0),
        ("greeting", 0),
        ("post_remains", 0),
        ("verdict_answer", 0),
    ] {
        assert_eq!(harness.count(table).await, rows, "{table}");
    }
    harness.assert_no_drift().await;
    assert_ne!(id(&gone), id(&kept));
    harness.world.end().await;
}
