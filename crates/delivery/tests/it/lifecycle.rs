//! How items come, change and go.

use contract::media::{Received, Visibility};
use contract::transcode::Track;

use crate::stage::{Stage, jpeg, numbers};

#[tokio::test]
async fn a_change_of_audience_takes_effect_at_once() {
    let stage = Stage::new().await;
    let video = stage.file(&numbers(100), Visibility::Public).await;
    stage.rendition(&video.id, "v720", Track::Video, 1, Some(1)).await;
    let nobody = stage.world.nobody();
    let paths = [format!("/v1/files/{}.mp4", video.id), format!("/v1/media/{}/hls/v720/0.m4s", video.id)];
    for path in &paths {
        nobody.get(path).await.expect(200);
    }
    stage.change(&video, Visibility::Private, 1).await;
    for path in &paths {
        nobody.get(path).await.refused(404, "media.not_found");
        stage.world.ada().get(path).await.expect(200);
    }
    stage.change(&video, Visibility::Unlisted, 2).await;
    nobody.get(&paths[0]).await.expect(200);
    // A change that comes late is not taken for a new one.
    stage.change(&video, Visibility::Private, 1).await;
    nobody.get(&paths[0]).await.expect(200);
    stage.end().await;
}

#[tokio::test]
async fn a_deleted_item_leaves_nothing() {
    let stage = Stage::new().await;
    let photo = stage.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let ada = stage.world.ada();
    let before = stage.objects().await;
    let path = format!("/v1/media/{}/image?format=webp", photo.id);
    for width in [64, 128, 256] {
        ada.get(&format!("{path}&w={width}")).await.expect(200);
    }
    assert_eq!(stage.objects().await, before + 3);
    stage.delete(&photo).await;
    assert_eq!(stage.objects().await, before, "only what belongs to others is left");
    for path in [format!("{path}&w=64"), format!("/v1/files/{}.jpeg", photo.id), format!("/v1/media/{}/original", photo.id)] {
        ada.get(&path).await.refused(404, "media.not_found");
    }
    // Whatever is heard late, it stays gone.
    stage.tell(&photo).await;
    stage.change(&photo, Visibility::Public, 9).await;
    stage.rendition(&photo.id, "v720", Track::Video, 1, Some(1)).await;
    ada.get(&path).await.refused(404, "media.not_found");
    stage.end().await;
}

#[tokio::test]
async fn an_item_nobody_told_of_is_asked_for() {
    let stage = Stage::new().await;
    let item = stage.item(contract::media::Kind::Video, "mp4", b"unheard", Visibility::Public).await;
    let path = format!("/v1/files/{}.mp4", item.id);
    let nobody = stage.world.nobody();
    nobody.get(&path).await.refused(404, "media.not_found");
    stage.media.lock().unwrap().insert(item.id.to_string(), serde_json::to_value(&item).unwrap());
    assert_eq!(nobody.get(&path).await.expect(200).body, b"unheard");
    // The event comes late, and with an older audience than the change that was heard since.
    stage.change(&item, Visibility::Private, 1).await;
    stage.tell(&Received { visibility: Visibility::Public, ..item.clone() }).await;
    nobody.get(&path).await.refused(404, "media.not_found");
    stage.end().await;
}

#[tokio::test]
async fn a_change_that_comes_first_brings_its_item() {
    let stage = Stage::new().await;
    let item = stage.item(contract::media::Kind::Video, "mp4", b"bytes", Visibility::Public).await;
    stage.media.lock().unwrap().insert(item.id.to_string(), serde_json::to_value(&item).unwrap());
    stage.change(&item, Visibility::Public, 3).await;
    stage.media.lock().unwrap().clear();
    stage.tell(&Received { visibility: Visibility::Private, ..item.clone() }).await;
    stage.world.nobody().get(&format!("/v1/files/{}.mp4", item.id)).await.expect(200);
    stage.end().await;
}

#[tokio::test]
async fn a_silent_neighbour_is_said_so() {
    let stage = Stage::new().await;
    let peers = &stage.world.context("delivery").peers;
    peers.plays_at("media", "http://127.0.0.1:1");
    let answer = stage.world.nobody().get(&format!("/v1/files/{}.mp4", contract::MediaId::random())).await.refused(503, "server.unavailable");
    assert!(!answer.header("retry-after").is_empty());
    stage.end().await;
}
