//! `POST /v1/media`: which files are accepted, and what is known of them then.

use contract::media::Received;
use http::Method;
use serde_json::json;
use testkit::World;

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, objects, png, send};
use crate::samples::phone_photo;

#[tokio::test]
async fn a_raw_body_becomes_an_item_that_is_published() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(640, 480, 100_000, 1);
    let response = send(&ada, "?name=cat.png&tags=Cats,%20Sun", "text/html", file.clone()).await.expect(201);
    let item = response.json();
    assert_eq!(item["name"], "cat.png");
    assert_eq!(item["kind"], "photo");
    assert_eq!(item["state"], "received");
    assert_eq!(item["visibility"], "private");
    assert_eq!(item["content_type"], "image/png");
    assert_eq!(item["bytes"], 100_000);
    assert_eq!((item["width"].as_u64(), item["height"].as_u64()), (Some(640), Some(480)));
    assert_eq!(item["tags"], json!(["cats", "sun"]));
    assert_eq!(item["owner"], ada.id.to_string());
    let id = item["id"].as_str().unwrap();
    assert_eq!(response.header("location"), format!("/v1/media/{id}"));
    assert!(item["urls"]["original"].as_str().unwrap().contains("?t="));

    let received: Received =
        serde_json::from_slice(&world.anonymous().get(&format!("/internal/media/{id}")).await.expect(200).body)
            .unwrap();
    assert_eq!(received.sha256, item["sha256"].as_str().unwrap());
    let stored = world.context("media").objects.get(&received.object, 1 << 20).await.unwrap();
    assert_eq!(stored, file);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_phone_photo_is_upright_and_its_metadata_is_for_its_owner() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let file = phone_photo();
    let item = send(&ada, "?visibility=public", "image/jpeg", file.clone()).await.expect(201).json();
    assert_eq!((item["width"].as_u64(), item["height"].as_u64()), (Some(200), Some(320)));
    assert_eq!((&item["camera"], &item["taken_at"]), (&json!("Phoneco X100"), &json!("2024-05-06T07:08:09Z")));
    let id = item["id"].as_str().unwrap();
    let seen = bob.get(&format!("/v1/media/{id}")).await.expect(200).json();
    assert!(seen["camera"].is_null() && seen["taken_at"].is_null());
    let received: Received =
        serde_json::from_slice(&world.anonymous().get(&format!("/internal/media/{id}")).await.expect(200).body)
            .unwrap();
    assert_eq!(received.orientation, 6);
    // The file for others has none of it.
    let patches: Vec<_> = received
        .scrub
        .unwrap()
        .iter()
        .map(|patch| codec::scrub::Patch::from_hex(patch.offset, patch.bytes, &patch.hex).unwrap())
        .collect();
    let mut scrubbed = file.clone();
    codec::scrub::apply(&patches, 0, &mut scrubbed);
    assert!(file.windows(7).any(|w| w == b"Phoneco") && !scrubbed.windows(7).any(|w| w == b"Phoneco"));
    assert!(!scrubbed.windows(4).any(|w| w == b"2024"));
    world.end().await;
}

#[tokio::test]
async fn uploads_need_a_token() {
    let world = World::of(&[media::service()]).await;
    send(&world.anonymous(), "", "image/png", png(10, 10, 2000, 1)).await.refused(401, "auth.required");
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_for_one_owner() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let file = png(10, 10, 50_000, 7);
    let first = send(&ada, "?name=a.png", "image/png", file.clone()).await.expect(201).json();
    let second = send(&ada, "?name=b.png", "image/png", file.clone()).await.expect(201).json();
    assert_ne!(first["id"], second["id"]);
    expect_no_orphans(&world).await;
    assert_eq!(objects(&world).await.len(), 1);
    send(&bob, "?name=c.png", "image/png", file).await.expect(201);
    assert_eq!(objects(&world).await.len(), 2);
    ada.delete(&format!("/v1/media/{}?purge=true", first["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(objects(&world).await.len(), 2, "the other item still needs the bytes");
    ada.delete(&format!("/v1/media/{}?purge=true", second["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(objects(&world).await.len(), 1);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn other_fields_of_a_form_are_passed_over_and_extended_names_are_read() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let preview = vec![0xff; 300_000];
    let form = [
        b"--b\r\ncontent-disposition: form-data; name=\"thumb\"; filename=\"t.bin\"\r\n\r\n".as_slice(),
        &preview,
        b"\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename*=UTF-8''d%C3%A9j%C3%A0%20vu.png\r\n\r\n",
        &png(33, 44, 2000, 1),
        b"\r\n--b--\r\n",
    ]
    .concat();
    let request =
        ada.request(Method::POST, "/v1/media").header("content-type", "multipart/form-data; boundary=b").body(form);
    let item = ada.send(request).await.expect(201).json();
    assert_eq!((&item["name"], &item["bytes"]), (&json!("déjà vu.png"), &json!(2000)));
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn form_fields_may_come_before_or_after_the_file() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    for after in [false, true] {
        let file = reqwest::multipart::Part::bytes(png(33, 44, 70_000, u8::from(after)))
            .file_name("C:\\photos\\dog.png")
            .mime_str("image/jpeg")
            .unwrap();
        let form = reqwest::multipart::Form::new();
        let form = if after {
            form.part("file", file)
        } else {
            form.text("tags", "dogs").text("visibility", "unlisted").part("file", file)
        };
        let form = if after { form.text("tags", "dogs").text("visibility", "unlisted") } else { form };
        let path = if after { "/v1/media/form" } else { "/v1/media" };
        let item = ada.send(ada.request(Method::POST, path).multipart(form)).await.expect(201).json();
        assert_eq!(
            (&item["name"], &item["tags"], &item["visibility"]),
            (&json!("dog.png"), &json!(["dogs"]), &json!("unlisted"))
        );
        assert_eq!(item["bytes"], 70_000);
    }
    let no_form = ada.request(Method::POST, "/v1/media/form").header("content-type", "image/png");
    ada.send(no_form.body(png(33, 44, 2000, 3))).await.refused(422, "request.invalid");
    expect_no_orphans(&world).await;
    world.end().await;
}
