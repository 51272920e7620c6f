//! Each event is told once: under redelivery, and when it is undone and done again.

use contract::notify::Notified;
use contract::social::Audience;
use db::{FromQueryResult, Sql as _};
use serde_json::json;
use testkit::World;

use crate::fixtures::{list, publish_all, react, reaction, world_of};
use crate::happenings::{comment, exact, follow_all, kinds, post};

/// Returns the events that the role has published, oldest first.
async fn notified(world: &World) -> Vec<Notified> {
    #[derive(FromQueryResult)]
    struct Row {
        payload: String,
    }
    let text = "select payload from outbox where subject = 'notify.notified' order by id";
    let rows: Vec<Row> = world.context("notify").db.read().rows(text, vec![]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_told_once_however_often_it_is_delivered() {
    let (world, [ada, bob, eve]) = world_of(["ada", "bob", "eve"]).await;
    follow_all(&world, &[&bob, &eve], &ada).await;
    for _ in 0..3 {
        publish_all(&world, &[post(&world, &ada, 7, Audience::Public)]).await;
        react(&world, &bob, &ada, 7).await;
        publish_all(&world, &[comment(&world, &bob, &ada, 7, 8), comment(&world, &bob, &ada, 7, 9)]).await;
    }
    for member in [&bob, &eve] {
        assert_eq!(kinds(&exact(&world, member).await), ["posted"]);
    }
    let notices = exact(&world, &ada).await;
    let of = |kind: &str| notices["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).count();
    assert_eq!(["followed", "reacted", "commented"].map(of), [1, 1, 1], "{notices:#}");
    assert_eq!(notices["unread"], 3);
    world.end().await;
}

#[tokio::test]
async fn undo_and_redo_neither_tell_again_nor_inflate() {
    let (world, [ada, bob, eve]) = world_of(["ada", "bob", "eve"]).await;
    let both = [reaction(&world, &bob, &ada, 7), reaction(&world, &eve, &ada, 7)];
    publish_all(&world, &both).await;
    let before = exact(&world, &ada).await;
    assert_eq!((before["items"].as_array().unwrap().len(), &before["items"][0]["count"]), (1, &json!(2)));
    publish_all(&world, &both).await;
    assert_eq!(exact(&world, &ada).await, before);
    // Also after it was read, and after it was removed.
    let id = before["items"][0]["id"].as_str().unwrap();
    ada.post("/v1/notifications/read", &json!({"until": id})).await.expect(200);
    let read = exact(&world, &ada).await;
    publish_all(&world, &both).await;
    assert_eq!(exact(&world, &ada).await, read);
    ada.delete(&format!("/v1/notifications/{id}")).await.expect(204);
    publish_all(&world, &both).await;
    assert_eq!(list(&ada, "").await["items"], json!([]));
    let told: usize = notified(&world).await.iter().map(|event| event.notices.len()).sum();
    assert_eq!(told, 2, "the second reaction let the notice grow");
    world.end().await;
}
