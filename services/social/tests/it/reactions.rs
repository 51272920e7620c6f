//! Reactions, saves and reposts.

use contract::social::talk::{Reacted, RepostRemoved, Reposted};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, fake_role};

use crate::fixtures::{Harness, each, follow, post, put, url};

async fn react(member: &TestClient, post: &Value, kind: &str) -> TestResponse {
    let request = member.request(Method::PUT, &format!("{}/reaction", url(post)));
    member.send(request.json(&json!({"kind": kind}))).await
}

async fn save(member: &TestClient, post: &Value) -> TestResponse {
    member.send(member.request(Method::PUT, &format!("{}/save", url(post)))).await
}

async fn repost(member: &TestClient, post: &Value) -> TestResponse {
    member.post(&format!("{}/repost", url(post)), &json!({})).await
}

async fn seen(reader: &TestClient, post: &Value) -> Value {
    reader.get(&url(post)).await.expect(200).json()
}

#[tokio::test]
async fn a_member_has_one_reaction_and_saves_for_themselves() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Reacted>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&ada, "a clip", "public").await;
    for kind in ["like", "applause", "applause"] {
        assert_eq!(react(&bob, &clip, kind).await.expect(200).json(), json!({"reaction": kind}));
    }
    react(&eve, &clip, "wow").await.expect(200);
    react(&bob, &clip, "hate").await.refused(422, "request.invalid");
    save(&bob, &clip).await.expect(200);
    let mine = json!({"reaction": "applause", "saved": true, "reposted": false, "repost_pending": false});
    assert_eq!(seen(&bob, &clip).await["mine"], mine);
    let mine = json!({"reaction": null, "saved": false, "reposted": false, "repost_pending": false});
    assert_eq!(seen(&ada, &clip).await["mine"], mine);
    assert_eq!(seen(&ada, &clip).await["counts"]["reactions"], 2);
    let who = async |reader: &TestClient| {
        let list = reader.get(&format!("{}/reactions", url(&clip))).await.expect(200).json();
        let items = list["items"].as_array().unwrap().iter();
        let mut names: Vec<String> = items.map(|item| item["person"]["handle"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(who(&harness.world.anonymous()).await, ["bob", "eve"]);
    put(&bob, "eve", "block").await.expect(200);
    assert_eq!((who(&bob).await, who(&eve).await), (vec!["bob".to_owned()], vec!["eve".to_owned()]));

    // What is not seen any more leaves the saved ones, and comes back with the post.
    let saved = async || each(&bob.get("/v1/me/saved").await.expect(200).json(), "id").len();
    assert_eq!(saved().await, 1);
    ada.patch(&url(&clip), &json!({"audience": "friends"})).await.expect(200);
    assert_eq!(saved().await, 0);
    react(&bob, &clip, "like").await.refused(404, "social.not_found");
    save(&bob, &clip).await.refused(404, "social.not_found");
    // What was done can be undone all the same.
    let absent = format!("/v1/posts/{}/reaction", uuid::Uuid::nil());
    for path in [format!("{}/reaction", url(&clip)), absent] {
        assert_eq!(bob.delete(&path).await.expect(200).json(), json!({"reaction": null}));
    }
    ada.patch(&url(&clip), &json!({"audience": "public"})).await.expect(200);
    assert_eq!((saved().await, &seen(&ada, &clip).await["counts"]["reactions"]), (1, &json!(1)));
    bob.delete(&format!("{}/save", url(&clip))).await.expect(200);
    assert_eq!(saved().await, 0);
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!(listener.events::<Reacted>().len(), 2, "a change of mind is not told");

    // What others have left on a post goes with it.
    save(&bob, &clip).await.expect(200);
    repost(&bob, &clip).await.expect(201);
    bob.post(&format!("{}/comments", url(&clip)), &json!({"text": "hello"})).await.expect(201);
    ada.delete(&url(&clip)).await.expect(204);
    assert_eq!(saved().await, 0);
    harness.world.clock().advance(chrono::TimeDelta::minutes(2));
    let is_gone = async || {
        let mut rows = 0;
        for table in ["reaction", "saved_post", "repost", "post_comment", "post_remains"] {
            rows += harness.count(table).await;
        }
        (rows == 0).then_some(())
    };
    harness.world.wait_for("the rows of others are removed", is_gone).await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_repost_is_made_once_obeys_the_policy_and_widens_nothing() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Reposted>().records::<RepostRemoved>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&ada, "a clip", "public").await;
    assert_eq!(repost(&bob, &clip).await.expect(201).json()["mine"]["reposted"], true);
    repost(&bob, &clip).await.expect(200);
    assert_eq!(seen(&eve, &clip).await["counts"]["reposts"], 1);
    let reposts = format!("{}/reposts", url(&clip));
    let listed = eve.get(&reposts).await.expect(200).json();
    assert_eq!(
        (&listed["items"][0]["person"]["handle"], &listed["items"][0]["state"]),
        (&json!("bob"), &json!("shown"))
    );

    // Only what everyone may read is reposted; a repost shows its post to nobody new.
    let inner = post(&ada, "for friends", "followers").await;
    follow(&bob, "ada").await;
    repost(&bob, &inner).await.refused(403, "social.not_allowed");
    repost(&eve, &inner).await.refused(404, "social.not_found");
    ada.patch(&url(&clip), &json!({"audience": "followers"})).await.expect(200);
    eve.get(&reposts).await.refused(404, "social.not_found");
    ada.patch(&url(&clip), &json!({"audience": "public"})).await.expect(200);

    let body = json!({"text": "ask me", "audience": "public", "policies": {"repost": "approval"}});
    let asked = ada.post("/v1/posts", &body).await.expect(201).json();
    for member in [&bob, &eve] {
        repost(member, &asked).await.expect(201);
    }
    let mine = async |reader: &TestClient| {
        let mine = seen(reader, &asked).await["mine"].clone();
        (mine["reposted"] == true, mine["repost_pending"] == true)
    };
    assert_eq!((mine(&bob).await, mine(&ada).await), ((false, true), (false, false)), "what waits is not shown");
    let states = async |reader: &TestClient| {
        let list = reader.get(&format!("{}/reposts", url(&asked))).await.expect(200).json();
        each(&list, "state").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((states(&ada).await.len(), states(&bob).await.len()), (2, 1), "each sees their own");
    assert_eq!(states(&harness.world.anonymous()).await.len(), 0);
    assert_eq!(seen(&ada, &asked).await["counts"]["reposts"], 0);
    let of_bob = format!("{}/reposts/bob", url(&asked));
    bob.post(&format!("{of_bob}/approve"), &json!({})).await.refused(404, "social.not_found");
    eve.delete(&of_bob).await.refused(404, "social.not_found");
    for _ in 0..2 {
        ada.post(&format!("{of_bob}/approve"), &json!({})).await.expect(204);
    }
    ada.delete(&format!("{}/reposts/eve", url(&asked))).await.expect(204);
    assert_eq!((mine(&bob).await, mine(&eve).await), ((true, false), (false, false)));
    assert_eq!((states(&eve).await, &seen(&ada, &asked).await["counts"]["reposts"]), (vec!["shown".into()], &json!(1)));
    for _ in 0..2 {
        bob.delete(&format!("{}/repost", url(&asked))).await.expect(204);
    }
    assert_eq!(seen(&ada, &asked).await["counts"]["reposts"], 0);
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!((listener.events::<Reposted>().len(), listener.events::<RepostRemoved>().len()), (2, 1));
    harness.world.end().await;
}

#[tokio::test]
async fn a_repost_is_not_approved_beyond_a_block() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let body = json!({"text": "ask me", "audience": "public", "policies": {"repost": "approval"}});
    let asked = ada.post("/v1/posts", &body).await.expect(201).json();
    repost(&bob, &asked).await.expect(201);
    put(&bob, "ada", "block").await.expect(200);
    ada.post(&format!("{}/reposts/bob/approve", url(&asked)), &json!({})).await.expect(204);
    assert_eq!(seen(&ada, &asked).await["counts"]["reposts"], 0);
    harness.assert_no_drift().await;
    harness.world.end().await;
}
