//! Songs of posts: who names one, its feed, following it, and what becomes of it.

use chrono::TimeDelta;
use contract::media::{Changed, Conversion, Deleted, Kind, Visibility};
use contract::transcode::Playable;
use contract::{AccountId, MediaId};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse};

use crate::fixtures::{Harness, each, put, url, without_request_id};

/// Writes a post that names a song, a moment after everything before.
async fn name(harness: &Harness, member: &TestClient, song: &MediaId, text: &str, audience: &str) -> TestResponse {
    harness.world.clock().advance(TimeDelta::milliseconds(2));
    member.post("/v1/posts", &json!({"text": text, "audience": audience, "song": song})).await
}

/// Shows an item in a post, a moment after everything before.
async fn show(harness: &Harness, member: &TestClient, item: &MediaId, text: &str, audience: &str) -> Value {
    harness.world.clock().advance(TimeDelta::milliseconds(2));
    let body = json!({"text": text, "audience": audience, "media": [item]});
    member.post("/v1/posts", &body).await.expect(201).json()
}

async fn follow_song(member: &TestClient, song: &MediaId) {
    member.send(member.request(Method::PUT, &format!("/v1/topics/song/{song}/follow"))).await.expect(200);
}

/// Returns the texts of a feed.
async fn texts(member: &TestClient, feed: &str) -> Vec<String> {
    let page = member.get(feed).await.expect(200).json();
    each(&page, "text").into_iter().map(str::to_owned).collect()
}

fn changed(song: &MediaId, name: &str, trashed: bool, version: u64) -> Changed {
    Changed {
        id: song.clone(),
        name: name.into(),
        tags: vec![],
        visibility: Visibility::Private,
        trashed,
        captions: vec![],
        version,
    }
}

#[tokio::test]
async fn a_followed_song_comes_home_and_posts_outlive_it() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let song = harness.item(&ada, Kind::Audio, Conversion::Ready);
    let feed = format!("/v1/feeds/songs/{song}");
    follow_song(&bob, &song).await;
    bob.get("/v1/feeds/home").await.expect(200);
    harness.world.settle().await;

    show(&harness, &ada, &song, "heard", "public").await;
    name(&harness, &ada, &song, "for few", "followers").await.expect(201);
    let first = name(&harness, &ada, &song, "one", "public").await.expect(201).json();
    let second = name(&harness, &eve, &song, "two", "public").await.expect(201).json();
    for post in [&first, &second] {
        let named = &post["song"];
        assert_eq!((&named["title"], &named["handle"]), (&json!("Blue in Green"), &json!("ada")));
        assert!(named["hls"].as_str().unwrap().starts_with(&format!("/v1/media/{song}/hls/master.m3u8?t=")));
    }
    assert_eq!(texts(&ada, &feed).await, ["two", "one", "for few"]);
    for reader in [&bob, &harness.world.anonymous()] {
        assert_eq!(texts(reader, &feed).await, ["two", "one"], "what the reader may see");
    }
    assert_eq!(texts(&bob, "/v1/feeds/home").await, ["two", "one"], "before the fan-out");
    harness.world.settle().await;
    assert_eq!(texts(&bob, "/v1/feeds/home").await, ["two", "one"], "and after it");
    let page = bob.get(&format!("{feed}?limit=1")).await.expect(200).json();
    let cursor = page["next"].as_str().unwrap();
    assert_eq!(texts(&bob, &format!("{feed}?after={cursor}")).await, ["one"]);
    bob.get(&format!("/v1/feeds/tags/{song}?after={cursor}")).await.refused(422, "social.wrong_cursor");
    bob.get("/v1/feeds/songs/a%20b").await.refused(422, "social.invalid_topic");

    // A post that waits for its media comes into the feed when it appears; a post changes its song.
    let video = harness.item(&eve, Kind::Video, Conversion::Processing);
    let body = json!({"text": "later", "audience": "public", "media": [video], "song": song});
    eve.post("/v1/posts", &body).await.expect(201);
    name(&harness, &eve, &song, "three", "public").await.expect(201);
    harness.world.clock().advance(TimeDelta::milliseconds(2));
    harness.publish(&Playable { id: video, width: None, height: None, duration_ms: None }).await;
    assert_eq!(texts(&bob, &feed).await, ["later", "three", "two", "one"]);
    let without = eve.patch(&url(&second), &json!({"song": ""})).await.expect(200).json();
    assert_eq!((&without["song"], &without["edited_at"]), (&Value::Null, &Value::Null));
    assert_eq!(texts(&bob, &feed).await, ["later", "three", "one"]);
    eve.patch(&url(&second), &json!({"song": song})).await.expect(200);
    eve.patch(&url(&second), &json!({"song": "x"})).await.refused(422, "social.invalid_post");

    // What the owner does with the item counts for every post that names it.
    let title = async || bob.get(&url(&second)).await.expect(200).json()["song"]["title"].clone();
    harness.publish(&changed(&song, "Green.flac", false, 2)).await;
    assert_eq!(title().await, "Green");
    harness.publish(&changed(&song, "Green.flac", true, 4)).await;
    harness.publish(&changed(&song, "Late.flac", false, 3)).await;
    assert_eq!((title().await, texts(&bob, "/v1/feeds/home").await.len()), (Value::Null, 0));
    harness.publish(&changed(&song, "Green.flac", false, 5)).await;
    assert_eq!((title().await, texts(&bob, &feed).await.len()), (json!("Green"), 4));
    harness.publish(&Deleted { id: song.clone(), owner: AccountId(ada.id) }).await;
    assert_eq!((title().await, texts(&bob, &feed).await.len()), (Value::Null, 0));
    assert_eq!((harness.count("post").await, harness.count("song").await), (6, 0), "the posts stay");
    assert_eq!((harness.count("post_song").await, harness.count("topic_follow").await), (0, 0));

    // Nothing is kept of a song that no post names any more.
    let other = harness.item(&eve, Kind::Audio, Conversion::Ready);
    let last = name(&harness, &eve, &other, "last", "public").await.expect(201).json();
    eve.delete(&url(&last)).await.expect(204);
    assert_eq!(harness.count("song").await, 1);
    harness.world.clock().advance(TimeDelta::hours(2));
    let is_removed = async || (harness.count("song").await == 0).then_some(());
    harness.world.wait_for("the job removes it", is_removed).await;
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_song_is_named_by_and_shown_to_those_to_whom_its_owner_shows_it() {
    let harness = Harness::new().await;
    let [ada, bob, eve, zoe] = harness.members(["ada", "bob", "eve", "zoe"]);
    let song = harness.item(&ada, Kind::Audio, Conversion::Ready);
    let feed = format!("/v1/feeds/songs/{song}");
    put(&ada, "eve", "block").await.expect(200);
    put(&bob, "ada", "follow").await.expect(200);
    for member in [&eve, &zoe] {
        follow_song(member, &song).await;
    }
    // One that may not be named and one that does not exist are the same problem.
    let refusal = async |member: &TestClient, song: &MediaId| {
        let refused = name(&harness, member, song, "x", "public").await.refused(422, "social.no_such_song");
        without_request_id(&refused).to_string().replace(song.as_str(), "")
    };
    let absent = refusal(&bob, &MediaId::random()).await;
    let shown = show(&harness, &ada, &song, "heard", "followers").await;
    for (member, wrong) in [
        (&bob, song.clone()),
        (&ada, harness.item(&ada, Kind::Audio, Conversion::Playable)),
        (&ada, harness.item(&ada, Kind::Video, Conversion::Ready)),
        (&ada, harness.item(&bob, Kind::Audio, Conversion::Ready)),
    ] {
        assert_eq!(refusal(member, &wrong).await, absent);
    }
    ada.patch(&url(&shown), &json!({"audience": "public"})).await.expect(200);
    assert_eq!(refusal(&eve, &song).await, absent, "who is blocked");
    assert_eq!((harness.count("post").await, harness.count("song").await), (1, 0), "nothing was written");

    let of_bob = name(&harness, &bob, &song, "of bob", "public").await.expect(201).json();
    let of_ada = name(&harness, &ada, &song, "of ada", "followers").await.expect(201).json();
    let visitor = harness.world.anonymous();
    let has_song = async |reader: &TestClient, post: &Value| {
        let view = reader.get(&url(post)).await.expect(200).json();
        view["song"]["id"] == json!(song)
    };
    for reader in [&ada, &bob, &zoe, &visitor] {
        assert!(has_song(reader, &of_bob).await);
    }
    assert_eq!(texts(&zoe, &feed).await, ["of bob"], "a post that the reader may not see is in no list");
    assert_eq!(texts(&zoe, "/v1/feeds/home").await, ["of bob"]);
    // From whom the owner is hidden, the song is hidden; the post is not.
    assert!(!has_song(&eve, &of_bob).await);
    for feed in [feed.as_str(), "/v1/feeds/home"] {
        assert_eq!(texts(&eve, feed).await, Vec::<String>::new());
    }
    // Once no public post shows it, it stays with its owner's own posts only.
    ada.patch(&url(&shown), &json!({"audience": "followers"})).await.expect(200);
    for reader in [&bob, &zoe, &visitor] {
        assert!(!has_song(reader, &of_bob).await);
    }
    assert!(has_song(&bob, &of_ada).await, "a follower of the owner");
    assert_eq!((texts(&zoe, &feed).await.len(), texts(&zoe, "/v1/feeds/home").await.len()), (0, 0));
    ada.patch(&url(&shown), &json!({"audience": "public"})).await.expect(200);
    assert!(has_song(&zoe, &of_bob).await);
    ada.delete(&url(&shown)).await.expect(204);
    assert!(!has_song(&zoe, &of_bob).await);
    harness.world.end().await;
}
