//! Listing, reading, changing and removing.

use contract::accounts::Erased;
use contract::media::{Changed, Deleted, Received};
use contract::{AccountId, Event};
use kit::bus::Envelope;
use kit::db::{FromQueryResult, Sql};
use serde_json::{Value, json};
use testkit::{Member, World};

use crate::kitchen::{expect_empty, expect_tidy, png, send};

#[derive(FromQueryResult)]
struct Told {
    payload: String,
}

/// What was published under a subject, oldest first.
pub async fn told<E: Event>(world: &World) -> Vec<E> {
    let text = "select payload from outbox where subject = $1 order by id";
    let rows: Vec<Told> = world.context("media").db.read().rows(text, vec![E::SUBJECT.into()]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

async fn photo(member: &Member, query: &str, seed: u8) -> String {
    let item = send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    item["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_library_is_paged_newest_first_and_filtered() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let mut ids = Vec::new();
    for n in 0..7_u8 {
        // Some share their moment: the order must hold all the same.
        if n % 2 == 0 {
            world.clock().advance(chrono::TimeDelta::seconds(1));
        }
        let tags = if n == 3 { "sun,100%25" } else { "rain" };
        ids.push(photo(&ada, &format!("?name=Summer{n}.png&tags={tags}&visibility={}", if n == 5 { "public" } else { "private" }), n).await);
    }
    photo(&bob, "?name=bobs.png", 99).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = ada.get(&format!("/v1/media?limit=3{after}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(ids.iter().all(|id| seen.contains(id)));
    let place = |n: usize| seen.iter().position(|id| *id == ids[n]).unwrap();
    assert!(place(6) < place(4) && place(5) < place(3) && place(2) < place(1));
    let count = async |query: &str| ada.get(&format!("/v1/media?{query}")).await.expect(200).json()["items"].as_array().unwrap().len();
    assert_eq!(count("tag=Sun").await, 1);
    assert_eq!(count("tag=su").await, 0);
    assert_eq!(count("tag=100%25").await, 1);
    assert_eq!(count("q=summer3").await, 1);
    assert_eq!(count("q=%25").await, 1);
    assert_eq!(count("q=rain").await, 6);
    assert_eq!(count("visibility=public").await, 1);
    assert_eq!(count("kind=photo&state=received").await, 7);
    assert_eq!(count("kind=video").await, 0);
    ada.get("/v1/media?after=nonsense").await.refused(422, "request.invalid");
    ada.get("/v1/media?kind=book").await.refused(400, "request.invalid");
    world.nobody().get("/v1/media").await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn strangers_see_what_is_open_without_its_owners_facts_and_nothing_else() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, nobody) = (world.ada(), world.bob(), world.nobody());
    let id = photo(&ada, "", 1).await;
    let path = format!("/v1/media/{id}");
    for stranger in [&bob, &nobody] {
        stranger.get(&path).await.refused(404, "media.not_found");
    }
    bob.patch(&path, &json!({ "name": "mine" })).await.refused(404, "media.not_found");
    bob.delete(&path).await.refused(404, "media.not_found");
    nobody.patch(&path, &json!({})).await.refused(401, "auth.required");
    nobody.delete(&path).await.refused(401, "auth.required");
    let private = ada.get(&path).await.expect(200).json();
    assert!(private["urls"]["image"].as_str().unwrap().contains("?t="));
    for audience in ["unlisted", "public"] {
        let changed = ada.patch(&path, &json!({ "visibility": audience })).await.expect(200).json();
        assert!(!changed["urls"]["image"].as_str().unwrap().contains("?t="));
        let seen = nobody.get(&path).await.expect(200).json();
        assert_eq!(seen["urls"]["image"], format!("{path}/image"));
        for hidden in ["sha256", "taken_at", "camera", "subject"] {
            assert_eq!(seen[hidden], Value::Null, "{hidden}");
        }
        assert_eq!(seen["urls"]["original"], Value::Null);
        assert_eq!(seen["urls"]["events"], format!("{path}/events"));
    }
    ada.get("/v1/media/nonsense").await.refused(404, "request.no_such_address");
    ada.get("/v1/media/0000000000000000000000").await.refused(404, "media.not_found");
    world.end().await;
}

#[tokio::test]
async fn a_change_is_told_with_its_version_and_bad_ones_change_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = photo(&ada, "?name=a.png&tags=x", 1).await;
    let path = format!("/v1/media/{id}");
    for bad in [json!({ "visibility": "all" }), json!({ "owner": "me" }), json!({ "tags": ["x".repeat(41)] })] {
        ada.patch(&path, &bad).await.refused(422, "request.invalid");
    }
    let item = ada.patch(&path, &json!({ "name": "../b.png", "tags": ["Y", "y", " z "] })).await.expect(200).json();
    assert_eq!((&item["name"], &item["tags"], &item["visibility"]), (&json!("b.png"), &json!(["y", "z"]), &json!("private")));
    ada.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    let changes: Vec<Changed> = told(&world).await;
    assert_eq!(changes.iter().map(|change| change.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(changes[1].name, "b.png");
    world.end().await;
}

#[tokio::test]
async fn removing_is_told_and_leaves_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = photo(&ada, "", 1).await;
    ada.delete(&format!("/v1/media/{id}")).await.expect(204);
    ada.delete(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");
    ada.get(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");
    world.nobody().get(&format!("/internal/media/{id}")).await.refused(404, "media.not_found");
    assert_eq!(told::<Received>(&world).await.len(), 1);
    assert_eq!(told::<Deleted>(&world).await[0].id.as_str(), id);
    expect_empty(&world).await;
    world.end().await;
}

#[tokio::test]
async fn whoever_leaves_takes_everything_along() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    photo(&ada, "", 1).await;
    photo(&ada, "?claim=later", 2).await;
    let kept = photo(&bob, "", 1).await;
    let begun = ada.request(http::Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 9000);
    ada.send(begun.header("content-type", "application/offset+octet-stream").body(png(9, 9, 9000, 3)[..5000].to_vec())).await.expect(201);
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    let event = Envelope { id: "1".into(), subject: Erased::SUBJECT.into(), payload: serde_json::to_string(&erased).unwrap() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(told::<Deleted>(&world).await.len(), 2);
    // A token that outlives its account opens nothing.
    assert_eq!(send(&ada, "", "image/png", png(9, 9, 3000, 8)).await.status, 403);
    bob.get(&format!("/v1/media/{kept}")).await.expect(200);
    expect_tidy(&world).await;
    assert_eq!(crate::kitchen::objects(&world).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_post_that_is_sent_twice_is_done_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let post = || ada.request(http::Method::POST, "/v1/media").header("idempotency-key", "k1").body(png(9, 9, 3000, 1));
    let first = ada.send(post()).await.expect(201);
    let second = ada.send(post()).await.expect(201);
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(second.header("idempotent-replay"), "true");
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(ada.get("/v1/media").await.json()["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[test]
fn the_interface_is_described() {
    let document = serde_json::to_value((media::service().openapi)()).unwrap();
    for path in ["/v1/media", "/v1/media/{id}", "/v1/media/claims", "/v1/media/{id}/events", "/v1/uploads", "/v1/uploads/{id}"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert!(document["components"]["schemas"]["Media"].is_object());
    let text = document.to_string();
    let ids: Vec<&str> = text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!((ids.len(), unique.len()), (13, 13), "{ids:?}");
}
