//! Links that expire.

use chrono::{DateTime, TimeDelta, Utc};
use db::{FromQueryResult, Sql as _};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{expect_nothing_stored, png, send};
use crate::public_items::make_ready;

#[derive(FromQueryResult)]
struct LinkRow {
    token_hash: String,
}

/// Returns what is stored of the tokens of all links.
async fn stored_hashes(world: &World) -> Vec<String> {
    let rows: Vec<LinkRow> =
        world.context("media").db.read().rows("select token_hash from share_link", vec![]).await.unwrap();
    rows.into_iter().map(|row| row.token_hash).collect()
}

async fn private_photo(world: &World, member: &TestClient) -> String {
    let item = send(member, "", "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    let id = item["id"].as_str().unwrap().to_owned();
    make_ready(world, &id).await;
    id
}

async fn link(member: &TestClient, id: &str, seconds: u32) -> Value {
    member.post(&format!("/v1/media/{id}/links"), &json!({ "expires_in": seconds })).await.expect(201).json()
}

fn shared_url(link: &Value) -> String {
    format!("/v1/shared/{}", link["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_link_opens_a_private_item_until_it_expires_and_its_urls_end_with_it() {
    let world = World::of(&[media::service()]).await;
    let (ada, visitor) = (world.ada(), world.anonymous());
    let id = private_photo(&world, &ada).await;
    let made = link(&ada, &id, 1800).await;
    assert_eq!(made["url"], format!("/s/{}", made["token"].as_str().unwrap()));
    let token = made["token"].as_str().unwrap();
    let stored = stored_hashes(&world).await;
    assert!(stored.len() == 1 && !stored[0].contains(token), "{stored:?}");

    let shared = visitor.get(&shared_url(&made)).await.expect(200);
    assert_eq!(shared.header("cache-control"), "no-store");
    assert_eq!((shared.header("x-robots-tag"), shared.header("referrer-policy")), ("noindex", "no-referrer"));
    let shared = shared.json();
    assert_eq!((&shared["media"]["id"], &shared["expires_at"]), (&json!(id), &made["expires_at"]));
    for owners in ["sha256", "taken_at", "camera", "subject"] {
        assert_eq!(shared["media"][owners], Value::Null, "{owners}");
    }
    assert_eq!(shared["media"]["urls"]["original"], Value::Null);
    let image = shared["media"]["urls"]["image"].as_str().unwrap();
    let signature = image.split_once("?t=").unwrap().1;
    let signer = &world.context("media").url_signer;
    let expires_at: DateTime<Utc> = made["expires_at"].as_str().unwrap().parse().unwrap();
    let verified = signer.verify(signature, "view", &id, world.clock().now()).unwrap();
    assert!(verified.ends_at() <= expires_at && expires_at - verified.ends_at() < TimeDelta::minutes(10));
    assert!(!shared["media"]["urls"]["events"].as_str().unwrap().contains("?t="));
    // The link opens this one view, and nothing by the id.
    visitor.get(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");

    world.clock().advance(TimeDelta::minutes(31));
    let expired = visitor.get(&shared_url(&made)).await.refused(404, "media.not_found").json();
    let never = visitor.get("/v1/shared/0000000000000000000000").await.refused(404, "media.not_found").json();
    assert_eq!(expired["detail"], never["detail"]);
    visitor.get("/v1/shared/short").await.refused(404, "media.not_found");
    world.wait_for("the sweep has come by", async || stored_hashes(&world).await.is_empty().then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn links_are_their_owners_to_list_and_to_revoke() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, visitor) = (world.ada(), world.bob(), world.anonymous());
    let id = private_photo(&world, &ada).await;
    let url = format!("/v1/media/{id}/links");
    let first = link(&ada, &id, 86_400).await;
    world.clock().advance(TimeDelta::seconds(1));
    let second = link(&ada, &id, 86_400).await;
    let listed = ada.get(&url).await.expect(200).json();
    let ids: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|link| &link["id"]).collect();
    assert_eq!(ids, [&second["id"], &first["id"]]);
    assert!(!listed.to_string().contains(first["token"].as_str().unwrap()), "{listed}");
    let one = format!("{url}/{}", first["id"].as_str().unwrap());
    assert_eq!(ada.get(&one).await.expect(200).json()["token"], Value::Null);

    for stranger in [&bob, &visitor] {
        let (status, code) = if stranger.token().is_some() { (404, "media.not_found") } else { (401, "auth.required") };
        stranger.get(&url).await.refused(status, code);
        stranger.get(&one).await.refused(status, code);
        stranger.delete(&one).await.refused(status, code);
        stranger.post(&url, &json!({ "expires_in": 3600 })).await.refused(status, code);
    }
    for body in [
        json!({}),
        json!({ "expires_in": 1 }),
        json!({ "expires_in": 3600, "expires_at": "2030-01-01T00:00:00Z" }),
        json!({ "expires_at": "soon" }),
        json!({ "expires_at": "2001-01-01T00:00:00Z" }),
    ] {
        ada.post(&url, &body).await.refused(422, "request.invalid");
    }
    ada.delete(&one).await.expect(204);
    ada.delete(&one).await.refused(404, "media.no_such_link");
    visitor.get(&shared_url(&first)).await.refused(404, "media.not_found");
    visitor.get(&shared_url(&second)).await.expect(200);
    // In the trash an item has no links, and it comes back with those that it had.
    let path = format!("/v1/media/{id}");
    ada.delete(&path).await.expect(204);
    visitor.get(&shared_url(&second)).await.refused(404, "media.not_found");
    ada.post(&url, &json!({ "expires_in": 3600 })).await.refused(404, "media.not_found");
    ada.post(&format!("{path}/restore"), &json!({})).await.expect(200);
    visitor.get(&shared_url(&second)).await.expect(200);
    ada.delete(&format!("{path}?purge=true")).await.expect(204);
    visitor.get(&shared_url(&second)).await.refused(404, "media.not_found");
    assert!(stored_hashes(&world).await.is_empty(), "links go with their item");
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_item_has_fifty_links_at_most_and_a_repeated_request_makes_one() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = private_photo(&world, &ada).await;
    let url = format!("/v1/media/{id}/links");
    let send = async || {
        let request = ada.request(Method::POST, &url).header("idempotency-key", "the same");
        ada.send(request.json(&json!({ "expires_in": 3600 }))).await.expect(201).json()
    };
    let (made, again) = (send().await, send().await);
    assert_eq!((&again["id"], &again["token"]), (&made["id"], &Value::Null), "the token is stored nowhere");
    for _ in 1..50 {
        link(&ada, &id, 60).await;
    }
    ada.post(&url, &json!({ "expires_in": 3600 })).await.refused(403, "media.quota_links");
    // Those that have expired don't count.
    world.clock().advance(TimeDelta::minutes(2));
    link(&ada, &id, 3600).await;
    assert_eq!(ada.get(&url).await.json()["items"].as_array().unwrap().len(), 2);
    world.end().await;
}
