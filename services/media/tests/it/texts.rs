//! The description and the alternative text of an item.

use base64::Engine as _;
use contract::media::{FindPreview, Preview};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{expect_nothing_stored, png, send};
use crate::public_items::make_ready;

const STREAM: &str = "application/offset+octet-stream";

fn texts(item: &Value) -> (&str, &str) {
    (item["description"].as_str().unwrap(), item["alt"].as_str().unwrap())
}

async fn edit(member: &TestClient, item: &Value, body: &Value) -> Value {
    let url = format!("/v1/media/{}", item["id"].as_str().unwrap());
    member.patch(&url, body).await.expect(200).json()
}

#[tokio::test]
async fn a_file_is_sent_with_its_texts_in_the_query() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let query = "?description=%20One%0D%0Atwo%07%20&alt=A%20%E2%80%AEcat";
    let item = send(&ada, query, "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    assert_eq!(texts(&item), ("One\ntwo", "A cat"));
    let plain = send(&ada, "", "image/png", png(12, 34, 3000, 2)).await.expect(201).json();
    assert_eq!(texts(&plain), ("", ""));
    world.end().await;
}

#[tokio::test]
async fn a_form_has_the_texts_in_fields_before_or_after_the_file() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let form = |before: &str, after: &str| {
        let field = |name: &str, value: &[u8]| {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            [head.as_bytes(), value, b"\r\n"].concat()
        };
        [field("alt", before.as_bytes()), field("file", &png(12, 34, 3000, 1)), field("description", after.as_bytes())]
            .concat()
            .into_iter()
            .chain(*b"--x--\r\n")
            .collect::<Vec<u8>>()
    };
    let send_form = async |body: Vec<u8>| {
        let request = ada.request(Method::POST, "/v1/media/form");
        ada.send(request.header("content-type", "multipart/form-data; boundary=x").body(body)).await
    };
    let item = send_form(form("A cat", "One\ntwo")).await.expect(201).json();
    assert_eq!(texts(&item), ("One\ntwo", "A cat"));
    send_form(form(&"x".repeat(1001), "")).await.refused(422, "request.invalid");
    send_form(form("", &"x".repeat(2001))).await.refused(422, "request.invalid");
    world.end().await;
}

#[tokio::test]
async fn a_resumable_upload_keeps_its_texts_until_it_is_complete() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let begin = async |description: &str, alt: &str| {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let request = ada
            .request(Method::POST, "/v1/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", 3000)
            .header("upload-metadata", format!("description {},alt {}", encode(description), encode(alt)));
        ada.send(request).await
    };
    begin("", &"x".repeat(1001)).await.refused(422, "request.invalid");
    let location = begin("One\r\ntwo", "Zwei K\u{e4}tzchen").await.expect(201).header("location").to_owned();
    let request = ada
        .request(Method::PATCH, &location)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", 0)
        .header("content-type", STREAM)
        .body(png(12, 34, 3000, 1));
    let done = ada.send(request).await.expect(204);
    let item = ada.get(done.header("tutti-media")).await.expect(200).json();
    assert_eq!(texts(&item), ("One\ntwo", "Zwei K\u{e4}tzchen"));
    world.end().await;
}

#[tokio::test]
async fn the_texts_are_changed_one_by_one_and_everyone_who_may_see_the_item_reads_them() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "?visibility=public&alt=A%20cat", "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    let changed = edit(&ada, &item, &json!({"description": "At the sea."})).await;
    assert_eq!(texts(&changed), ("At the sea.", "A cat"));
    let changed = edit(&ada, &item, &json!({"alt": "x".repeat(1000), "name": "b"})).await;
    assert_eq!((texts(&changed).0, texts(&changed).1.len()), ("At the sea.", 1000));
    let id = item["id"].as_str().unwrap();
    make_ready(&world, id).await;
    let url = format!("/v1/media/{id}");
    for reader in [world.bob(), world.anonymous()] {
        assert_eq!(texts(&reader.get(&url).await.expect(200).json()), texts(&changed));
    }
    let listed = ada.get("/v1/media?q=sea").await.expect(200).json();
    assert_eq!(texts(&listed["items"][0]), texts(&changed), "what a description says is found");
    let preview: Option<Preview> = world.context("media").peers.ask(&FindPreview(id.parse().unwrap())).await.unwrap();
    assert_eq!(preview.unwrap().alt, texts(&changed).1);
    assert_eq!(texts(&edit(&ada, &item, &json!({"description": "", "alt": ""})).await), ("", ""));
    assert_eq!(ada.get("/v1/media?q=sea").await.expect(200).json()["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn texts_that_are_too_long_change_nothing() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let query = format!("?alt={}", "x".repeat(1001));
    send(&ada, &query, "image/png", png(12, 34, 3000, 1)).await.refused(422, "request.invalid");
    expect_nothing_stored(&world).await;
    let item = send(&ada, "?visibility=public&alt=A%20cat", "image/png", png(12, 34, 3000, 1)).await.expect(201).json();
    let url = format!("/v1/media/{}", item["id"].as_str().unwrap());
    for body in [
        json!({"alt": "x".repeat(1001)}),
        json!({"description": "x".repeat(2001)}),
        json!({"name": "b", "alt": "\u{1f408}".repeat(1001)}),
        json!({"alt": 7}),
        json!({"alt": ["a"]}),
    ] {
        ada.patch(&url, &body).await.refused(422, "request.invalid");
    }
    bob.patch(&url, &json!({"alt": "b"})).await.refused(404, "media.not_found");
    world.anonymous().patch(&url, &json!({"alt": "b"})).await.refused(401, "auth.required");
    let unchanged = ada.get(&url).await.expect(200).json();
    assert_eq!((texts(&unchanged), &unchanged["name"]), (("", "A cat"), &item["name"]));
    // What is hidden in a text is left out, as in a name.
    let changed = edit(&ada, &item, &json!({"alt": "a\u{0}\u{1b}[0m \u{202e}b\u{2028}\u{e0041}\tc\nd"})).await;
    assert_eq!(texts(&changed), ("", "a[0m b c\nd"));
    world.end().await;
}
