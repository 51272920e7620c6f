//! What the night shift changes, and what it leaves as it is.

use std::io::Write as _;

use codec::pixels::{Fit, Frame, Limits, render};
use contract::media::Recompressed;
use contract::transcode::Ready;
use contract::{AccountId, MediaId, ObjectKey};
use db::schedule::{Job, claim};
use http::Method;
use sha2::{Digest as _, Sha256};
use testkit::{TestClient, World, fake_role};

use super::*;
use crate::commands::{remove_item, remove_replaced, set_ready};
use crate::tests::process;

const SIDES: (u32, u32) = (96, 64);
const WHOLE: Frame = Frame { width: SIDES.0, height: SIDES.1, fit: Fit::Contain };

/// Returns a PNG that is deflated in haste.
fn png() -> Vec<u8> {
    let mut rows = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for y in 0..SIDES.1 {
        rows.write_all(&[0]).unwrap();
        let row = (0..SIDES.0).flat_map(|x| [x * 2 + y, (x ^ y) * 3, x * y / 40].map(|value| value as u8));
        rows.write_all(&row.collect::<Vec<u8>>()).unwrap();
    }
    let header = [&SIDES.0.to_be_bytes()[..], &SIDES.1.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", rows.finish().unwrap()), (b"IEND", Vec::new())] {
        let chunk = [kind.as_slice(), &data].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&chunk);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(&chunk);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}

/// Returns the same as a sequential JPEG.
fn jpeg() -> Vec<u8> {
    render(&png(), 1, WHOLE, Limits::default()).unwrap().encode_intermediate().unwrap()
}

/// Sends a photo, and makes it ready.
async fn send(media: &Media, member: &TestClient, content_type: &str, photo: &[u8]) -> MediaId {
    let request = member.request(Method::POST, "/v1/media").header("content-type", content_type).body(photo.to_vec());
    let item = member.send(request).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    let ready = Ready {
        id: id.clone(),
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: Vec::new(),
        pictures: Vec::new(),
    };
    set_ready(media, ready).await.unwrap();
    id
}

async fn find(media: &Media, id: &MediaId) -> Item {
    store::items::find(media.context.db.read(), id).await.unwrap().unwrap()
}

async fn run(media: &Media) -> Run {
    let job = Job::every("test", TimeDelta::milliseconds(1), async |_| Ok(())).at_once(100);
    claim(&media.context.db, &job, "test", media.context.clock.now()).await.unwrap().unwrap()
}

/// Lets two days pass, and then a whole night.
async fn night(world: &World, media: &Media) -> (u64, u64) {
    world.clock().advance(TimeDelta::days(2));
    let saved = night_shift(media, &run(media).await, world.clock().now() + TimeDelta::hours(4), 100).await.unwrap();
    (saved.examined, saved.replaced)
}

/// Waits until an orphan is removed, by this process or by the other one.
async fn gone(world: &World, media: &Media, object: &ObjectKey) {
    media.object_keys.orphans().sweep().await.unwrap();
    let is_gone = async || (!media.context.objects.exists(object).await.unwrap()).then_some(());
    world.wait_for("an orphan is removed", is_gone).await;
}

#[test]
fn a_share_of_a_processor_is_kept_by_pauses() {
    let second = Duration::from_secs(1);
    assert_eq!([100, 50, 25].map(|percent| pause_after(second, percent)), [0, 1, 3].map(Duration::from_secs));
    assert_eq!(pause_after(60 * second, 1), MAX_PAUSE);
}

#[tokio::test]
async fn photos_have_fewer_bytes_in_the_morning_with_their_pixels_digests_and_quotas_right() {
    let world = World::of(&[crate::service()]).await;
    let media = process(&world, "night").await;
    let delivery = fake_role("delivery").records::<Recompressed>();
    delivery.join(&world).await;
    let (ada, bob, jpeg, png) = (world.ada(), world.bob(), jpeg(), png());
    let ids = [
        send(&media, &ada, "image/jpeg", &jpeg).await,
        send(&media, &ada, "image/jpeg", &jpeg).await,
        send(&media, &ada, "image/png", &png).await,
        send(&media, &bob, "image/jpeg", &jpeg).await,
    ];
    let old = find(&media, &ids[0]).await;
    // They are a day old, but it is dawn.
    world.clock().advance(TimeDelta::days(2));
    let dawn = night_shift(&media, &run(&media).await, world.clock().now(), 100).await.unwrap();
    assert_eq!(dawn, Saved::default());

    assert_eq!(night(&world, &media).await, (3, 3), "two items share their object");
    let (first, second) = (find(&media, &ids[0]).await, find(&media, &ids[1]).await);
    let (picture, bobs) = (find(&media, &ids[2]).await, find(&media, &ids[3]).await);
    assert!(first.object == second.object && first.object != bobs.object && first.sha256 == bobs.sha256);
    let objects = &media.context.objects;
    for (item, original) in [(&first, &jpeg), (&picture, &png), (&bobs, &jpeg)] {
        let stored = objects.get(&item.object, item.bytes).await.unwrap();
        assert!(stored.len() as u64 == item.bytes && stored.len() < original.len(), "{}", item.format);
        assert_eq!(hex::encode(Sha256::digest(&stored)), item.sha256);
        let pixels = |bytes: &[u8]| render(bytes, 1, WHOLE, Limits::default()).unwrap();
        assert!(pixels(&stored) == pixels(original), "{}", item.format);
        assert_eq!((item.version, item.has_scrub), (1, true));
    }
    let owner = AccountId(ada.id);
    let usage = store::usage::find(media.context.db.read(), owner).await.unwrap().unwrap();
    assert_eq!((usage.bytes, usage.items), (2 * first.bytes + picture.bytes, 3));
    world.settle().await;
    let events = delivery.events::<Recompressed>();
    let of_first = events.iter().find(|event| event.id == ids[0]).unwrap();
    assert!(of_first.replaced == old.object && of_first.object == first.object && of_first.sha256 == first.sha256);
    assert_eq!(events.len(), 4);

    // The old original is there for a day, or until the last item is gone.
    assert!(objects.exists(&old.object).await.unwrap(), "delivery may not have heard yet");
    let bobs_old = events.iter().find(|event| event.id == ids[3]).unwrap().replaced.clone();
    assert!(remove_item(&media, &ids[3], AccountId(bob.id)).await.unwrap());
    gone(&world, &media, &bobs_old).await;
    gone(&world, &media, &bobs.object).await;
    assert_eq!(night(&world, &media).await, (0, 0), "each photo is examined once");
    remove_replaced(&media).await.unwrap();
    gone(&world, &media, &old.object).await;
    assert!(objects.exists(&first.object).await.unwrap());

    // What is sent again has its own bytes until it is as short; what is as short already stays.
    let short = objects.get(&first.object, first.bytes).await.unwrap();
    let again = send(&media, &world.ada(), "image/jpeg", &jpeg).await;
    send(&media, &world.bob(), "image/jpeg", &short).await;
    assert_ne!(find(&media, &again).await.object, first.object);
    assert_eq!(night(&world, &media).await, (2, 1));
    let again = find(&media, &again).await;
    assert_eq!((again.object, again.bytes, again.sha256), (first.object, first.bytes, first.sha256));
    world.end().await;
}
