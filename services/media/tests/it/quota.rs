//! Quotas: what each member may store and send.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bus::Envelope;
use chrono::TimeDelta;
use contract::accounts::Erased;
use contract::{AccountId, Event};
use db::{FromQueryResult, Sql};
use http::Method;
use serde_json::json;
use testkit::{TestClient, World};
use tower::ServiceExt as _;

use crate::fixtures::{expect_no_orphans, png, send};

/// Returns the routes of another process of the service: on the same database, with a memory of its own.
async fn another_instance(world: &World) -> Router {
    let context = world.context("media").clone();
    let with_common_layers = http_server::LayerState {
        role: "media",
        metrics: base::telemetry::Metrics::default(),
        verifier: context.verifier.clone(),
    };
    let part = (media::service().start)(context).await.unwrap();
    http_server::with_common_layers(part.router, with_common_layers)
}

/// Sends the creation of an upload. Returns the status.
async fn begin(router: Router, member: &TestClient, length: u64) -> u16 {
    let request = http::Request::post("/v1/uploads")
        .header("authorization", format!("Bearer {}", member.token().unwrap_or_default()))
        .header("tus-resumable", "1.0.0")
        .header("upload-length", length)
        .body(Body::empty())
        .unwrap();
    router.oneshot(request).await.unwrap().status().as_u16()
}

#[derive(FromQueryResult)]
struct Open {
    uploads: i64,
    bytes: i64,
}

/// Returns the number and the bytes of uploads in the table.
async fn open(world: &World) -> (i64, i64) {
    let text = "select count(*) as uploads, cast(coalesce(sum(length), 0) as bigint) as bytes from upload";
    let row: Option<Open> = world.context("media").db.read().row(text, vec![]).await.unwrap();
    row.map_or((0, 0), |row| (row.uploads, row.bytes))
}

/// Creates 60 uploads of 1,000 bytes at once, through two instances. Returns how many were accepted.
async fn begin_sixty(world: &World) -> usize {
    let ada = Arc::new(world.ada());
    let routers = [another_instance(world).await, another_instance(world).await];
    let begun = (0..60_usize).map(|number| {
        let (router, ada) = (routers[number % 2].clone(), ada.clone());
        tokio::spawn(async move { begin(router, &ada, 1000).await })
    });
    let statuses = futures::future::join_all(begun).await.into_iter().map(Result::unwrap);
    statuses.inspect(|status| assert!([201, 403].contains(status), "{status}")).filter(|status| *status == 201).count()
}

#[tokio::test]
async fn uploads_begun_at_once_in_two_instances_never_pass_their_number() {
    let world = World::builder().set("media.max_open_uploads=6").start(&[media::service()]).await;
    assert_eq!(begin_sixty(&world).await, 6);
    assert_eq!(open(&world).await, (6, 6000));
    world.end().await;
}

#[tokio::test]
async fn uploads_begun_at_once_in_two_instances_never_pass_their_bytes() {
    let world = World::builder().set("media.quota_bytes=5500").start(&[media::service()]).await;
    assert_eq!(begin_sixty(&world).await, 5);
    assert_eq!(open(&world).await, (5, 5000));
    // The bytes that they announced count for whole files as well.
    send(&world.ada(), "", "image/png", png(9, 9, 3000, 1)).await.refused(403, "media.quota_bytes");
    assert_eq!(open(&world).await, (5, 5000));
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn uploads_begun_at_once_in_two_instances_never_pass_the_number_of_items() {
    let world = World::builder().set("media.quota_items=7").start(&[media::service()]).await;
    assert_eq!(begin_sixty(&world).await, 7);
    world.end().await;
}

#[tokio::test]
async fn an_open_upload_keeps_its_reservation_until_it_ends() {
    let world = World::builder().set("media.quota_bytes=10000").start(&[media::service()]).await;
    let ada = world.ada();
    let tus = |method, path: &str| ada.request(method, path).header("tus-resumable", "1.0.0");
    let begun = ada.send(tus(Method::POST, "/v1/uploads").header("upload-length", 6000)).await.expect(201);
    send(&ada, "", "image/png", png(9, 9, 5000, 1)).await.refused(403, "media.quota_bytes");
    let storage = ada.get("/v1/storage").await.expect(200).json();
    assert_eq!(
        (&storage["used_bytes"], &storage["max_bytes"], &storage["items"]),
        (&json!(6000), &json!(10_000), &json!(1))
    );
    let bytes = tus(Method::PATCH, begun.header("location"))
        .header("upload-offset", 0)
        .header("content-type", "application/offset+octet-stream");
    ada.send(bytes.body(png(9, 9, 6000, 2))).await.expect(204);
    send(&ada, "", "image/png", png(9, 9, 5000, 1)).await.refused(403, "media.quota_bytes");
    send(&ada, "", "image/png", png(9, 9, 4000, 1)).await.expect(201);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn the_token_of_an_erased_account_stores_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let tus = |method, path: &str| ada.request(method, path).header("tus-resumable", "1.0.0");
    let offset_stream = "application/offset+octet-stream";
    let item =
        send(&ada, "", "image/png", png(9, 9, 3000, 1)).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let staged = send(&ada, "?claim=later", "image/png", png(9, 9, 3000, 2)).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let begun = ada
        .send(tus(Method::POST, "/v1/uploads").header("upload-length", 3000))
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    let event =
        Envelope { id: "1".into(), subject: Erased::SUBJECT.into(), payload: serde_json::to_string(&erased).unwrap() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;

    send(&ada, "", "image/png", png(9, 9, 3000, 3)).await.refused(403, "media.account_closed");
    ada.send(tus(Method::POST, "/v1/uploads").header("upload-length", 3000)).await.refused(403, "media.account_closed");
    let with_bytes =
        tus(Method::POST, "/v1/uploads").header("upload-length", 3000).header("content-type", offset_stream);
    ada.send(with_bytes.body(png(9, 9, 3000, 4))).await.refused(403, "media.account_closed");
    assert_eq!(begin(another_instance(&world).await, &ada, 3000).await, 403);
    let append = tus(Method::PATCH, &begun).header("upload-offset", 0).header("content-type", offset_stream);
    ada.send(append.body(png(9, 9, 3000, 5))).await.refused(404, "media.no_such_upload");
    let overridden = tus(Method::POST, &begun).header("x-http-method-override", "PATCH").header("upload-offset", 0);
    ada.send(overridden.header("content-type", offset_stream).body(png(9, 9, 3000, 5)))
        .await
        .refused(404, "media.no_such_upload");
    ada.patch(&format!("/v1/media/{item}"), &serde_json::json!({ "name": "kept" }))
        .await
        .refused(404, "media.not_found");
    let claim = serde_json::json!({ "ids": [staged], "subject": "post:1" });
    ada.post("/v1/media/claims", &claim).await.refused(404, "media.not_found");
    assert_eq!(open(&world).await, (0, 0));
    crate::fixtures::expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn parallel_uploads_never_pass_the_quota() {
    let world = Arc::new(World::builder().set("media.quota_items=3").start(&[media::service()]).await);
    let sends = (0..12_u8).map(|seed| {
        let world = world.clone();
        tokio::spawn(async move { send(&world.ada(), "", "image/png", png(9, 9, 20_000, seed)).await })
    });
    let mut accepted = 0;
    for sent in futures::future::join_all(sends).await {
        let response = sent.unwrap();
        if response.status == 201 {
            accepted += 1;
        } else {
            response.refused(403, "media.quota_items");
        }
    }
    assert_eq!(accepted, 3);
    send(&world.bob(), "", "image/png", png(9, 9, 3000, 1)).await.expect(201);
    expect_no_orphans(&world).await;
}

#[tokio::test]
async fn bytes_are_counted_also_where_no_length_was_announced_and_come_back() {
    let world = World::builder().set("media.quota_bytes=100000").start(&[media::service()]).await;
    let ada = world.ada();
    let first = send(&ada, "", "image/png", png(9, 9, 60_000, 1)).await.expect(201).json();
    send(&ada, "", "image/png", png(9, 9, 60_000, 2)).await.refused(403, "media.quota_bytes");
    let chunks =
        png(9, 9, 60_000, 3).chunks(10_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let unannounced = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    ada.send(ada.request(Method::POST, "/v1/media").body(unannounced)).await.refused(403, "media.quota_bytes");
    let upload =
        ada.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 60_000);
    ada.send(upload).await.refused(403, "media.quota_bytes");
    ada.delete(&format!("/v1/media/{}?purge=true", first["id"].as_str().unwrap())).await.expect(204);
    send(&ada, "", "image/png", png(9, 9, 60_000, 2)).await.expect(201);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn too_many_uploads_in_an_hour_wait_for_the_next() {
    let world = World::builder().set("media.quota_uploads_per_hour=2").start(&[media::service()]).await;
    let ada = world.ada();
    for seed in 0..2 {
        send(&ada, "", "image/png", png(9, 9, 3000, seed)).await.expect(201);
    }
    world.clock().advance(TimeDelta::minutes(20));
    let wait = send(&ada, "", "image/png", png(9, 9, 3000, 3)).await.refused(429, "media.quota_rate");
    assert_eq!(wait.header("retry-after"), "2400");
    world.clock().advance(TimeDelta::minutes(41));
    send(&ada, "", "image/png", png(9, 9, 3000, 3)).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn unfinished_uploads_are_bounded() {
    let world = World::builder().set("media.max_open_uploads=2").start(&[media::service()]).await;
    let ada = world.ada();
    let begin = async || {
        ada.send(
            ada.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 5000),
        )
        .await
    };
    begin().await.expect(201);
    let second = begin().await.expect(201);
    begin().await.refused(403, "media.quota_uploads");
    ada.send(ada.request(Method::DELETE, second.header("location")).header("tus-resumable", "1.0.0")).await.expect(204);
    begin().await.expect(201);
    world.end().await;
}
