//! The live stream: what it begins with, how it resumes, when it resets, and when it ends.

use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};

use crate::fixtures::{Follower, LIST, STREAM, ids, list, publish_all, react, reaction, world_of};

#[tokio::test]
async fn a_stream_begins_with_counts_and_tells_of_what_comes_and_of_marks_elsewhere() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    react(&world, &bob, &ada, 7).await;
    let mut stream = Follower::open(&ada, None).await;
    let first = stream.next().await.unwrap();
    assert_eq!((&*first.event, &first.data), ("counts", &json!({"unseen": 1, "unread": 1})));
    react(&world, &cy, &ada, 7).await;
    let grown = stream.next().await.unwrap();
    let listed = list(&ada, "").await;
    assert_eq!((&*grown.event, &grown.data), ("notice", &listed["items"][0]));
    assert_eq!(json!(grown.id), grown.data["id"]);
    react(&world, &bob, &ada, 8).await;
    let (notice, counts) = (stream.next().await.unwrap(), stream.next().await.unwrap());
    assert_eq!((&notice.data["count"], &counts.data), (&json!(1), &json!({"unseen": 2, "unread": 2})));
    assert_eq!(counts.id, notice.id);
    // On another device, that is without this stream.
    ada.post(&format!("{LIST}/read"), &json!({"until": notice.id})).await.expect(200);
    assert_eq!(stream.next().await.unwrap().data, json!({"unseen": 0, "unread": 0}));
    world.anonymous().get(STREAM).await.refused(401, "auth.required");
    drop(stream);
    world.end().await;
}

#[tokio::test]
async fn a_stream_resumes_behind_the_last_event_and_resets_where_too_much_was_missed() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let mut before = Follower::open(&ada, None).await;
    let start = before.next().await.unwrap();
    drop(before);
    for post in [1, 2] {
        react(&world, &bob, &ada, post).await;
    }
    let mut resumed = Follower::open(&ada, Some(&start.id)).await;
    let missed = [resumed.next().await.unwrap(), resumed.next().await.unwrap(), resumed.next().await.unwrap()];
    assert_eq!(missed.clone().map(|frame| frame.event), ["notice", "notice", "counts"]);
    let newest = ids(&list(&ada, "").await);
    assert_eq!(missed.map(|frame| frame.id), [&newest[1], &newest[0], &newest[0]].map(Clone::clone));
    drop(resumed);

    let many: Vec<_> = (10..=110).map(|post| reaction(&world, &bob, &ada, post)).collect();
    publish_all(&world, &many).await;
    let last = ids(&list(&ada, "limit=1").await).remove(0);
    let far = "ffffffff-ffff-7fff-bfff-ffffffffffff";
    // Too far behind, and an id that this list never had.
    for known in [newest[0].as_str(), far] {
        let mut late = Follower::open(&ada, Some(known)).await;
        let (reset, counts) = (late.next().await.unwrap(), late.next().await.unwrap());
        assert_eq!((&*reset.event, &reset.id, &*counts.event), ("reset", &last, "counts"), "{known}");
        assert_eq!(counts.data, json!({"unseen": 103, "unread": 103}));
    }
    // One hundred are sent one by one.
    let hundred = ids(&list(&ada, "limit=100").await);
    let mut near = Follower::open(&ada, Some(&ids(&list(&ada, &format!("after={}", hundred[99])).await)[0])).await;
    assert_eq!(near.next().await.unwrap().id, hundred[99]);
    drop(near);
    for malformed in ["", "end", "7", "0198f3a26c1e7b409d523f8e1c7a4b63"] {
        let request = ada.request(Method::GET, STREAM).header("last-event-id", malformed);
        ada.send(request).await.refused(400, "request.invalid");
    }
    world.end().await;
}

#[tokio::test]
async fn a_stream_has_the_notices_of_its_member_alone_and_ends_with_the_token() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let expires = (world.clock().now() + TimeDelta::minutes(1)).timestamp();
    let short = world.member_who("ada", &["member"], |claims| claims.exp = expires);
    let (mut ending, mut other) = (Follower::open(&short, None).await, Follower::open(&bob, None).await);
    assert_eq!(
        (ending.next().await.unwrap().event, other.next().await.unwrap().event),
        ("counts".into(), "counts".into())
    );
    react(&world, &bob, &ada, 7).await;
    assert_eq!(ending.next().await.unwrap().event, "notice");
    assert_eq!(ending.next().await.unwrap().data["unread"], 1);
    world.clock().advance(TimeDelta::minutes(2));
    react(&world, &bob, &ada, 8).await;
    assert_eq!(ending.next().await, None);
    // What the other one gets first is its own.
    react(&world, &ada, &bob, 9).await;
    assert_eq!(other.next().await.unwrap().data["actors"][0]["id"], json!(ada.id));
    assert_ne!(list(&bob, "").await["items"][0]["id"], Value::Null);
    drop((ending, other));
    world.end().await;
}
