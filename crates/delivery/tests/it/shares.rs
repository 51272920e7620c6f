//! Shares of the work: a costly picture, a greedy client and a hot item take no more than theirs.
//!
//! Invariant: nothing here is timed; what is counted is what was made, decoded and given up.

use contract::media::{Received, Visibility};
use testkit::{TestResponse, World, WorldBuilder};

use crate::stage::{Stage, flat_png, get_with, jpeg};

const SIZES: [u32; 10] = [64, 128, 256, 384, 512, 640, 768, 1024, 1280, 1536];

const SHAPES: [(u32, u32); 13] = [(1, 1), (5, 4), (4, 5), (4, 3), (3, 4), (3, 2), (2, 3), (16, 9), (9, 16), (2, 1), (1, 2), (3, 1), (1, 3)];

/// A picture that takes long enough to be decoded once, and one that takes seconds.
const COSTLY: u32 = 4700;
const HUGE: u32 = 9900;

async fn photo(stage: &Stage, side: u32) -> Received {
    stage.photo("png", &flat_png(side, side), (side, side), Visibility::Public).await
}

fn few_workers() -> WorldBuilder {
    World::builder().set("delivery.picture_workers=1")
}

/// Asks as a client at this address, through a gateway.
async fn ask(stage: &Stage, client: &str, path: &str) -> TestResponse {
    get_with(&stage.world.anonymous(), path, &[("x-tutti-client", client)]).await
}

type Reader = tokio::task::JoinHandle<TestResponse>;

/// Requests for as many different pictures of an item, on their way.
fn readers(stage: &Stage, client: &'static str, item: &Received, count: usize) -> Vec<Reader> {
    let paths = SIZES.iter().flat_map(|size| SHAPES.iter().map(move |(a, b)| (size * b / a.max(b), size * a / a.max(b))));
    let formats = ["jpeg", "webp", "avif"];
    let all = formats.into_iter().flat_map(|format| paths.clone().map(move |(w, h)| format!("w={}&h={}&fit=cover&format={format}", w.max(1), h.max(1))));
    all.take(count)
        .map(|query| {
            let (nobody, path) = (stage.world.anonymous(), format!("/v1/media/{}/image?{query}", item.id));
            tokio::spawn(async move { get_with(&nobody, &path, &[("x-tutti-client", client)]).await })
        })
        .collect()
}

async fn gauge_is(stage: &Stage, name: &str, holds: impl Fn(u64) -> bool) {
    stage.world.wait_for(name, async || holds(stage.gauge(name)).then_some(())).await;
}

#[tokio::test]
async fn a_costly_original_is_decoded_once_for_all_its_sizes() {
    let stage = Stage::new().await;
    let item = photo(&stage, COSTLY).await;
    let before = stage.objects().await;
    let path = |size: u32, format: &str| format!("/v1/media/{}/image?w={size}&format={format}", item.id);
    let (small, large) = (path(64, "webp"), path(640, "jpeg"));
    let (one, two) = tokio::join!(ask(&stage, "10.0.0.1", &small), ask(&stage, "10.0.0.2", &large));
    one.expect(200);
    two.expect(200);
    for size in SIZES {
        let answer = ask(&stage, "10.0.0.3", &path(size, "jpeg")).await.expect(200);
        let look = codec::pixels::look(&answer.body).unwrap();
        assert_eq!((look.width, look.height), (size, size));
    }
    assert_eq!(stage.figure("delivery_originals_decoded"), 1);
    assert_eq!(stage.figure("delivery_pictures_made"), 11);
    assert_eq!(stage.objects().await, before + 12, "eleven pictures and what they are made from");
    // It is kept over a restart, made anew where it was lost, and goes with its item.
    let folder = stage.world.crash().await;
    let stage = Stage::with(World::builder().in_folder(folder)).await;
    ask(&stage, "10.0.0.1", &path(1920, "webp")).await.expect(200);
    assert_eq!(stage.figure("delivery_originals_decoded"), 0);
    stage.delete(&item).await;
    assert_eq!(stage.objects().await, before, "the original is its owner's role's to remove");
    stage.end().await;
}

#[tokio::test]
async fn a_cheap_original_needs_no_intermediate() {
    let stage = Stage::new().await;
    let item = stage.photo("jpeg", &jpeg(800, 600), (800, 600), Visibility::Public).await;
    let before = stage.objects().await;
    for size in [64, 128] {
        ask(&stage, "10.0.0.1", &format!("/v1/media/{}/image?w={size}&format=jpeg", item.id)).await.expect(200);
    }
    assert_eq!(stage.objects().await, before + 2);
    assert_eq!(stage.figure("delivery_originals_decoded"), 2);
    stage.end().await;
}

#[tokio::test]
async fn three_hundred_requests_that_hang_up_leave_nothing_at_work() {
    let stage = Stage::with(few_workers()).await;
    let item = photo(&stage, HUGE).await;
    let other = stage.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&stage, "10.0.0.1", &item, 300);
    gauge_is(&stage, "delivery_pictures_waiting", |waiting| waiting >= 200).await;
    gauge_is(&stage, "delivery_pictures_at_work", |at_work| at_work > 0).await;
    // Meanwhile another client's picture of another item is made, before any of theirs.
    ask(&stage, "10.0.0.2", &format!("/v1/media/{}/image?w=64&format=jpeg", other.id)).await.expect(200);
    assert!(stage.figure("delivery_pictures_made") <= 2);
    attack.iter().for_each(Reader::abort);
    for name in ["delivery_pictures_waiting", "delivery_pictures_in_flight", "delivery_pictures_at_work"] {
        gauge_is(&stage, name, |count| count == 0).await;
    }
    assert!(stage.figure("delivery_pictures_made") <= 2, "nothing was made for those who left");
    assert_eq!(stage.figure("delivery_pictures_refused"), 0, "to be given up is not to be refused");
    ask(&stage, "10.0.0.1", &format!("/v1/media/{}/image?w=64&format=jpeg", item.id)).await.expect(200);
    stage.end().await;
}

#[tokio::test]
async fn a_greedy_client_and_a_hot_item_hold_up_others_by_a_flight_or_two() {
    let stage = Stage::with(few_workers()).await;
    // Large enough that few are made while a request is on its way.
    let hot = stage.photo("jpeg", &jpeg(4000, 3000), (4000, 3000), Visibility::Public).await;
    let cold = stage.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&stage, "10.0.0.1", &hot, 120);
    gauge_is(&stage, "delivery_pictures_waiting", |waiting| waiting >= 60).await;
    for client in ["10.0.0.2", "10.0.0.1"] {
        let before = stage.figure("delivery_pictures_made");
        let width = if client.ends_with('1') { 64 } else { 128 };
        ask(&stage, client, &format!("/v1/media/{}/image?w={width}&format=jpeg", cold.id)).await.expect(200);
        let made = stage.figure("delivery_pictures_made") - before;
        assert!(made <= 4, "{client} waited for {made} pictures");
    }
    attack.iter().for_each(Reader::abort);
    gauge_is(&stage, "delivery_pictures_at_work", |count| count == 0).await;
    stage.end().await;
}

#[tokio::test]
async fn places_go_from_who_has_most_to_who_has_none() {
    let stage = Stage::with(few_workers().set("delivery.picture_waiters=6")).await;
    let item = photo(&stage, HUGE).await;
    let other = stage.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&stage, "10.0.0.1", &item, 6);
    gauge_is(&stage, "delivery_pictures_waiting", |waiting| waiting == 6).await;
    ask(&stage, "10.0.0.1", &format!("/v1/media/{}/image?w=1280&format=avif", item.id)).await.refused(503, "delivery.busy");
    ask(&stage, "2001:db8::1", &format!("/v1/media/{}/image?w=64&format=jpeg", other.id)).await.expect(200);
    assert_eq!(stage.figure("delivery_pictures_evicted"), 1);
    // A member is a client of its own, wherever it is.
    let ada = get_with(&stage.world.ada(), &format!("/v1/media/{}/image?w=128&format=jpeg", other.id), &[("x-tutti-client", "10.0.0.1")]).await;
    ada.expect(200);
    attack.iter().for_each(Reader::abort);
    gauge_is(&stage, "delivery_pictures_in_flight", |count| count == 0).await;
    stage.end().await;
}

#[tokio::test]
async fn a_picture_that_would_take_too_long_is_refused_and_not_tried() {
    let stage = Stage::with(World::builder().set("delivery.picture_seconds=0")).await;
    let item = stage.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    ask(&stage, "10.0.0.1", &format!("/v1/media/{}/image?w=64", item.id)).await.refused(422, "delivery.picture_too_costly");
    assert_eq!((stage.figure("delivery_originals_decoded"), stage.figure("delivery_pictures_made")), (0, 0));
    stage.end().await;
}
