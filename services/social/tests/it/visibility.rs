//! Who sees a post: every audience for every relation, on every way on which a post is read.

use contract::AccountId;
use contract::accounts::AccountState;
use contract::media::{Conversion, Kind};
use contract::social::{FindHiddenPosts, FindPosts};
use http::Method;
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, each, follow, id, put, url, without_request_id};

const AUDIENCES: [&str; 5] = ["public", "followers", "friends", "close", "link"];

/// Returns the audiences of which a reader sees the post, which must be the same on every way.
async fn seen(harness: &Harness, reader: &TestClient, posts: &[Value]) -> Vec<&'static str> {
    let account = (!reader.id.is_nil()).then_some(AccountId(reader.id));
    let ids = posts.iter().map(id).collect();
    let batch = harness.world.process.peers.ask(&FindPosts { reader: account, ids }).await.unwrap().unwrap();
    let list = reader.get("/v1/accounts/ada/posts").await;
    let list = if list.status == 200 { list.json() } else { json!({"items": []}) };
    let tagged = reader.get("/v1/feeds/tags/look").await.expect(200).json();
    let absent = reader.get(&format!("/v1/posts/{}", uuid::Uuid::nil())).await.expect(404);
    let mut audiences = Vec::new();
    for (audience, post) in AUDIENCES.into_iter().zip(posts) {
        let single = reader.get(&url(post)).await;
        let is_seen = single.status == 200;
        if is_seen {
            audiences.push(audience);
            let media = single.json()["media"][0]["urls"]["image"].as_str().unwrap().to_owned();
            assert!(media.contains("?t="), "{media}");
        } else {
            assert_eq!(without_request_id(&single), without_request_id(&absent), "{audience}");
        }
        assert_eq!(batch.iter().any(|view| view.id == id(post)), is_seen, "in the batch: {audience}");
        assert_eq!(each(&list, "id").contains(&post["id"].as_str().unwrap()), is_seen, "in the list: {audience}");
        let is_tagged = each(&tagged, "id").contains(&post["id"].as_str().unwrap());
        assert_eq!(is_tagged, is_seen, "in the feed of the tag: {audience}");
    }
    audiences
}

#[tokio::test]
async fn every_way_to_read_shows_what_the_rule_allows() {
    let harness = Harness::new().await;
    let [ada, friend, follower, close, stranger, blocked] =
        harness.members(["ada", "friend", "follower", "close", "stranger", "blocked"]);
    let visitor = harness.world.anonymous();
    for member in [&friend, &follower, &blocked] {
        follow(member, "ada").await;
    }
    follow(&ada, "friend").await;
    put(&ada, "close", "close").await.expect(200);
    put(&ada, "blocked", "block").await.expect(200);
    let photo = harness.item(&ada, Kind::Photo, Conversion::Ready);
    let mut posts = Vec::new();
    for audience in AUDIENCES {
        let body = json!({"text": "@stranger @blocked #look", "audience": audience, "media": [photo]});
        posts.push(ada.post("/v1/posts", &body).await.expect(201).json());
    }
    let none = Vec::<&str>::new();
    for (reader, audiences) in [
        (&ada, AUDIENCES.to_vec()),
        (&friend, vec!["public", "followers", "friends"]),
        (&follower, vec!["public", "followers"]),
        (&close, vec!["public", "close"]),
        // A mention widens nothing.
        (&stranger, vec!["public"]),
        (&visitor, vec!["public"]),
        (&blocked, none.clone()),
    ] {
        assert_eq!(seen(&harness, reader, &posts).await, audiences, "{:?}", reader.id);
    }

    // What a reader does not see by their relation is named to the role that has told them of it.
    for (reader, hidden) in [(&follower, &posts[2..4]), (&stranger, &posts[1..4])] {
        let query = FindHiddenPosts { reader: AccountId(reader.id), ids: posts.iter().map(id).collect() };
        let mut found = harness.world.process.peers.ask(&query).await.unwrap().unwrap();
        found.sort_unstable();
        let mut expected: Vec<_> = hidden.iter().map(id).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    // The link opens one post, for everyone but those whom the author has blocked.
    let link = posts[4]["link"].as_str().unwrap().to_owned();
    for reader in [&visitor, &stranger, &friend] {
        assert_eq!(reader.get(&link).await.expect(200).json()["link"], Value::Null);
        reader.get(&format!("{link}x")).await.refused(404, "social.not_found");
    }
    blocked.get(&link).await.refused(404, "social.not_found");
    let (_, token) = link.split_once("?link=").unwrap();
    visitor.get(&format!("{}?link={token}", url(&posts[1]))).await.refused(404, "social.not_found");

    // A private profile is for followers, and a suspended account is for nobody.
    harness.set_private(&ada, "ada", true).await;
    assert_eq!(seen(&harness, &follower, &posts).await, ["public", "followers"]);
    assert_eq!(seen(&harness, &close, &posts).await, ["close"]);
    for reader in [&stranger, &visitor] {
        assert_eq!(seen(&harness, reader, &posts).await, none);
    }
    harness.set_state(&ada, AccountState::Suspended, 1).await;
    for reader in [&friend, &follower, &close, &visitor] {
        assert_eq!(seen(&harness, reader, &posts).await, none);
        reader.get("/v1/accounts/ada/posts").await.refused(404, "social.no_such_person");
        reader.get(&link).await.refused(404, "social.not_found");
    }
    // An older standing that arrives late changes nothing; a newer one brings everything back.
    harness.set_state(&ada, AccountState::Active, 0).await;
    assert_eq!(seen(&harness, &friend, &posts).await, none);
    harness.set_state(&ada, AccountState::Active, 2).await;
    assert_eq!(seen(&harness, &friend, &posts).await, ["public", "followers", "friends"]);
    harness.world.end().await;
}

#[tokio::test]
async fn a_page_is_full_however_much_its_reader_may_not_see() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let mut open = Vec::new();
    for at in 0..12 {
        harness.world.clock().advance(chrono::TimeDelta::milliseconds(2));
        let audience = if at % 3 == 0 { "public" } else { "followers" };
        let body = json!({"text": format!("number {at}"), "audience": audience});
        let post = ada.post("/v1/posts", &body).await.expect(201).json();
        if at % 3 == 0 {
            open.insert(0, post["text"].as_str().unwrap().to_owned());
        }
    }
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let page = bob.get(&format!("/v1/accounts/ada/posts?limit=2{next}")).await.expect(200).json();
        walked.extend(each(&page, "text").into_iter().map(str::to_owned));
        let Some(cursor) = page["next"].as_str() else { break };
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        next = format!("&after={cursor}");
    }
    assert_eq!(walked, open);
    harness.world.end().await;
}

/// Whether the answer to a way to read is there; one that is not must be that of an absent object.
async fn is_there(reader: &TestClient, path: &str, absent: &str) -> bool {
    let (response, absent) = (reader.get(path).await, reader.get(absent).await.expect(404));
    if response.status == 404 {
        assert_eq!(without_request_id(&response), without_request_id(&absent), "{path}");
    }
    response.status == 200
}

#[tokio::test]
async fn what_is_said_about_a_post_is_for_those_who_see_the_post() {
    let harness = Harness::new().await;
    let [ada, friend, follower, close, stranger, blocked] =
        harness.members(["ada", "friend", "follower", "close", "stranger", "blocked"]);
    for member in [&friend, &follower, &blocked] {
        follow(member, "ada").await;
    }
    follow(&ada, "friend").await;
    put(&ada, "close", "close").await.expect(200);
    put(&ada, "blocked", "block").await.expect(200);
    let mut posts = Vec::new();
    for audience in AUDIENCES {
        let post = ada.post("/v1/posts", &json!({"text": "x", "audience": audience})).await.expect(201).json();
        let comments = format!("{}/comments", url(&post));
        let comment = ada.post(&comments, &json!({"text": audience})).await.expect(201).json();
        posts.push((post, format!("/v1/comments/{}", comment["id"].as_str().unwrap())));
    }
    let (nil, visitor) = (uuid::Uuid::nil(), harness.world.anonymous());
    let absent = |part: &str| format!("/v1/posts/{nil}{part}");
    for (reader, audiences) in [
        (&ada, AUDIENCES.to_vec()),
        (&friend, vec!["public", "followers", "friends"]),
        (&follower, vec!["public", "followers"]),
        (&close, vec!["public", "close"]),
        (&stranger, vec!["public"]),
        (&visitor, vec!["public"]),
        (&blocked, vec![]),
    ] {
        for (audience, (post, comment)) in AUDIENCES.into_iter().zip(&posts) {
            let is_seen = audiences.contains(&audience);
            for part in ["/comments", "/reactions", "/reposts"] {
                let found = is_there(reader, &format!("{}{part}", url(post)), &absent(part)).await;
                assert_eq!(found, is_seen, "{part} of {audience} for {:?}", reader.id);
            }
            let found = is_there(reader, comment, &format!("/v1/comments/{nil}")).await;
            assert_eq!(found, is_seen, "the comment on {audience} for {:?}", reader.id);
            if reader.id.is_nil() || reader.id == ada.id {
                continue;
            }
            let react = reader.request(Method::PUT, &format!("{}/reaction", url(post)));
            let reacted = reader.send(react.json(&json!({"kind": "like"}))).await.status;
            let saved = reader.send(reader.request(Method::PUT, &format!("{}/save", url(post)))).await.status;
            let said = reader.post(&format!("{}/comments", url(post)), &json!({"text": "hi"})).await.status;
            let reported = json!({"kind": "post", "id": post["id"], "reason": "spam"});
            let reported = reader.post("/v1/reports", &reported).await.status;
            let expected = if is_seen { [200, 200, 201, 201] } else { [404; 4] };
            assert_eq!([reacted, saved, said, reported].map(|status| status.as_u16()), expected, "{audience}");
        }
    }
    // The link opens what belongs to its post as well.
    let (post, comment) = &posts[4];
    let (_, query) = post["link"].as_str().unwrap().split_once('?').unwrap();
    visitor.get(&format!("{comment}?{query}")).await.expect(200);
    visitor.get(&format!("{}/comments?{query}", url(post))).await.expect(200);
    let body = json!({"text": "by the link"});
    let said = stranger.post(&format!("{}/comments?{query}", url(post)), &body).await.expect(201);
    stranger.get(said.header("location")).await.expect(200);
    harness.assert_no_drift().await;
    harness.world.end().await;
}
