//! Staging and claiming.

use contract::AccountId;
use contract::media::{Changed, Deleted, FindOwnedItems, Received, Visibility};
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png, send};
use crate::library::{photo, published_events};

async fn staged(member: &TestClient, query: &str, seed: u8) -> String {
    let item =
        send(member, &format!("?claim=later{query}"), "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    assert_eq!(item["claimed"], false);
    item["id"].as_str().unwrap().to_owned()
}

fn listed(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_staged_is_its_owners_alone_until_it_is_claimed() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let id = staged(&ada, "&visibility=public&tags=a", 1).await;
    // Conversion starts while the form is filled in, and only the owner has access.
    assert_eq!(published_events::<Received>(&world).await[0].visibility, Visibility::Private);
    bob.get(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");
    assert!(
        ada.get(&format!("/v1/media/{id}")).await.expect(200).json()["urls"]["image"].as_str().unwrap().contains("?t=")
    );
    assert!(listed(&ada.get("/v1/media").await.json()).is_empty());
    assert_eq!(listed(&ada.get("/v1/media?staged=true").await.json()), [id.as_str()]);

    let claim = json!({ "ids": [id], "subject": "post:1", "tags": ["b"] });
    let items = ada.post("/v1/media/claims", &claim).await.expect(200).json();
    assert_eq!(
        (&items["items"][0]["claimed"], &items["items"][0]["subject"], &items["items"][0]["tags"]),
        (&json!(true), &json!("post:1"), &json!(["a", "b"]))
    );
    assert_eq!(published_events::<Changed>(&world).await[0].visibility, Visibility::Public);
    bob.get(&format!("/v1/media/{id}")).await.expect(200);
    assert_eq!(listed(&ada.get("/v1/media?subject=post:1").await.json()), [id.as_str()]);
    // The same claim again changes nothing.
    ada.post("/v1/media/claims", &claim).await.expect(200);
    assert_eq!(published_events::<Changed>(&world).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_claim_takes_all_items_or_none() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let (first, second, bobs) = (staged(&ada, "", 1).await, staged(&ada, "", 2).await, staged(&bob, "", 3).await);
    let claim =
        async |ids: Value| ada.post("/v1/media/claims", &json!({ "ids": ids, "subject": "s", "tags": [] })).await;
    claim(json!([first, bobs])).await.refused(404, "media.not_found");
    claim(json!([first, "0000000000000000000000"])).await.refused(404, "media.not_found");
    ada.post("/v1/media/claims", &json!({ "ids": [second], "subject": "other" })).await.expect(200);
    claim(json!([first, second])).await.refused(409, "media.already_claimed");
    claim(json!([])).await.refused(422, "request.invalid");
    claim(json!(["short"])).await.refused(422, "request.invalid");
    ada.post("/v1/media/claims", &json!({ "ids": [first], "subject": " " })).await.refused(422, "request.invalid");
    world
        .anonymous()
        .post("/v1/media/claims", &json!({ "ids": [first], "subject": "s" }))
        .await
        .refused(401, "auth.required");
    assert_eq!(
        listed(&ada.get("/v1/media?staged=true").await.json()),
        [first.as_str()],
        "nothing of a refused claim stays"
    );
    claim(json!([first])).await.expect(200);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_in_the_library_is_not_claimed_for_an_avatar_and_stays_in_its_albums() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let (photo, fresh) = (photo(&ada, "?visibility=public", 1).await, staged(&ada, "&visibility=public", 2).await);
    let album = ada.post("/v1/albums", &json!({ "title": "Sea" })).await.expect(201).header("location").to_owned();
    ada.post(&format!("{album}/items"), &json!({ "ids": [photo] })).await.expect(200);
    let claim = async |ids: Value| {
        ada.post("/v1/media/claims", &json!({ "ids": ids, "subject": "account:avatar", "tags": ["a"] })).await
    };
    let refused = claim(json!([fresh, photo])).await.refused(422, "request.invalid");
    assert!(refused.json()["detail"].as_str().unwrap().contains(&photo), "{refused}");
    assert_eq!(listed(&ada.get(&format!("{album}/items")).await.json()), [photo.as_str()]);
    assert_eq!(listed(&ada.get("/v1/media").await.json()), [photo.as_str()]);
    assert_eq!(listed(&ada.get("/v1/media?staged=true").await.json()), [fresh.as_str()], "nothing was claimed");
    // What is staged is in no album, before the claim and after it.
    ada.post(&format!("{album}/items"), &json!({ "ids": [fresh] })).await.refused(404, "media.not_found");
    for _ in 0..2 {
        claim(json!([fresh])).await.expect(200);
    }
    ada.post(&format!("{album}/items"), &json!({ "ids": [fresh] })).await.refused(404, "media.not_found");
    world.end().await;
}

#[tokio::test]
async fn unclaimed_items_and_unfinished_uploads_are_removed_after_a_day() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let claimed = staged(&ada, "", 1).await;
    let forgotten = staged(&ada, "", 2).await;
    ada.post("/v1/media/claims", &json!({ "ids": [claimed], "subject": "s" })).await.expect(200);
    let begun =
        ada.request(http::Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 9000);
    let begun = ada
        .send(begun.header("content-type", "application/offset+octet-stream").body(png(9, 9, 9000, 3)[..5000].to_vec()))
        .await
        .expect(201);
    assert_eq!(crate::fixtures::objects(&world).await.len(), 3);
    world.clock().advance(chrono::TimeDelta::hours(25));
    world
        .wait_for("the sweep has come by", async || (crate::fixtures::objects(&world).await.len() == 1).then_some(()))
        .await;
    ada.get(&format!("/v1/media/{forgotten}")).await.refused(404, "media.not_found");
    ada.get(&format!("/v1/media/{claimed}")).await.expect(200);
    let head =
        ada.send(ada.request(http::Method::HEAD, begun.header("location")).header("tus-resumable", "1.0.0")).await;
    assert_eq!(head.status, 404);
    assert_eq!(published_events::<Deleted>(&world).await.len(), 1);
    ada.delete(&format!("/v1/media/{claimed}?purge=true")).await.expect(204);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn other_roles_find_the_items_of_an_owner_only() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let own = send(&ada, "", "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    let own = own["id"].as_str().unwrap().to_owned();
    let (waiting, bobs) = (staged(&ada, "", 2).await, staged(&bob, "", 3).await);
    let trashed = send(&ada, "", "image/png", png(12, 34, 3000, 4)).await.expect(201).json();
    let trashed = trashed["id"].as_str().unwrap().to_owned();
    ada.delete(&format!("/v1/media/{trashed}")).await.expect(204);
    let ids = [&own, &waiting, &bobs, &trashed].map(|id| id.parse().unwrap()).to_vec();
    let query = FindOwnedItems { owner: AccountId(ada.id), ids };
    let mut found = world.process.peers.ask(&query).await.unwrap().unwrap();
    found.sort_by_key(|item| item.staged);
    let found: Vec<_> = found.iter().map(|item| (item.id.as_str(), item.staged, item.width)).collect();
    assert_eq!(found, [(own.as_str(), false, Some(12)), (waiting.as_str(), true, Some(12))]);
    world.end().await;
}
