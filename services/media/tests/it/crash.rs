//! Crashes in the middle of an upload.

use std::time::Duration;

use sha2::Digest as _;
use testkit::World;

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, objects, png, send};
use crate::raw_http::RawConnection;
use crate::tus::received;

const MB: usize = 1 << 20;

#[tokio::test]
async fn a_plain_upload_that_dies_with_the_process_leaves_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let kept = send(&ada, "", "image/png", png(9, 9, 50_000, 9)).await.expect(201).json();
    // More than any engine buffers in memory.
    let file = png(100, 100, 20 * MB, 1);
    let mut connection =
        RawConnection::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
    assert!(connection.send(&file[..18 * MB]).await);
    world.wait_for("an object is in the store", async || (objects(&world).await.len() > 1).then_some(())).await;
    // As after SIGKILL: the folder as it is now, without any cleanup.
    let copy = tempfile::tempdir().unwrap();
    copy_folder(world.folder(), copy.path());
    drop(connection);
    let world = World::builder().in_folder(copy).start(&[media::service()]).await;
    let ada = world.ada();
    expect_no_orphans(&world).await;
    assert_eq!(objects(&world).await.len(), 1);
    ada.get(&format!("/v1/media/{}", kept["id"].as_str().unwrap())).await.expect(200);
    ada.delete(&format!("/v1/media/{}?purge=true", kept["id"].as_str().unwrap())).await.expect(204);
    expect_nothing_stored(&world).await;
    world.end().await;
}

/// Copies the folder as a power cut at this moment would leave it, as far as the file system can show.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_resumable_upload_goes_on_after_a_crash_from_what_was_written_down() {
    let world = World::builder().set("media.checkpoint_bytes=200000").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 3 * MB, 5);
    let begun = ada
        .send(
            ada.request(http::Method::POST, "/v1/uploads")
                .header("tus-resumable", "1.0.0")
                .header("upload-length", file.len()),
        )
        .await
        .expect(201);
    let location = begun.header("location").to_owned();
    let headers = format!(
        "tus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: {}",
        file.len()
    );
    let mut connection = RawConnection::request(&world, &ada, &format!("PATCH {location}"), &headers).await;
    assert!(connection.send(&file[..2 * MB]).await);
    // Checkpointed, and no more bytes arrive: a copy takes time, and must show one moment.
    let mut last = 0;
    world
        .wait_for("the checkpoint is stored", async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = received(&world).await;
            let before = std::mem::replace(&mut last, now);
            (now >= 200_000 && now == before).then_some(())
        })
        .await;
    let copy = tempfile::tempdir().unwrap();
    copy_folder(world.folder(), copy.path());
    drop(connection);
    drop(world);
    let world = World::builder().in_folder(copy).start(&[media::service()]).await;
    let ada = world.ada();
    let head = ada.send(ada.request(http::Method::HEAD, &location).header("tus-resumable", "1.0.0")).await.expect(200);
    let offset: usize = head.header("upload-offset").parse().unwrap();
    assert!((200_000..=2 * MB).contains(&offset), "{offset}");
    expect_no_orphans(&world).await;
    let rest =
        ada.request(http::Method::PATCH, &location).header("tus-resumable", "1.0.0").header("upload-offset", offset);
    let done = ada
        .send(rest.header("content-type", "application/offset+octet-stream").body(file[offset..].to_vec()))
        .await
        .expect(204);
    let id = done.header("tutti-media-id").to_owned();
    let received: contract::media::Received =
        serde_json::from_slice(&ada.get(&format!("/internal/media/{id}")).await.expect(200).body).unwrap();
    assert_eq!(world.context("media").objects.get(&received.object, 1 << 30).await.unwrap(), file);
    assert_eq!(received.sha256, hex::encode(sha2::Sha256::digest(&file)));
    expect_no_orphans(&world).await;
    world.end().await;
}
