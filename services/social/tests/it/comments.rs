//! Comments: writing, answering, approving and removing them, and who sees them.

use contract::social::talk::{CommentPending, CommentRemoved, Commented};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, fake_role};

use crate::fixtures::{Harness, each, end, follow, post, put, url, without_request_id};

async fn try_comment(member: &TestClient, post: &Value, text: &str) -> TestResponse {
    member.post(&format!("{}/comments", url(post)), &json!({"text": text})).await
}

async fn comment(member: &TestClient, post: &Value, text: &str) -> Value {
    try_comment(member, post, text).await.expect(201).json()
}

async fn answer(member: &TestClient, post: &Value, to: &Value, text: &str) -> TestResponse {
    let body = json!({"text": text, "answers": to["id"]});
    member.post(&format!("{}/comments", url(post)), &body).await
}

fn comment_url(comment: &Value) -> String {
    format!("/v1/comments/{}", comment["id"].as_str().unwrap())
}

/// Returns the texts of the comments on a post that a reader sees.
async fn texts(reader: &TestClient, post: &Value, query: &str) -> Vec<String> {
    let list = reader.get(&format!("{}/comments{query}", url(post))).await.expect(200).json();
    each(&list, "text").into_iter().map(str::to_owned).collect()
}

async fn comment_count(reader: &TestClient, post: &Value) -> Value {
    reader.get(&url(post)).await.expect(200).json()["counts"]["comments"].clone()
}

#[tokio::test]
async fn a_comment_is_written_answered_and_removed_with_its_answers() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Commented>().records::<CommentRemoved>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&ada, "a clip", "public").await;
    let again = async || {
        let request = bob.request(Method::POST, &format!("{}/comments", url(&clip))).header("idempotency-key", "k1");
        bob.send(request.json(&json!({"text": "What a voice, @eve!"}))).await.expect(201)
    };
    let (first, second) = (again().await, again().await);
    assert_eq!((first.json(), second.header("idempotent-replay")), (second.json(), "true"));
    let of_bob = first.json();
    assert_eq!(first.header("location"), comment_url(&of_bob));
    assert_eq!((&of_bob["state"], &of_bob["answers"]), (&json!("shown"), &Value::Null));
    assert_eq!(of_bob["can"], json!({"answer": true, "approve": false, "remove": true}));

    harness.world.clock().advance(chrono::TimeDelta::milliseconds(2));
    let of_ada = answer(&ada, &clip, &of_bob, "Thank you").await.expect(201).json();
    assert_eq!(of_ada["answers"], of_bob["id"]);
    harness.world.clock().advance(chrono::TimeDelta::milliseconds(2));
    // There is one level: an answer to an answer stands under the same comment.
    let of_eve = answer(&eve, &clip, &of_ada, "I agree").await.expect(201).json();
    assert_eq!(of_eve["answers"], of_bob["id"]);
    harness.world.clock().advance(chrono::TimeDelta::milliseconds(2));
    comment(&eve, &clip, "Later").await;
    let visitor = harness.world.anonymous();
    assert_eq!(texts(&visitor, &clip, "").await, ["Later", "What a voice, @eve!"], "the newest first");
    let answers = format!("?answers={}", of_bob["id"].as_str().unwrap());
    assert_eq!(texts(&visitor, &clip, &answers).await, ["Thank you", "I agree"], "the oldest first");
    assert_eq!(visitor.get(&comment_url(&of_bob)).await.expect(200).json()["answer_count"], 2);
    let page = visitor.get(&format!("{}/comments?limit=1", url(&clip))).await.expect(200).json();
    let rest = format!("?limit=1&after={}", page["next"].as_str().unwrap());
    assert_eq!(texts(&visitor, &clip, &rest).await, ["What a voice, @eve!"]);
    assert_eq!(comment_count(&visitor, &clip).await, 4);
    let other = post(&ada, "another", "public").await;
    answer(&eve, &other, &of_bob, "x").await.refused(404, "social.no_such_comment");

    eve.delete(&comment_url(&of_bob)).await.refused(404, "social.no_such_comment");
    eve.delete(&comment_url(&of_eve)).await.expect(204);
    harness.assert_no_drift().await;
    // The author of the post removes any comment, with its answers.
    ada.delete(&comment_url(&of_bob)).await.expect(204);
    for gone in [&of_bob, &of_ada, &of_eve] {
        visitor.get(&comment_url(gone)).await.refused(404, "social.no_such_comment");
    }
    assert_eq!((comment_count(&visitor, &clip).await, harness.count("post_comment").await), (json!(1), 1));
    harness.assert_no_drift().await;
    harness.world.settle().await;
    let announced = listener.events::<Commented>();
    assert_eq!((announced.len(), listener.events::<CommentRemoved>().len()), (4, 3));
    assert!(announced.iter().any(|event| event.mentions == [contract::AccountId(eve.id)]));
    let to_ada = announced.iter().find(|event| event.author.0 == eve.id && event.answers.is_some()).unwrap();
    assert_eq!(to_ada.answered, Some(contract::AccountId(ada.id)), "who is answered, not who is above");
    harness.world.end().await;
}

#[tokio::test]
async fn what_waits_is_for_its_author_and_the_owner_until_it_is_approved() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Commented>().records::<CommentPending>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let settings = async |body: Value| ada.send(ada.request(Method::PUT, "/v1/me/talk").json(&body)).await;
    assert_eq!(ada.get("/v1/me/talk").await.expect(200).json(), json!({"approval": false, "watched_words": []}));
    let set = settings(json!({"watched_words": ["Spoiler"]})).await.expect(200).json();
    assert_eq!(set, json!({"approval": false, "watched_words": ["spoiler"]}));
    settings(json!({"watched_words": [""]})).await.refused(422, "social.invalid_talk_settings");
    let clip = post(&ada, "a clip", "public").await;
    assert_eq!(comment(&bob, &clip, "spoilers ahead").await["state"], "shown", "another word");
    let waiting = comment(&bob, &clip, "A SPOI\u{200b}LER: he sings").await;
    assert_eq!(waiting["state"], "pending");
    assert_eq!(comment(&ada, &clip, "my own spoiler").await["state"], "shown");

    for (reader, is_seen) in [(&ada, true), (&bob, true), (&eve, false), (&harness.world.anonymous(), false)] {
        let listed = texts(reader, &clip, "").await.iter().any(|text| text == "A SPOILER: he sings");
        let single = reader.get(&comment_url(&waiting)).await;
        assert_eq!((listed, single.status == 200), (is_seen, is_seen), "{:?}", reader.id);
        assert_eq!(comment_count(reader, &clip).await, 2, "it is not counted");
    }
    for member in [&ada, &bob] {
        answer(member, &clip, &waiting, "x").await.refused(409, "social.comment_pending");
    }
    answer(&eve, &clip, &waiting, "x").await.refused(404, "social.no_such_comment");
    let approve = format!("{}/approve", comment_url(&waiting));
    for other in [&bob, &eve] {
        other.post(&approve, &json!({})).await.refused(404, "social.no_such_comment");
        assert_eq!(other.get("/v1/me/comments/pending").await.expect(200).json()["items"], json!([]));
    }
    let pending = ada.get("/v1/me/comments/pending").await.expect(200).json();
    assert_eq!(each(&pending, "id"), [waiting["id"].as_str().unwrap()]);
    assert_eq!(pending["items"][0]["can"], json!({"answer": false, "approve": true, "remove": true}));
    for _ in 0..2 {
        ada.post(&approve, &json!({})).await.expect(204);
    }
    assert_eq!(comment_count(&eve, &clip).await, 3);
    eve.get(&comment_url(&waiting)).await.expect(200);

    // The settings, and the policy of one post, make every comment of others wait; one that is refused was never there.
    let body = json!({"text": "x", "audience": "public", "policies": {"comment": "approval"}});
    let strict = ada.post("/v1/posts", &body).await.expect(201).json();
    settings(json!({"approval": true})).await.expect(200);
    for asked in [&strict, &clip] {
        let refused = comment(&bob, asked, "hello").await;
        assert_eq!(refused["state"], "pending");
        ada.delete(&comment_url(&refused)).await.expect(204);
    }
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!((listener.events::<Commented>().len(), listener.events::<CommentPending>().len()), (3, 3));
    harness.world.end().await;
}

#[tokio::test]
async fn a_policy_and_a_limit_say_who_comments() {
    let harness = Harness::with(testkit::World::builder().set("social.max_comments_per_hour=3")).await;
    let [ada, fan, eve] = harness.members(["ada", "fan", "eve"]);
    follow(&fan, "ada").await;
    let written = async |policy: &str| {
        let body = json!({"text": policy, "audience": "public", "policies": {"comment": policy}});
        ada.post("/v1/posts", &body).await.expect(201).json()
    };
    for (policy, of_fan, of_eve) in
        [("everyone", true, true), ("followers", true, false), ("friends", false, false), ("nobody", false, false)]
    {
        let clip = written(policy).await;
        for (member, is_allowed) in [(&fan, of_fan), (&eve, of_eve)] {
            let seen = member.get(&url(&clip)).await.expect(200).json();
            assert_eq!(seen["can"]["comment"], is_allowed, "{policy}");
            let sent = try_comment(member, &clip, "hello").await;
            if is_allowed { drop(sent.expect(201)) } else { drop(sent.refused(403, "social.not_allowed")) }
        }
        try_comment(&harness.world.anonymous(), &clip, "x").await.refused(401, "auth.required");
    }
    let clip = written("everyone").await;
    let many = (0..11).map(|at| format!("@user{at}")).collect::<Vec<_>>().join(" ");
    for text in ["", "\u{200b} \u{202e}", &"a".repeat(2001), &many] {
        try_comment(&fan, &clip, text).await.refused(422, "social.invalid_comment");
    }
    assert_eq!(comment(&fan, &clip, "a\u{202e}b\u{200b}c").await["text"], "abc");
    try_comment(&fan, &clip, "too much").await.refused(429, "social.too_often");
    harness.set_state(&eve, contract::accounts::AccountState::Limited, 1).await;
    try_comment(&eve, &clip, "x").await.refused(403, "social.account_limited");
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn beyond_a_block_each_misses_what_the_other_said_and_the_counts_stay() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&eve, "a clip", "public").await;
    let (of_ada, of_bob) = (comment(&ada, &clip, "from ada").await, comment(&bob, &clip, "from bob").await);
    let below_bob = answer(&eve, &clip, &of_bob, "from eve").await.expect(201).json();
    put(&ada, "bob", "block").await.expect(200);
    let absent = ada.get(&format!("/v1/comments/{}", uuid::Uuid::nil())).await.expect(404);
    for (reader, own, hidden) in [(&ada, &of_ada, vec![&of_bob, &below_bob]), (&bob, &of_bob, vec![&of_ada])] {
        assert_eq!(texts(reader, &clip, "").await, [own["text"].as_str().unwrap()]);
        for comment in hidden {
            let response = reader.get(&comment_url(comment)).await.expect(404);
            assert_eq!(without_request_id(&response), without_request_id(&absent));
            answer(reader, &clip, comment, "x").await.refused(404, "social.no_such_comment");
        }
        assert_eq!(comment_count(reader, &clip).await, 3, "counts are those of the rows, for every reader");
    }
    let below = format!("{}/comments?answers={}", url(&clip), of_bob["id"].as_str().unwrap());
    ada.get(&below).await.refused(404, "social.no_such_comment");
    assert_eq!(texts(&eve, &clip, "").await.len(), 2);
    // What a member wrote, or has under their post, they remove also beyond a block.
    put(&eve, "bob", "block").await.expect(200);
    bob.delete(&comment_url(&of_bob)).await.expect(204);
    end(&ada, "bob", "block").await.expect(200);
    assert_eq!(comment_count(&eve, &clip).await, 1);
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn what_waits_on_a_removed_post_is_not_approved() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Commented>();
    listener.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let body = json!({"text": "x", "audience": "public", "policies": {"comment": "approval"}});
    let clip = ada.post("/v1/posts", &body).await.expect(201).json();
    let waiting = comment(&bob, &clip, "hello").await;
    ada.delete(&url(&clip)).await.expect(204);
    assert_eq!(ada.get("/v1/me/comments/pending").await.expect(200).json()["items"], json!([]));
    let approve = format!("{}/approve", comment_url(&waiting));
    ada.post(&approve, &json!({})).await.refused(404, "social.no_such_comment");
    harness.world.settle().await;
    assert!(listener.events::<Commented>().is_empty());
    harness.world.end().await;
}

#[tokio::test]
async fn while_accounts_is_away_a_mention_of_one_who_is_not_known_here_changes_nothing_and_tells_of_no_post() {
    let harness = Harness::new().await;
    let [ada, bob, _, _] = harness.members(["ada", "bob", "eve", "zoe"]);
    let (clip, hidden) = (post(&ada, "a clip", "public").await, post(&ada, "for few", "close").await);
    comment(&bob, &clip, "Hello @eve").await;
    harness.accounts_role.fail_with(503);
    comment(&bob, &clip, "Again, @eve").await;
    let absent = json!({"id": uuid::Uuid::nil()});
    let first = try_comment(&bob, &clip, "Hello @zoe").await.refused(503, "server.unavailable");
    for other in [&hidden, &absent] {
        let response = try_comment(&bob, other, "Hello @zoe").await;
        assert_eq!(without_request_id(&response), without_request_id(&first));
    }
    assert_eq!(comment_count(&bob, &clip).await, 2);
    harness.accounts_role.recover();
    comment(&bob, &clip, "Hello @zoe").await;
    assert_eq!(comment_count(&bob, &clip).await, 3);
    harness.assert_no_drift().await;
    harness.world.end().await;
}
