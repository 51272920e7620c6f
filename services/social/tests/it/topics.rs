//! Following tags, places and songs.

use contract::media::{Conversion, Kind};
use contract::transcode::Playable;
use http::Method;
use serde_json::{Value, json};

use crate::fixtures::{Harness, each, url};

#[tokio::test]
async fn a_member_follows_tags_places_and_songs() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let put = async |path: &str| ada.send(ada.request(Method::PUT, &format!("/v1/topics/{path}/follow"))).await;
    for topic in ["tag/Karaoke", "tag/karaoke", "place/The%20Bar", "song/5kT0vYq8"] {
        assert_eq!(put(topic).await.expect(200).json(), json!({"state": "following"}));
    }
    let page = ada.get("/v1/topics?limit=2").await.expect(200).json();
    assert_eq!((each(&page, "kind"), each(&page, "name")), (vec!["place", "song"], vec!["the bar", "5kT0vYq8"]));
    let rest = format!("/v1/topics?limit=2&after={}", page["next"].as_str().unwrap());
    let rest = ada.get(&rest).await.expect(200).json();
    assert_eq!((each(&rest, "name"), &rest["next"]), (vec!["karaoke"], &Value::Null));
    let of_bob = bob.get("/v1/topics").await.expect(200).json();
    assert_eq!(of_bob["items"], json!([]));

    ada.delete("/v1/topics/tag/KARAOKE/follow").await.expect(200);
    assert_eq!(harness.count("topic_follow").await, 2);
    put("tag/two%20words").await.refused(422, "social.invalid_topic");
    put("person/eve").await.refused(404, "request.no_such_url");
    ada.get("/v1/topics?after=x").await.refused(400, "request.invalid");
    harness.world.anonymous().get("/v1/topics").await.refused(401, "auth.required");
    harness.world.end().await;
}

#[tokio::test]
async fn a_followed_place_brings_its_posts_home() {
    let harness = Harness::new().await;
    let [bob, eve] = harness.members(["bob", "eve"]);
    bob.send(bob.request(Method::PUT, "/v1/topics/place/the%20bar/follow")).await.expect(200);
    let home = async || bob.get("/v1/feeds/home").await.expect(200).json()["items"].as_array().unwrap().len();
    assert_eq!(home().await, 0);
    harness.world.settle().await;
    // One that waits for its media comes when it appears.
    let video = harness.item(&eve, Kind::Video, Conversion::Processing);
    let body = json!({"text": "tonight", "audience": "public", "media": [video], "place": "The  Bar"});
    let post = eve.post("/v1/posts", &body).await.expect(201).json();
    assert_eq!(home().await, 0);
    harness.publish(&Playable { id: video, width: None, height: None, duration_ms: None }).await;
    assert_eq!(home().await, 1);
    for (place, count) in [("Elsewhere", 0), ("THE BAR", 1), ("", 0)] {
        eve.patch(&url(&post), &json!({"place": place})).await.expect(200);
        assert_eq!(home().await, count, "{place:?}");
    }
    harness.world.end().await;
}
