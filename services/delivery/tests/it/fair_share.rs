//! Fair sharing: a costly image, a greedy client and a hot item take no more than their share.
//!
//! Invariant: no test here measures time; they count what was rendered, decoded and given up.

use contract::media::{Received, Visibility};
use testkit::{TestResponse, World, WorldBuilder};

use crate::harness::{Harness, flat_png, get_with, jpeg};

const SIZES: [u32; 10] = [64, 128, 256, 384, 512, 640, 768, 1024, 1280, 1536];

const SHAPES: [(u32, u32); 13] =
    [(1, 1), (5, 4), (4, 5), (4, 3), (3, 4), (3, 2), (2, 3), (16, 9), (9, 16), (2, 1), (1, 2), (3, 1), (1, 3)];

/// The side of an image that takes long enough to be decoded once, and of one that takes seconds.
const COSTLY: u32 = 4700;
const HUGE: u32 = 9900;

async fn photo(harness: &Harness, side: u32) -> Received {
    harness.photo("png", &flat_png(side, side), (side, side), Visibility::Public).await
}

fn one_worker() -> WorldBuilder {
    World::builder().set("delivery.render_workers=1")
}

/// Requests a path as a client at this address, through a gateway.
async fn ask(harness: &Harness, client: &str, path: &str) -> TestResponse {
    get_with(&harness.world.anonymous(), path, &[("x-tutti-client", client)]).await
}

type Reader = tokio::task::JoinHandle<TestResponse>;

/// Starts requests for `count` different images of an item, the costliest first.
fn readers(harness: &Harness, client: &'static str, item: &Received, count: usize) -> Vec<Reader> {
    let paths =
        SIZES.iter().rev().flat_map(|size| SHAPES.iter().map(move |(a, b)| (size * b / a.max(b), size * a / a.max(b))));
    let formats = ["avif", "webp", "jpeg"];
    let all = formats.into_iter().flat_map(|format| {
        paths.clone().map(move |(w, h)| format!("w={}&h={}&fit=cover&format={format}", w.max(1), h.max(1)))
    });
    all.take(count)
        .map(|query| {
            let (anonymous, path) = (harness.world.anonymous(), format!("/v1/media/{}/image?{query}", item.id));
            tokio::spawn(async move { get_with(&anonymous, &path, &[("x-tutti-client", client)]).await })
        })
        .collect()
}

async fn until_gauge(harness: &Harness, name: &str, holds: impl Fn(u64) -> bool) {
    harness.world.wait_for(name, async || holds(harness.gauge(name)).then_some(())).await;
}

#[tokio::test]
async fn a_costly_original_is_decoded_once_for_all_its_sizes() {
    let harness = Harness::new().await;
    let item = photo(&harness, COSTLY).await;
    let before = harness.objects().await;
    let path = |size: u32, format: &str| format!("/v1/media/{}/image?w={size}&format={format}", item.id);
    let (small, large) = (path(64, "webp"), path(640, "jpeg"));
    let (one, two) = tokio::join!(ask(&harness, "10.0.0.1", &small), ask(&harness, "10.0.0.2", &large));
    one.expect(200);
    two.expect(200);
    for size in SIZES {
        let response = ask(&harness, "10.0.0.3", &path(size, "jpeg")).await.expect(200);
        let info = codec::pixels::probe(&response.body).unwrap();
        assert_eq!((info.width, info.height), (size, size));
    }
    assert_eq!(harness.counter("delivery_originals_decoded"), 1);
    assert_eq!(harness.counter("delivery_images_rendered"), 11);
    assert_eq!(harness.objects().await, before + 12, "eleven pictures and what they are made from");
    // It survives a restart, is rendered again where it was lost, and is removed with its item.
    let folder = harness.world.crash().await;
    let harness = Harness::with(World::builder().in_folder(folder)).await;
    ask(&harness, "10.0.0.1", &path(1920, "webp")).await.expect(200);
    assert_eq!(harness.counter("delivery_originals_decoded"), 0);
    harness.delete(&item).await;
    assert_eq!(harness.objects().await, before, "the original is its owner's role's to remove");
    harness.end().await;
}

#[tokio::test]
async fn a_cheap_original_needs_no_intermediate() {
    let harness = Harness::new().await;
    let item = harness.photo("jpeg", &jpeg(800, 600), (800, 600), Visibility::Public).await;
    let before = harness.objects().await;
    for size in [64, 128] {
        ask(&harness, "10.0.0.1", &format!("/v1/media/{}/image?w={size}&format=jpeg", item.id)).await.expect(200);
    }
    assert_eq!(harness.objects().await, before + 2);
    assert_eq!(harness.counter("delivery_originals_decoded"), 2);
    harness.end().await;
}

#[tokio::test]
async fn three_hundred_requests_that_hang_up_leave_nothing_at_work() {
    let harness = Harness::with(one_worker()).await;
    let item = photo(&harness, HUGE).await;
    let other = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&harness, "10.0.0.1", &item, 300);
    until_gauge(&harness, "delivery_render_requests_waiting", |waiting| waiting >= 200).await;
    until_gauge(&harness, "delivery_renders_running", |at_work| at_work > 0).await;
    // Meanwhile another client's image of another item is rendered, before any of theirs.
    ask(&harness, "10.0.0.2", &format!("/v1/media/{}/image?w=64&format=jpeg", other.id)).await.expect(200);
    assert!(harness.counter("delivery_images_rendered") <= 2);
    attack.iter().for_each(Reader::abort);
    let rendered = harness.counter("delivery_images_rendered");
    for name in ["delivery_render_requests_waiting", "delivery_renders_in_flight", "delivery_renders_running"] {
        until_gauge(&harness, name, |count| count == 0).await;
    }
    // What was at work when they left may end.
    assert!(harness.counter("delivery_images_rendered") <= rendered + 1, "nothing was made for those who left");
    assert_eq!(harness.counter("delivery_images_refused"), 0, "to be given up is not to be refused");
    ask(&harness, "10.0.0.1", &format!("/v1/media/{}/image?w=64&format=jpeg", item.id)).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn a_greedy_client_and_a_hot_item_hold_up_others_by_a_flight_or_two() {
    let harness = Harness::with(one_worker()).await;
    // Large enough that few are rendered while a request is on its way.
    let hot = harness.photo("jpeg", &jpeg(4000, 3000), (4000, 3000), Visibility::Public).await;
    let cold = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&harness, "10.0.0.1", &hot, 120);
    until_gauge(&harness, "delivery_render_requests_waiting", |waiting| waiting >= 60).await;
    for client in ["10.0.0.2", "10.0.0.1"] {
        let before = harness.counter("delivery_images_rendered");
        let width = if client.ends_with('1') { 64 } else { 128 };
        ask(&harness, client, &format!("/v1/media/{}/image?w={width}&format=jpeg", cold.id)).await.expect(200);
        let made = harness.counter("delivery_images_rendered") - before;
        assert!(made <= 4, "{client} waited for {made} pictures");
    }
    attack.iter().for_each(Reader::abort);
    until_gauge(&harness, "delivery_renders_running", |count| count == 0).await;
    harness.end().await;
}

#[tokio::test]
async fn permits_go_from_the_client_with_the_most_to_one_with_none() {
    let harness = Harness::with(one_worker().set("delivery.max_render_waiters=6")).await;
    let item = photo(&harness, HUGE).await;
    let other = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let attack = readers(&harness, "10.0.0.1", &item, 6);
    until_gauge(&harness, "delivery_render_requests_waiting", |waiting| waiting == 6).await;
    ask(&harness, "10.0.0.1", &format!("/v1/media/{}/image?w=1280&format=avif", item.id))
        .await
        .refused(503, "delivery.busy");
    ask(&harness, "2001:db8::1", &format!("/v1/media/{}/image?w=64&format=jpeg", other.id)).await.expect(200);
    assert_eq!(harness.counter("delivery_render_requests_evicted"), 1);
    // A member is a client of its own, at any address.
    let ada = get_with(
        &harness.world.ada(),
        &format!("/v1/media/{}/image?w=128&format=jpeg", other.id),
        &[("x-tutti-client", "10.0.0.1")],
    )
    .await;
    ada.expect(200);
    attack.iter().for_each(Reader::abort);
    until_gauge(&harness, "delivery_renders_in_flight", |count| count == 0).await;
    harness.end().await;
}

#[tokio::test]
async fn a_picture_that_would_take_too_long_is_refused_and_not_tried() {
    let harness = Harness::with(World::builder().set("delivery.max_render_seconds=0")).await;
    let item = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    ask(&harness, "10.0.0.1", &format!("/v1/media/{}/image?w=64", item.id))
        .await
        .refused(422, "delivery.image_too_costly");
    assert_eq!((harness.counter("delivery_originals_decoded"), harness.counter("delivery_images_rendered")), (0, 0));
    harness.end().await;
}
