//! Captions: who puts, reads and removes them, and what is refused.

use contract::media::Changed;
use contract::transcode::Playable;
use db::{FromQueryResult, Sql};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World};

use crate::fixtures::{expect_nothing_stored, png, send};
use crate::item_events::publish;
use crate::library::published_events;
use crate::seeds;

const HLS: &str = "application/vnd.apple.mpegurl";
const CAPTIONS: &str = "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n";

/// Sends a second of silence. Returns the path of the item.
async fn song(member: &TestClient) -> String {
    let item = send(member, "", "audio/wav", seeds::wav(8000, 1, 1, &[128; 8000])).await.expect(201).json();
    format!("/v1/media/{}", item["id"].as_str().unwrap())
}

async fn put(member: &TestClient, path: &str, text: impl Into<Vec<u8>>) -> TestResponse {
    member.send(member.request(Method::PUT, path).header("content-type", "text/vtt").body(text.into())).await
}

#[derive(FromQueryResult)]
struct Numbers {
    texts: i64,
    bytes: i64,
}

/// Returns the number of stored texts, and the bytes that are charged to members.
async fn stored(world: &World) -> (i64, i64) {
    let text = "select (select count(*) from caption) as texts,
                       (select cast(coalesce(sum(bytes), 0) as bigint) from usage) as bytes";
    let row: Option<Numbers> = world.context("media").db.read().row(text, vec![]).await.unwrap();
    row.map_or((0, 0), |row| (row.texts, row.bytes))
}

#[tokio::test]
async fn captions_are_listed_by_language_and_read_as_webvtt() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let path = song(&ada).await;
    assert_eq!(ada.get(&path).await.expect(200).json()["captions"], json!([]));
    let subrip = "1\r\n00:00:00,000 --> 00:00:01,000\r\nOlá\r\n";
    put(&ada, &format!("{path}/captions/PT-br?label=Portugu%C3%AAs"), subrip).await.expect(200);
    let item = put(&ada, &format!("{path}/captions/en"), CAPTIONS).await.expect(200).json();
    let shown: Vec<(&str, &str)> = item["captions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["lang"].as_str().unwrap(), one["label"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("en", "en"), ("pt-BR", "Português")]);
    let read = ada.get(&format!("{path}/captions/pt-br")).await.expect(200);
    assert_eq!(String::from_utf8_lossy(&read.body), "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nOlá\n\n");
    let headers = ["content-type", "x-content-type-options", "cache-control", "cross-origin-resource-policy"];
    let expected = ["text/vtt; charset=utf-8", "nosniff", "private, no-cache", "same-origin"];
    assert_eq!(headers.map(|name| read.header(name)), expected);
    assert!(read.header("content-security-policy").contains("sandbox"));

    let url = format!("{path}/captions/en");
    let etag = ada.get(&url).await.header("etag").to_owned();
    let again = || ada.request(Method::GET, &url).header("if-none-match", format!("\"x\", {etag}"));
    assert!(ada.send(again()).await.expect(304).body.is_empty());
    put(&ada, &url, CAPTIONS.replace("Hello", "Hi")).await.expect(200);
    assert_eq!(ada.send(again()).await.expect(200).body, CAPTIONS.replace("Hello", "Hi").as_bytes());
    world.end().await;
}

#[tokio::test]
async fn captions_are_part_of_the_stream_for_those_who_may_see_the_item() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let path = song(&ada).await;
    put(&ada, &format!("{path}/captions/en?label=English"), CAPTIONS).await.expect(200);
    let changed: Vec<Changed> = published_events(&world).await;
    let tracks: Vec<_> = changed.last().unwrap().captions.iter().map(|one| (&*one.lang, &*one.label)).collect();
    assert_eq!(tracks, [("en", "English")], "delivery learns what the master playlist names");

    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    publish(&world, &Playable { id, width: None, height: None, duration_ms: Some(61_500) }).await;
    let playlist = format!("{path}/captions/en/playlist.m3u8");
    let segment = format!("{path}/captions/en/segment.vtt");
    for stranger in [&bob, &anonymous] {
        for url in [&playlist, &segment] {
            stranger.get(url).await.refused(404, "media.not_found");
        }
    }
    ada.get(&format!("{path}/captions/de/playlist.m3u8")).await.refused(404, "media.no_such_captions");
    // With the signature of the item's other URLs, each URL leads to the next.
    let item = ada.get(&path).await.expect(200).json();
    let query = item["captions"][0]["url"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    let read = anonymous.get(&format!("{playlist}?{query}")).await.expect(200);
    assert_eq!((read.header("content-type"), read.header("cache-control")), (HLS, "private, no-store"));
    let text = String::from_utf8_lossy(&read.body).into_owned();
    assert!(text.contains(&format!("#EXTINF:61.500000,\nsegment.vtt?{query}\n#EXT-X-ENDLIST")), "{text}");
    let read = anonymous.get(&format!("{segment}?{query}")).await.expect(200);
    assert_eq!(read.header("content-type"), "text/vtt; charset=utf-8");
    let expected = CAPTIONS.replacen("WEBVTT\n", "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n", 1);
    assert_eq!(String::from_utf8_lossy(&read.body), expected);

    ada.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    let open = anonymous.get(&playlist).await.expect(200);
    assert_eq!(open.header("cache-control"), "public, no-cache");
    assert!(!String::from_utf8_lossy(&open.body).contains("t="));
    let again = anonymous.request(Method::GET, &playlist).header("if-none-match", open.header("etag"));
    anonymous.send(again).await.expect(304);
    ada.delete(&path).await.expect(204);
    for url in [&playlist, &segment] {
        anonymous.get(&format!("{url}?{query}")).await.refused(404, "media.not_found");
    }
    world.end().await;
}

#[tokio::test]
async fn who_may_not_see_an_item_may_not_read_its_captions() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let path = song(&ada).await;
    let url = format!("{path}/captions/en");
    let item = put(&ada, &url, CAPTIONS).await.expect(200).json();
    for stranger in [&bob, &anonymous] {
        stranger.get(&url).await.refused(404, "media.not_found");
        stranger.get(&format!("{path}/captions/de")).await.refused(404, "media.not_found");
    }
    put(&bob, &url, CAPTIONS).await.refused(404, "media.not_found");
    bob.delete(&url).await.refused(404, "media.not_found");
    put(&anonymous, &url, CAPTIONS).await.refused(401, "auth.required");
    anonymous.delete(&url).await.refused(401, "auth.required");
    // `<track>` sends no token: the URL in the owner's view is signed, for this item.
    let signed = item["captions"][0]["url"].as_str().unwrap();
    let read = anonymous.get(signed).await.expect(200);
    assert_eq!((read.body.as_slice(), read.header("cache-control")), (CAPTIONS.as_bytes(), "private, no-cache"));
    let signature = item["urls"]["events"].as_str().unwrap().split_once("?t=").unwrap().1;
    anonymous.get(&format!("{url}?t={signature}")).await.refused(404, "media.not_found");

    ada.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    let seen = anonymous.get(&path).await.expect(200).json();
    assert_eq!(seen["captions"], json!([{ "lang": "en", "label": "en", "url": url }]));
    assert_eq!(anonymous.get(&url).await.expect(200).header("cache-control"), "public, no-cache");
    anonymous.get(&format!("{path}/captions/de")).await.refused(404, "media.no_such_captions");
    put(&bob, &url, CAPTIONS).await.refused(404, "media.not_found");
    world.end().await;
}

#[tokio::test]
async fn what_is_no_caption_is_refused_with_its_line_and_changes_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let path = song(&ada).await;
    let url = format!("{path}/captions/en");
    put(&ada, &url, CAPTIONS).await.expect(200);
    let before = (stored(&world).await, ada.get(&path).await.json()["captions"].clone());
    let refused = put(&ada, &url, "WEBVTT\n\n00:00.000 -> 00:01.000\nHello\n").await.refused(422, "media.bad_captions");
    assert!(refused.json()["detail"].as_str().unwrap().contains("Line 3"), "{refused}");
    for bad in ["<script>alert(1)</script>", "", "WEBVTT\n\n"] {
        put(&ada, &url, bad).await.refused(422, "media.bad_captions");
    }
    put(&ada, &url, vec![b'a'; (1 << 20) + 1]).await.refused(413, "media.too_large");
    for tag in ["english", "en_US", "x"] {
        let answer = put(&ada, &format!("{path}/captions/{tag}"), CAPTIONS).await;
        // Five to eight letters are a well-formed language, though none is registered.
        answer.expect(if tag == "english" { 200 } else { 422 });
    }
    ada.delete(&format!("{path}/captions/english")).await.expect(204);
    let label = "x".repeat(61);
    put(&ada, &format!("{url}?label={label}"), CAPTIONS).await.refused(422, "request.invalid");
    let compressed = ada.request(Method::PUT, &url).header("content-encoding", "gzip").body(CAPTIONS);
    ada.send(compressed).await.refused(415, "media.unsupported_content_encoding");
    let photo = send(&ada, "", "image/png", png(9, 9, 3000, 1)).await.expect(201).json();
    let of_photo = format!("/v1/media/{}/captions/en", photo["id"].as_str().unwrap());
    put(&ada, &of_photo, CAPTIONS).await.refused(422, "request.invalid");
    ada.delete(&format!("/v1/media/{}?purge=true", photo["id"].as_str().unwrap())).await.expect(204);
    assert_eq!((stored(&world).await, ada.get(&path).await.json()["captions"].clone()), before);
    world.end().await;
}

#[tokio::test]
async fn captions_are_bounded_charged_and_removed_with_their_item() {
    let world = World::builder().set("media.quota_bytes=10000").start(&[media::service()]).await;
    let ada = world.ada();
    let path = song(&ada).await;
    let (_, of_file) = stored(&world).await;
    for number in 0..30 {
        put(&ada, &format!("{path}/captions/en-x-{number}"), CAPTIONS).await.expect(200);
    }
    put(&ada, &format!("{path}/captions/de"), CAPTIONS).await.refused(422, "media.too_many_captions");
    assert_eq!(stored(&world).await, (30, of_file + 30 * CAPTIONS.len() as i64));
    let url = format!("{path}/captions/en-x-0");
    put(&ada, &url, format!("{CAPTIONS}{}", "x".repeat(3000))).await.refused(403, "media.quota_bytes");
    put(&ada, &url, format!("{CAPTIONS}xx")).await.expect(200);
    assert_eq!(stored(&world).await, (30, of_file + 30 * CAPTIONS.len() as i64 + 2));
    ada.delete(&url).await.expect(204);
    ada.delete(&url).await.refused(404, "media.no_such_captions");
    assert_eq!(stored(&world).await, (29, of_file + 29 * CAPTIONS.len() as i64));
    let left: Value = ada.get(&path).await.json();
    assert_eq!(left["captions"].as_array().map(Vec::len), Some(29));
    // In the trash they are charged and kept, and cannot be changed.
    let charged = stored(&world).await;
    ada.delete(&path).await.expect(204);
    put(&ada, &url, CAPTIONS).await.refused(404, "media.not_found");
    assert_eq!(stored(&world).await, charged);
    ada.delete(&format!("{path}?purge=true")).await.expect(204);
    assert_eq!(stored(&world).await, (0, 0));
    expect_nothing_stored(&world).await;
    world.end().await;
}
