//! What a member wants to hear of: preferences, and posts and threads that are muted.

use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse};
use uuid::Uuid;

use crate::fixtures::{Follower, LIST, follow, ids, list, react, world_of};

const PREFERENCES: &str = "/v1/notifications/preferences";

async fn put(member: &TestClient, path: &str, body: &Value) -> TestResponse {
    member.send(member.request(Method::PUT, path).json(body)).await
}

#[tokio::test]
async fn what_is_not_wanted_is_in_the_filtered_list_and_in_no_count() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    let before = ada.get(PREFERENCES).await.expect(200).json();
    assert_eq!((&before["language"], &before["quiet_hours"]), (&Value::Null, &Value::Null));
    assert_eq!(before["kinds"].as_object().unwrap().len(), contract::notify::NoticeKind::ALL.len());
    assert_eq!(before["kinds"]["reacted"]["from"], "everyone");
    follow(&world, &ada, &bob).await;
    let wanted = json!({"language": "es", "kinds": {"reacted": {"from": "following"}}});
    let set = put(&ada, PREFERENCES, &wanted).await.expect(200).json();
    assert_eq!((&set["language"], &set["kinds"]["reacted"]["from"]), (&json!("es"), &json!("following")));
    // What is read can be sent back.
    assert_eq!(put(&ada, PREFERENCES, &set).await.expect(200).json(), set);
    let mut stream = Follower::open(&ada, None).await;
    assert_eq!(stream.next().await.unwrap().data, json!({"unseen": 0, "unread": 0}));
    react(&world, &cy, &ada, 7).await;
    react(&world, &bob, &ada, 7).await;
    let (main, filtered) = (list(&ada, "").await, list(&ada, "filtered=true").await);
    assert_eq!((&main["unread"], &filtered["unread"]), (&json!(1), &json!(1)));
    assert_eq!(main["items"][0]["text"], "BOB reaccionó a tu publicación");
    assert_eq!((ids(&filtered).len(), &filtered["items"][0]["actors"][0]["handle"]), (1, &json!("cy")));
    assert_eq!(stream.next().await.unwrap().data["actors"][0]["handle"], "bob");
    for wrong in [
        json!({"quiet_hours": {"from": "22:00", "until": "07:00", "zone": "Europe/Atlantis"}}),
        json!({"quiet_hours": {"from": "25:00", "until": "07:00", "zone": "UTC"}}),
    ] {
        put(&ada, PREFERENCES, &wrong).await.refused(422, "notify.invalid_preferences");
    }
    for wrong in [json!({"kinds": {"eaten": {}}}), json!({"kinds": {"reacted": {"from": "me"}}}), json!({"x": 1})] {
        put(&ada, PREFERENCES, &wrong).await.refused(422, "request.invalid");
    }
    assert_eq!(ada.get(PREFERENCES).await.expect(200).json(), set);
    world.anonymous().get(PREFERENCES).await.refused(401, "auth.required");
    drop(stream);
    world.end().await;
}

#[tokio::test]
async fn a_muted_post_is_told_of_no_more() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    let (mutes, post) = (format!("{LIST}/mutes"), Uuid::from_u128(7));
    react(&world, &bob, &ada, 7).await;
    for _ in 0..2 {
        put(&ada, &format!("{mutes}/{post}"), &json!({})).await.expect(204);
    }
    react(&world, &cy, &ada, 7).await;
    react(&world, &cy, &ada, 8).await;
    let listed = list(&ada, "").await;
    assert_eq!((&listed["unread"], &listed["items"][1]["count"]), (&json!(2), &json!(1)));
    let muted = ada.get(&mutes).await.expect(200).json();
    assert_eq!(muted, json!({"items": [{"subject": post}], "next": null}));
    assert_eq!(bob.get(&mutes).await.expect(200).json()["items"], json!([]));
    ada.delete(&format!("{mutes}/{post}")).await.expect(204);
    ada.delete(&format!("{mutes}/{post}")).await.expect(204);
    react(&world, &cy, &ada, 7).await;
    assert_eq!(list(&ada, "").await["items"][0]["count"], 2);
    ada.delete(&format!("{mutes}/x")).await.refused(404, "request.no_such_url");
    ada.get(&format!("{mutes}?after=x")).await.refused(400, "request.invalid");
    world.end().await;
}
