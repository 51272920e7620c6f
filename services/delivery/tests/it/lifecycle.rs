//! How items are announced, changed and deleted.

use contract::media::{Received, Recompressed, Visibility};
use contract::transcode::Track;

use crate::harness::{Harness, jpeg, patterned_bytes};

#[tokio::test]
async fn a_change_of_audience_takes_effect_at_once() {
    let harness = Harness::new().await;
    let video = harness.file(&patterned_bytes(100), Visibility::Public).await;
    harness.rendition(&video.id, "v720", Track::Video, 1, Some(1)).await;
    let anonymous = harness.world.anonymous();
    let paths = [format!("/v1/files/{}.mp4", video.id), format!("/v1/media/{}/hls/v720/0.m4s", video.id)];
    for path in &paths {
        anonymous.get(path).await.expect(200);
    }
    harness.change(&video, Visibility::Private, 1).await;
    for path in &paths {
        anonymous.get(path).await.refused(404, "media.not_found");
        harness.world.ada().get(path).await.expect(200);
    }
    harness.change(&video, Visibility::Unlisted, 2).await;
    anonymous.get(&paths[0]).await.expect(200);
    // A late change is not applied as a new one.
    harness.change(&video, Visibility::Private, 1).await;
    anonymous.get(&paths[0]).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn a_deleted_item_leaves_nothing() {
    let harness = Harness::new().await;
    let photo = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let ada = harness.world.ada();
    let before = harness.objects().await;
    let path = format!("/v1/media/{}/image?format=webp", photo.id);
    for width in [64, 128, 256] {
        ada.get(&format!("{path}&w={width}")).await.expect(200);
    }
    assert_eq!(harness.objects().await, before + 3);
    harness.delete(&photo).await;
    assert_eq!(harness.objects().await, before, "only what belongs to others is left");
    for path in
        [format!("{path}&w=64"), format!("/v1/files/{}.jpeg", photo.id), format!("/v1/media/{}/original", photo.id)]
    {
        ada.get(&path).await.refused(404, "media.not_found");
    }
    // Late events do not bring it back.
    harness.publish(&photo).await;
    harness.change(&photo, Visibility::Public, 9).await;
    harness.rendition(&photo.id, "v720", Track::Video, 1, Some(1)).await;
    ada.get(&path).await.refused(404, "media.not_found");
    harness.end().await;
}

#[tokio::test]
async fn an_unknown_item_is_fetched_from_media() {
    let harness = Harness::new().await;
    let item = harness.item(contract::media::Kind::Video, "mp4", b"unheard", Visibility::Public).await;
    let path = format!("/v1/files/{}.mp4", item.id);
    let anonymous = harness.world.anonymous();
    anonymous.get(&path).await.refused(404, "media.not_found");
    harness.media.lock().unwrap().insert(item.id.to_string(), serde_json::to_value(&item).unwrap());
    assert_eq!(anonymous.get(&path).await.expect(200).body, b"unheard");
    // The event arrives late, and with an older visibility than the change that arrived since.
    harness.change(&item, Visibility::Private, 1).await;
    harness.publish(&Received { visibility: Visibility::Public, ..item.clone() }).await;
    anonymous.get(&path).await.refused(404, "media.not_found");
    harness.end().await;
}

#[tokio::test]
async fn a_change_that_arrives_first_fetches_its_item() {
    let harness = Harness::new().await;
    let item = harness.item(contract::media::Kind::Video, "mp4", b"bytes", Visibility::Public).await;
    harness.media.lock().unwrap().insert(item.id.to_string(), serde_json::to_value(&item).unwrap());
    harness.change(&item, Visibility::Public, 3).await;
    harness.media.lock().unwrap().clear();
    harness.publish(&Received { visibility: Visibility::Private, ..item.clone() }).await;
    harness.world.anonymous().get(&format!("/v1/files/{}.mp4", item.id)).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn an_item_that_is_in_the_trash_before_it_is_known_is_not_served() {
    let harness = Harness::new().await;
    let item = harness.item(contract::media::Kind::Video, "mp4", b"bytes", Visibility::Public).await;
    let trashed = Received { visibility: Visibility::Private, trashed: true, ..item.clone() };
    harness.media.lock().unwrap().insert(item.id.to_string(), serde_json::to_value(&trashed).unwrap());
    harness.trash(&item, 2).await;
    harness.publish(&item).await;
    let path = format!("/v1/files/{}.mp4", item.id);
    harness.world.anonymous().get(&path).await.refused(404, "media.not_found");
    harness.change(&item, Visibility::Public, 3).await;
    harness.world.anonymous().get(&path).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn a_recompressed_original_is_served_under_its_own_digest() {
    let harness = Harness::new().await;
    let (old, new) = (patterned_bytes(100), patterned_bytes(60));
    let item = harness.file(&old, Visibility::Public).await;
    let recompressed = Recompressed {
        id: item.id.clone(),
        replaced: item.object.clone(),
        object: harness.store(&new).await,
        bytes: 60,
        sha256: "ab".repeat(32),
        scrub: Some(vec![]),
    };
    let (anonymous, path) = (harness.world.anonymous(), format!("/v1/files/{}.mp4", item.id));
    assert_eq!(anonymous.get(&path).await.expect(200).body, old);
    for _ in 0..2 {
        harness.publish(&recompressed).await;
        let served = anonymous.get(&path).await.expect(200);
        assert!(served.body == new && served.header("etag").contains(&recompressed.sha256));
    }
    // Of an item that is not known yet; what announced it comes last.
    let late = harness.item(contract::media::Kind::Video, "mp4", &old, Visibility::Public).await;
    let now = Received { object: recompressed.object.clone(), bytes: 60, ..late.clone() };
    harness.media.lock().unwrap().insert(late.id.to_string(), serde_json::to_value(&now).unwrap());
    harness.publish(&Recompressed { id: late.id.clone(), replaced: late.object.clone(), ..recompressed }).await;
    harness.media.lock().unwrap().clear();
    harness.publish(&late).await;
    assert_eq!(anonymous.get(&format!("/v1/files/{}.mp4", late.id)).await.expect(200).body, new);
    harness.end().await;
}

#[tokio::test]
async fn an_unreachable_peer_is_a_503() {
    let harness = Harness::new().await;
    let peers = &harness.world.context("delivery").peers;
    peers.register_remote_url("media", "http://127.0.0.1:1");
    let response = harness
        .world
        .anonymous()
        .get(&format!("/v1/files/{}.mp4", contract::MediaId::random()))
        .await
        .refused(503, "server.unavailable");
    assert!(!response.header("retry-after").is_empty());
    harness.end().await;
}
