//! The trash: what its owner and others see of it, restoring, and removal for good.

use chrono::{DateTime, TimeDelta, Utc};
use contract::media::{Changed, Deleted, Visibility};
use contract::transcode::Failed;
use db::{Lane, Sql as _};
use http::Method;
use serde_json::{Value, json};
use testkit::World;

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png, send};
use crate::item_events::publish;
use crate::library::{names, photo, published_events};

fn time(view: &Value, field: &str) -> DateTime<Utc> {
    view[field].as_str().unwrap().parse().unwrap()
}

/// Returns what restoring does not change: all but the time of the last change and the signatures.
fn unchanging(mut view: Value) -> Value {
    let fields = view.as_object_mut().unwrap();
    fields.remove("updated_at");
    fields.remove("urls");
    view
}

#[tokio::test]
async fn what_is_in_the_trash_is_gone_for_all_but_its_owner_and_comes_back_unchanged() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let id = photo(&ada, "?name=Beach.png&tags=sea&visibility=public", 1).await;
    let path = format!("/v1/media/{id}");
    let before = ada.get(&path).await.expect(200).json();
    let events = before["urls"]["events"].as_str().unwrap().to_owned();
    bob.get(&path).await.expect(200);

    ada.delete(&path).await.expect(204);
    let trashed = ada.get(&path).await.expect(200).json();
    assert_eq!(time(&trashed, "removed_at"), world.clock().now());
    assert_eq!(time(&trashed, "purges_at"), world.clock().now() + TimeDelta::days(30));
    assert_eq!((&trashed["visibility"], &trashed["urls"]["original"]), (&json!("public"), &Value::Null));
    for stranger in [&bob, &anonymous] {
        stranger.get(&path).await.refused(404, "media.not_found");
        stranger.get(&events).await.refused(404, "media.not_found");
    }
    for query in ["", "q=beach", "tag=sea", "kind=photo", "sort=taken", "staged=true", "sort=taken&q=beach"] {
        assert_eq!(names(&ada, query).await, [""; 0], "{query}");
    }
    assert_eq!(names(&ada, "trash=true").await, ["Beach.png"]);
    assert_eq!(names(&bob, "trash=true").await, [""; 0]);
    ada.get("/v1/media?trash=true&q=beach").await.refused(422, "request.invalid");
    ada.patch(&path, &json!({ "name": "other" })).await.refused(404, "media.not_found");
    ada.post("/v1/media/claims", &json!({ "ids": [id], "subject": "post:1" })).await.refused(404, "media.not_found");
    let restore = format!("{path}/restore");
    bob.post(&restore, &json!({})).await.refused(404, "media.not_found");
    bob.delete(&format!("{path}?purge=true")).await.refused(404, "media.not_found");
    anonymous.post(&restore, &json!({})).await.refused(401, "auth.required");
    ada.post("/v1/media/0000000000000000000000/restore", &json!({})).await.refused(404, "media.not_found");

    // The second one finds nothing to do.
    for _ in 0..2 {
        ada.post(&restore, &json!({})).await.expect(200);
    }
    assert_eq!(unchanging(ada.get(&path).await.expect(200).json()), unchanging(before));
    bob.get(&path).await.expect(200);
    assert_eq!((names(&ada, "q=beach").await, names(&ada, "trash=true").await), (vec!["Beach.png".into()], vec![]));
    let changes: Vec<Changed> = published_events(&world).await;
    let seen: Vec<_> = changes.iter().map(|change| (change.trashed, change.visibility)).collect();
    assert_eq!(seen, [(true, Visibility::Private), (false, Visibility::Public)]);
    assert!(published_events::<Deleted>(&world).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn deleting_again_leaves_the_trash_alone_and_purging_removes_at_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let post = || ada.request(Method::POST, "/v1/media").header("idempotency-key", "k1").body(png(9, 9, 3000, 1));
    let id = ada.send(post()).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/media/{id}");
    ada.delete(&path).await.expect(204);
    // A client that lost the response sends the request again.
    ada.delete(&path).await.refused(404, "media.not_found");
    ada.get(&path).await.expect(200);
    ada.send(post()).await.refused(410, "request.result_removed");
    ada.delete(&format!("{path}?purge=true")).await.expect(204);
    ada.delete(&format!("{path}?purge=true")).await.refused(404, "media.not_found");
    ada.post(&format!("{path}/restore"), &json!({})).await.refused(404, "media.not_found");
    assert_eq!(published_events::<Deleted>(&world).await.len(), 1);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn the_trash_counts_until_it_is_emptied_after_thirty_days() {
    let world = World::builder().set("media.quota_items=2").start(&[media::service()]).await;
    let ada = world.ada();
    let (trashed, restored) = (photo(&ada, "", 1).await, photo(&ada, "", 2).await);
    for id in [&trashed, &restored] {
        ada.delete(&format!("/v1/media/{id}")).await.expect(204);
    }
    send(&ada, "", "image/png", png(9, 9, 3000, 3)).await.refused(403, "media.quota_items");
    world.clock().advance(TimeDelta::days(29));
    let ada = world.ada();
    ada.post(&format!("/v1/media/{restored}/restore"), &json!({})).await.expect(200);
    ada.get(&format!("/v1/media/{trashed}")).await.expect(200);
    world.clock().advance(TimeDelta::days(2));
    world
        .wait_for("the trash is emptied", async || {
            (!published_events::<Deleted>(&world).await.is_empty()).then_some(())
        })
        .await;
    let ada = world.ada();
    ada.get(&format!("/v1/media/{trashed}")).await.refused(404, "media.not_found");
    ada.get(&format!("/v1/media/{restored}")).await.expect(200);
    send(&ada, "", "image/png", png(9, 9, 3000, 3)).await.expect(201);
    expect_no_orphans(&world).await;
    assert_eq!(published_events::<Deleted>(&world).await.len(), 1);
    world.end().await;
}

/// Sets the kind of an item; one that does not exist makes its row unreadable.
async fn set_kind(world: &World, id: &str, kind: &'static str) {
    let text = "update item set kind = $1 where id = $2";
    let values = vec![kind.into(), id.into()];
    let db = &world.context("media").db;
    let written: Result<u64, db::Error> = db.write(Lane::ALL, async move |tx| tx.execute(text, values).await).await;
    assert_eq!(written.unwrap(), 1);
}

/// Returns how often a sweep has passed an item of the trash that it could not remove.
fn sweep_failures(world: &World) -> u64 {
    let text = world.process.metrics.text();
    let name = "tutti_media_sweep_failures_total{list=\"trash\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn an_item_that_cannot_be_purged_holds_up_no_other_and_is_tried_again() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let mut trashed = Vec::new();
    for seed in 1..=3 {
        let id = photo(&ada, "", seed).await;
        ada.delete(&format!("/v1/media/{id}")).await.expect(204);
        trashed.push(id);
        world.clock().advance(TimeDelta::seconds(1));
    }
    // The first that the sweep finds.
    set_kind(&world, &trashed[0], "unknown").await;
    let deleted = async || published_events::<Deleted>(&world).await.len();
    world.clock().advance(TimeDelta::days(31));
    world.wait_for("the others are purged", async || (deleted().await == 2).then_some(())).await;
    assert_eq!(sweep_failures(&world), 1);
    world.clock().advance(TimeDelta::minutes(10));
    world.wait_for("the next sweep tries it once", async || (sweep_failures(&world) == 2).then_some(())).await;
    set_kind(&world, &trashed[0], "photo").await;
    world.clock().advance(TimeDelta::minutes(10));
    world.wait_for("it is purged", async || (deleted().await == 3).then_some(())).await;
    assert_eq!(sweep_failures(&world), 2);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_has_no_place_to_come_back_to_is_removed_at_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let (staged, avatar) = (photo(&ada, "?claim=later", 1).await, photo(&ada, "?claim=later", 2).await);
    ada.post("/v1/media/claims", &json!({ "ids": [avatar], "subject": "account:avatar" })).await.expect(200);
    let failed = photo(&ada, "", 3).await;
    publish(
        &world,
        &Failed { id: failed.parse().unwrap(), code: "transcode.x".into(), detail: "It is.".into(), retry: Some(0) },
    )
    .await;
    for id in [staged, avatar, failed] {
        let path = format!("/v1/media/{id}");
        ada.delete(&path).await.expect(204);
        ada.get(&path).await.refused(404, "media.not_found");
    }
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn avatars_are_not_in_the_library() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    photo(&ada, "?name=Beach.png", 1).await;
    let avatar = photo(&ada, "?name=Me.png&claim=later", 2).await;
    ada.post("/v1/media/claims", &json!({ "ids": [avatar], "subject": "account:avatar" })).await.expect(200);
    for query in ["", "kind=photo", "sort=taken"] {
        assert_eq!(names(&ada, query).await, ["Beach.png"], "{query}");
    }
    assert_eq!(names(&ada, "q=me").await, [""; 0]);
    assert_eq!(names(&ada, "subject=account:avatar").await, ["Me.png"]);
    world.end().await;
}
