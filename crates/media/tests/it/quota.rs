//! What each member may keep and send.

use std::sync::Arc;

use chrono::TimeDelta;
use testkit::World;

use crate::kitchen::{expect_tidy, png, send};

#[tokio::test]
async fn parallel_uploads_never_pass_the_quota() {
    let world = Arc::new(World::builder().set("media.quota_items=3").start(&[media::service()]).await);
    let sends = (0..12_u8).map(|seed| {
        let world = world.clone();
        tokio::spawn(async move { send(&world.ada(), "", "image/png", png(9, 9, 20_000, seed)).await })
    });
    let mut accepted = 0;
    for sent in futures::future::join_all(sends).await {
        let answer = sent.unwrap();
        if answer.status == 201 {
            accepted += 1;
        } else {
            answer.refused(403, "media.quota_items");
        }
    }
    assert_eq!(accepted, 3);
    send(&world.bob(), "", "image/png", png(9, 9, 3000, 1)).await.expect(201);
    expect_tidy(&world).await;
}

#[tokio::test]
async fn bytes_are_counted_also_where_no_length_was_announced_and_come_back() {
    let world = World::builder().set("media.quota_bytes=100000").start(&[media::service()]).await;
    let ada = world.ada();
    let first = send(&ada, "", "image/png", png(9, 9, 60_000, 1)).await.expect(201).json();
    send(&ada, "", "image/png", png(9, 9, 60_000, 2)).await.refused(403, "media.quota_bytes");
    let chunks = png(9, 9, 60_000, 3).chunks(10_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let unannounced = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    ada.send(ada.request(http::Method::POST, "/v1/media").body(unannounced)).await.refused(403, "media.quota_bytes");
    let upload = ada.request(http::Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 60_000);
    ada.send(upload).await.refused(403, "media.quota_bytes");
    ada.delete(&format!("/v1/media/{}", first["id"].as_str().unwrap())).await.expect(204);
    send(&ada, "", "image/png", png(9, 9, 60_000, 2)).await.expect(201);
    expect_tidy(&world).await;
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
    let world = World::builder().set("media.open_uploads=2").start(&[media::service()]).await;
    let ada = world.ada();
    let begin = async || ada.send(ada.request(http::Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 5000)).await;
    begin().await.expect(201);
    let second = begin().await.expect(201);
    begin().await.refused(403, "media.quota_uploads");
    ada.send(ada.request(http::Method::DELETE, second.header("location")).header("tus-resumable", "1.0.0")).await.expect(204);
    begin().await.expect(201);
    world.end().await;
}
