//! Writing, changing and removing posts.

use contract::AccountId;
use contract::media::{Changed, Conversion, Kind, Visibility};
use contract::social::{FindProfileView, PostChanged, PostRemoved, Posted};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, fake_role};
use uuid::Uuid;

use crate::fixtures::{Harness, follow, join, open, post, url};

#[tokio::test]
async fn a_post_is_written_changed_and_removed() {
    let harness = Harness::new().await;
    let listener = fake_role("search").records::<Posted>().records::<PostChanged>().records::<PostRemoved>();
    listener.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let body = json!({
        "text": "Hello @Bob, @nobody.here. #Karaoke",
        "audience": "followers",
        "place": " The\n bar ",
        "policies": {"comment": "friends", "join": "nobody"},
    });
    let again = async || {
        let request = ada.request(Method::POST, "/v1/posts").header("idempotency-key", "k1");
        ada.send(request.json(&body)).await.expect(201)
    };
    let (first, second) = (again().await, again().await);
    assert_eq!((first.json(), second.header("idempotent-replay")), (second.json(), "true"));
    let post_view = first.json();
    assert_eq!(first.header("location"), url(&post_view));
    assert_eq!(post_view["state"], "published");
    assert_eq!((&post_view["tags"], &post_view["place"]), (&json!(["karaoke"]), &json!("The bar")));
    assert_eq!(post_view["mentions"].as_array().unwrap().len(), 1);
    assert_eq!(post_view["policies"], json!({"comment": "friends", "repost": "everyone", "join": "nobody"}));

    // What a reader may do follows from the policies, and changes with them.
    follow(&bob, "ada").await;
    let can = async |member: &TestClient| {
        let seen = member.get(&url(&post_view)).await.expect(200).json();
        seen["can"].clone()
    };
    let expected = |comment: bool, repost: bool, own: bool| {
        let of_all = json!({"comment": comment, "react": true, "repost": repost});
        let mut can = json!({"join": own, "change": own, "remove": own});
        can.as_object_mut().unwrap().extend(of_all.as_object().unwrap().clone());
        can
    };
    assert_eq!(can(&bob).await, expected(false, false, false), "it is not for everyone, so it is not reposted");
    let policies = json!({"policies": {"comment": "followers", "join": "nobody"}});
    bob.patch(&url(&post_view), &policies).await.refused(404, "social.not_found");
    ada.patch(&url(&post_view), &policies).await.expect(200);
    assert_eq!(can(&bob).await, expected(true, false, false));
    ada.patch(&url(&post_view), &json!({"audience": "public"})).await.expect(200);
    assert_eq!(can(&bob).await, expected(true, true, false));
    assert_eq!(can(&ada).await, expected(true, true, true));
    let visitor = harness.world.anonymous().get(&url(&post_view)).await.expect(200).json();
    assert_eq!((&visitor["can"]["comment"], &visitor["can"]["react"]), (&json!(false), &json!(false)));

    let edited = ada.patch(&url(&post_view), &json!({"text": "Bye #Now", "place": ""})).await.expect(200).json();
    assert_eq!((&edited["tags"], &edited["mentions"], &edited["place"]), (&json!(["now"]), &json!([]), &Value::Null));
    assert!(edited["edited_at"].is_string());
    ada.patch(&url(&post_view), &json!({"text": " "})).await.refused(422, "social.invalid_post");

    bob.delete(&url(&post_view)).await.refused(404, "social.not_found");
    ada.delete(&url(&post_view)).await.expect(204);
    for member in [&ada, &bob] {
        member.get(&url(&post_view)).await.refused(404, "social.not_found");
        member.delete(&url(&post_view)).await.refused(404, "social.not_found");
    }
    for table in ["post", "post_tag", "post_mention", "post_counts"] {
        assert_eq!(harness.count(table).await, 0, "{table}");
    }
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!(listener.events::<Posted>().len(), 1);
    let mut versions: Vec<u64> = listener.events::<PostChanged>().iter().map(|event| event.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4]);
    assert_eq!(listener.events::<PostRemoved>().len(), 1);
    harness.world.end().await;
}

#[tokio::test]
async fn a_story_ends_after_a_day_and_a_link_dies_with_its_audience() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let story = json!({"text": "today", "audience": "public", "story": true});
    let story = ada.post("/v1/posts", &story).await.expect(201).json();
    assert!(story["expires_at"].is_string());
    harness.world.clock().advance(chrono::TimeDelta::hours(24) - chrono::TimeDelta::seconds(1));
    harness.world.anonymous().get(&url(&story)).await.expect(200);
    harness.world.clock().advance(chrono::TimeDelta::seconds(1));
    ada.get(&url(&story)).await.refused(404, "social.not_found");
    ada.patch(&url(&story), &json!({"text": "longer"})).await.refused(404, "social.not_found");
    let is_removed = async || (harness.count("post").await == 0).then_some(());
    harness.world.wait_for("the story is removed", is_removed).await;
    harness.assert_no_drift().await;

    let secret = post(&ada, "for whom it may concern", "link").await;
    let link = secret["link"].as_str().unwrap();
    let visitor = harness.world.anonymous();
    visitor.get(link).await.expect(200);
    ada.patch(&url(&secret), &json!({"audience": "friends"})).await.expect(200);
    visitor.get(link).await.refused(404, "social.not_found");
    let renewed = ada.patch(&url(&secret), &json!({"audience": "link"})).await.expect(200).json();
    visitor.get(link).await.refused(404, "social.not_found");
    visitor.get(renewed["link"].as_str().unwrap()).await.expect(200);
    harness.world.end().await;
}

#[tokio::test]
async fn nobody_joins_a_story_whatever_its_author_says() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let body = json!({"text": "today", "audience": "public", "story": true, "policies": {"join": "everyone"}});
    let story = ada.post("/v1/posts", &body).await.expect(201).json();
    let thread = format!("/v1/threads/{}", story["id"].as_str().unwrap());
    ada.patch(&thread, &json!({"rule": "open"})).await.refused(422, "social.invalid_post");
    ada.patch(&thread, &json!({"cap": 5})).await.expect(200);
    ada.patch(&url(&story), &json!({"policies": {"join": "everyone"}})).await.expect(200);
    join(&harness, &bob, &story).await.refused(409, "social.thread_closed");
    harness.world.end().await;
}

#[tokio::test]
async fn others_count_the_public_posts_of_a_member_only() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let counted = async |reader: Option<Uuid>| {
        let query = FindProfileView { reader: reader.map(AccountId), account: AccountId(ada.id) };
        harness.world.process.peers.ask(&query).await.unwrap().unwrap().counts.posts
    };
    let (shown, kept) = (post(&ada, "for all", "public").await, post(&ada, "for some", "close").await);
    post(&ada, "for a few", "link").await;
    let thread = open(&harness, &bob, "open", 3, "public").await;
    join(&harness, &ada, &thread).await.expect(201);
    assert_eq!((counted(Some(ada.id)).await, counted(Some(bob.id)).await, counted(None).await), (4, 1, 1));
    ada.patch(&url(&kept), &json!({"audience": "public"})).await.expect(200);
    assert_eq!((counted(Some(ada.id)).await, counted(Some(bob.id)).await), (4, 2));
    ada.patch(&url(&shown), &json!({"audience": "friends"})).await.expect(200);
    ada.delete(&url(&kept)).await.expect(204);
    assert_eq!((counted(Some(ada.id)).await, counted(Some(bob.id)).await), (3, 0));
    // A post of a photo that is in the trash has nothing to show.
    let photo = harness.item(&ada, Kind::Photo, Conversion::Ready);
    let body = json!({"text": "", "audience": "public", "media": [photo]});
    ada.post("/v1/posts", &body).await.expect(201);
    for (trashed, version, count) in [(false, 2, 1), (true, 3, 0), (true, 3, 0), (false, 4, 1)] {
        let changed = Changed {
            id: photo.clone(),
            name: "a".into(),
            tags: vec![],
            visibility: Visibility::Private,
            trashed,
            captions: vec![],
            version,
        };
        harness.publish(&changed).await;
        assert_eq!((counted(Some(ada.id)).await, counted(Some(bob.id)).await), (4, count), "version {version}");
        harness.assert_no_drift().await;
    }
    harness.world.end().await;
}
