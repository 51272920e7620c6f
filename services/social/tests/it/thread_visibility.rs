//! Who sees a thread and its parts: every audience for every relation, on every way on which they are read, and what is
//! said about them.

use contract::AccountId;
use contract::accounts::AccountState;
use contract::social::threads::{FindThread, ThreadAudienceChanged};
use contract::social::{Audience, FindPosts};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, fake_role};

use crate::fixtures::{Harness, each, end, follow, id, join, open, part_url, parts_url, put, url, without_request_id};

const AUDIENCES: [&str; 5] = ["public", "followers", "friends", "close", "link"];

/// Returns the audiences of which a reader sees the part of the thread, which must be the same on every way.
async fn seen(harness: &Harness, reader: &TestClient, threads: &[(Value, Value)]) -> Vec<&'static str> {
    let account = (!reader.id.is_nil()).then_some(AccountId(reader.id));
    let absent = reader.get(&format!("/v1/posts/{}", uuid::Uuid::nil())).await.expect(404);
    let profile = reader.get("/v1/accounts/bob/posts").await;
    let mut audiences = Vec::new();
    for (audience, (thread, part)) in AUDIENCES.into_iter().zip(threads) {
        let single = reader.get(&part_url(part)).await;
        let is_seen = single.status == 200;
        let programme = format!("/v1/threads/{}/programme.m3u8", thread["id"].as_str().unwrap());
        let clip = part["post"]["media"][0]["id"].as_str().unwrap();
        if is_seen {
            audiences.push(audience);
            assert!(single.json()["post"]["media"][0]["urls"]["hls"].as_str().unwrap().contains("?t="));
        } else {
            assert_eq!(without_request_id(&single), without_request_id(&absent), "{audience}");
        }
        let post = reader.get(&url(part)).await;
        assert_eq!(post.status == 200, is_seen, "as a post: {audience}");
        let list = reader.get(&parts_url(thread)).await;
        let is_listed = list.status == 200 && each(&list.json(), "id").contains(&part["id"].as_str().unwrap());
        assert_eq!(is_listed, is_seen, "in the list: {audience}");
        let members = reader.get(&format!("/v1/threads/{}/members", thread["id"].as_str().unwrap())).await;
        assert_eq!(members.status == 200 && each(&members.json(), "handle") == ["bob"], is_seen, "{audience}");
        let in_profile = profile.status == 200 && each(&profile.json(), "id").contains(&part["id"].as_str().unwrap());
        assert_eq!(in_profile, is_seen, "in the profile of its author: {audience}");
        let ids = vec![id(part)];
        let batch = harness.world.process.peers.ask(&FindPosts { reader: account, ids }).await.unwrap().unwrap();
        assert_eq!(batch.len() == 1, is_seen, "in the batch: {audience}");
        let found = harness.world.process.peers.ask(&FindThread { reader: account, thread: id(thread) }).await;
        assert_eq!(found.unwrap().is_some(), list.status == 200, "the thread: {audience}");
        let master = reader.get(&programme).await;
        assert_eq!(master.status == 200, list.status == 200, "the programme: {audience}");
        if master.status == 200 {
            let text = String::from_utf8(master.body.clone()).unwrap();
            let variant = text.lines().find(|line| line.starts_with("programme.m3u8?list=v")).unwrap();
            let (_, query) = variant.split_once('?').unwrap();
            let playlist = reader.get(&format!("{programme}?{query}")).await.expect(200);
            let text = String::from_utf8(playlist.body.clone()).unwrap();
            assert_eq!(text.contains(&format!("/v1/media/{clip}/hls/")), is_seen, "in the programme: {audience}");
        }
    }
    audiences
}

#[tokio::test]
async fn every_way_to_read_shows_parts_to_those_who_see_their_thread() {
    let harness = Harness::new().await;
    let [ada, bob, friend, follower, close, stranger, blocked] =
        harness.members(["ada", "bob", "friend", "follower", "close", "stranger", "blocked"]);
    let visitor = harness.world.anonymous();
    for member in [&bob, &friend, &follower, &blocked] {
        follow(member, "ada").await;
    }
    for name in ["friend", "bob"] {
        follow(&ada, name).await;
    }
    for name in ["close", "bob"] {
        put(&ada, name, "close").await.expect(200);
    }
    let mut threads = Vec::new();
    for audience in AUDIENCES {
        let thread = open(&harness, &ada, "open", 5, audience).await;
        // Whoever has the link joins with it.
        let query = thread["opening"]["link"].as_str().and_then(|link| link.split_once('?')).map(|(_, query)| query);
        let parts = format!("{}?{}", parts_url(&thread), query.unwrap_or_default());
        let body = json!({"media": harness.clip(&bob)});
        let part = bob.post(&parts, &body).await.expect(201).json();
        threads.push((thread, part));
    }
    put(&ada, "blocked", "block").await.expect(200);
    let none = Vec::<&str>::new();
    for (reader, audiences) in [
        (&ada, AUDIENCES.to_vec()),
        (&friend, vec!["public", "followers", "friends"]),
        (&follower, vec!["public", "followers"]),
        (&close, vec!["public", "close"]),
        (&stranger, vec!["public"]),
        (&visitor, vec!["public"]),
        (&blocked, none.clone()),
    ] {
        assert_eq!(seen(&harness, reader, &threads).await, audiences, "{:?}", reader.id);
    }
    // The link opens the thread and what is in it, for everyone who is not blocked.
    let link = threads[4].0["opening"]["link"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    let with_link = format!("{}?{link}", parts_url(&threads[4].0));
    assert_eq!(each(&visitor.get(&with_link).await.expect(200).json(), "id").len(), 1);
    visitor.get(&format!("{}?{link}", part_url(&threads[4].1))).await.expect(200);
    blocked.get(&with_link).await.refused(404, "social.not_found");

    // Who has told others of a part is told that they don't see it any more.
    let listener = fake_role("listener").records::<ThreadAudienceChanged>();
    listener.join(&harness.world).await;
    for audience in ["close", "public"] {
        let opening = format!("/v1/posts/{}", threads[0].0["id"].as_str().unwrap());
        ada.patch(&opening, &json!({"audience": audience})).await.expect(200);
        harness.world.settle().await;
        let changed = listener.events::<ThreadAudienceChanged>().pop().unwrap();
        assert_eq!((changed.thread, changed.opener), (id(&threads[0].0), AccountId(ada.id)));
        assert_eq!(changed.parts, [id(&threads[0].1)]);
        assert_eq!(changed.audience == Audience::Close, audience == "close");
    }

    // A block between a reader and the author of a part hides the part from both, and nothing else.
    put(&bob, "friend", "block").await.expect(200);
    assert_eq!(seen(&harness, &friend, &threads).await, none);
    friend.get(&parts_url(&threads[0].0)).await.expect(200);
    end(&bob, "friend", "block").await.expect(200);
    // A private profile shows its parts to its followers, and a suspended account to nobody.
    harness.set_private(&bob, "bob", true).await;
    assert_eq!(seen(&harness, &stranger, &threads).await, none);
    assert_eq!(seen(&harness, &ada, &threads).await, AUDIENCES, "she follows him");
    harness.set_private(&bob, "bob", false).await;
    harness.set_state(&bob, AccountState::Suspended, 1).await;
    assert_eq!(seen(&harness, &stranger, &threads).await, none);
    harness.set_state(&bob, AccountState::Active, 2).await;
    assert_eq!(seen(&harness, &stranger, &threads).await, ["public"]);
    // A block between the opener and an author hides the part from everyone but its author.
    put(&ada, "bob", "block").await.expect(200);
    for reader in [&ada, &friend, &stranger, &visitor] {
        assert_eq!(seen(&harness, reader, &threads).await, none, "{:?}", reader.id);
    }
    bob.get(&url(&threads[0].1)).await.expect(200);
    bob.get(&parts_url(&threads[0].0)).await.refused(404, "social.not_found");
    harness.world.end().await;
}

#[tokio::test]
async fn what_is_said_about_a_part_is_for_those_who_see_its_thread() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&bob, "ada").await;
    follow(&eve, "bob").await;
    let thread = open(&harness, &ada, "open", 5, "followers").await;
    let part = join(&harness, &bob, &thread).await.expect(201).json();
    let comments = format!("{}/comments", url(&part));
    let body = json!({"text": "What a voice!"});
    let written = ada.post(&comments, &body).await.expect(201).json();
    let react = || eve.request(Method::PUT, &format!("{}/reaction", url(&part))).json(&json!({"kind": "like"}));
    let in_home = async || {
        let home = eve.get("/v1/feeds/home").await.expect(200).json();
        each(&home, "id").contains(&part["id"].as_str().unwrap())
    };

    // She follows the author of the part, and does not see the thread.
    eve.get(&comments).await.refused(404, "social.not_found");
    eve.post(&comments, &body).await.refused(404, "social.not_found");
    eve.send(react()).await.refused(404, "social.not_found");
    let comment = format!("/v1/comments/{}", written["id"].as_str().unwrap());
    eve.get(&comment).await.refused(404, "social.no_such_comment");
    let report = json!({"kind": "post", "id": part["id"], "reason": "spam"});
    eve.post("/v1/reports", &report).await.refused(404, "social.not_found");
    assert!(!in_home().await);
    follow(&eve, "ada").await;
    eve.get(&comment).await.expect(200);
    eve.post(&comments, &body).await.expect(201);
    eve.send(react()).await.expect(200);
    assert!(in_home().await);
    eve.post(&format!("{}/repost", url(&part)), &json!({})).await.refused(403, "social.not_allowed");
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_part_that_is_not_shown_is_neither_named_nor_answered() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let thread = open(&harness, &ada, "open", 9, "public").await;
    let part = join(&harness, &bob, &thread).await.expect(201).json();
    let answer = json!({"media": harness.clip(&eve), "answers": part["id"]});
    let answering = eve.post(&parts_url(&thread), &answer).await.expect(201).json();
    let named = async |reader: &TestClient| {
        let listed = reader.get(&parts_url(&thread)).await.expect(200).json();
        let listed =
            listed["items"].as_array().unwrap().iter().find(|one| one["id"] == answering["id"]).unwrap().clone();
        let single = reader.get(&part_url(&answering)).await.expect(200).json();
        assert_eq!(listed["answers"], single["answers"]);
        single["answers"].clone()
    };
    assert_eq!(named(&eve).await, part["id"]);
    harness.set_private(&bob, "bob", true).await;
    for reader in [&ada, &eve, &harness.world.anonymous()] {
        assert_eq!(named(reader).await, Value::Null);
    }
    assert_eq!(named(&bob).await, part["id"], "whoever is answered can have it unlinked");
    let again = json!({"media": harness.clip(&eve), "answers": part["id"]});
    eve.post(&parts_url(&thread), &again).await.refused(422, "social.invalid_post");
    harness.world.end().await;
}
