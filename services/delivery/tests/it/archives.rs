//! Archives: what is in them, who may have them, and what ends them.

use std::process::Command;

use chrono::Datelike as _;
use contract::MediaId;
use contract::media::{Kind, Received, Visibility};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::harness::{Harness, patch, patterned_bytes};

/// Prints each file of an archive with its name, checksum, size, year, method and flags, after it has read all of them.
const READER: &str = "
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    files = archive.infolist()
    print(json.dumps([[f.filename, f.CRC, f.file_size, f.date_time[0], f.compress_type, f.flag_bits] for f in files]))
";

/// Returns what another program reads in an archive.
fn read_archive(harness: &Harness, archive: &[u8]) -> Value {
    let path = harness.world.folder().join("download.zip");
    std::fs::write(&path, archive).unwrap();
    let read = Command::new("python3").args(["-c", READER]).arg(&path).output().expect("python3 runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

async fn named(harness: &Harness, name: &str, bytes: &[u8], visibility: Visibility) -> Received {
    let item = Received { name: name.into(), ..harness.item(Kind::Video, "mp4", bytes, visibility).await };
    harness.publish(&item).await;
    item
}

/// Returns the URL that a client gets for items.
async fn download_url(client: &TestClient, items: &[&Received]) -> String {
    let ids: Vec<&MediaId> = items.iter().map(|item| &item.id).collect();
    let response = client.post("/v1/media/downloads", &json!({ "ids": ids })).await.expect(200);
    assert_eq!(response.header("cache-control"), "no-store");
    response.json()["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_archive_has_the_bytes_and_the_names_of_its_files() {
    let harness = Harness::new().await;
    let (long, short) = (patterned_bytes(9 << 20), b"a short film".to_vec());
    let first = named(&harness, "AC/DC été.mov", &long, Visibility::Private).await;
    let second = named(&harness, "ac/dc été.MOV.mp4", &short, Visibility::Private).await;
    let scrub = Some(vec![patch(2, 5, "")]);
    let item = harness.item(Kind::Video, "mp4", &short, Visibility::Public).await;
    let scrubbed = Received { name: "shared".into(), scrub, ..item };
    harness.publish(&scrubbed).await;
    let (ada, anonymous) = (harness.world.ada(), harness.world.anonymous());

    // Her own files are the originals; the browser has no token.
    let url = download_url(&ada, &[&first, &second, &scrubbed]).await;
    let response = anonymous.get(&url).await.expect(200);
    assert_eq!(response.header("content-type"), "application/zip");
    assert_eq!(response.header("content-length"), response.body.len().to_string());
    assert!(response.header("content-disposition").starts_with("attachment; filename=\"tutti-"), "{response}");
    assert_eq!(response.header("cache-control"), "private, no-store");
    let year = first.created_at.year();
    let file = |name: &str, bytes: &[u8]| json!([name, crc32fast::hash(bytes), bytes.len(), year, 0, 0x808]);
    assert_eq!(
        read_archive(&harness, &response.body),
        json!([file("AC_DC été.mov.mp4", &long), file("ac_dc été.MOV (2).mp4", &short), file("shared.mp4", &short)])
    );

    // Others get the shared file.
    let blanked = harness.world.bob().get(&format!("/v1/files/{}.mp4", scrubbed.id)).await.expect(200).body;
    assert_ne!(blanked, short);
    for client in [harness.world.bob(), anonymous.clone()] {
        let response = anonymous.get(&download_url(&client, &[&scrubbed]).await).await.expect(200);
        assert_eq!(read_archive(&harness, &response.body), json!([file("shared.mp4", &blanked)]));
    }
    let head = anonymous.send(anonymous.request(Method::HEAD, &url)).await.expect(200);
    assert_eq!(head.header("content-length"), response.body.len().to_string());
    harness.end().await;
}

#[tokio::test]
async fn one_item_that_the_caller_may_not_see_refuses_the_whole_archive() {
    let harness = Harness::new().await;
    let public = harness.file(b"public", Visibility::Public).await;
    let private = harness.file(b"private", Visibility::Private).await;
    let none = MediaId::random();
    for client in [harness.world.bob(), harness.world.anonymous()] {
        for other in [&private.id, &none] {
            let body = json!({ "ids": [public.id, other] });
            client.post("/v1/media/downloads", &body).await.refused(404, "media.not_found");
            for list in ["ids", "originals"] {
                let url = format!("/v1/media/zip?{list}={other}&ids={}", public.id);
                let url = if list == "ids" { format!("/v1/media/zip?ids={},{other}", public.id) } else { url };
                client.get(&url).await.refused(404, "media.not_found");
            }
        }
        client.get(&format!("/v1/media/zip?ids={}", public.id)).await.expect(200);
    }
    let originals = format!("/v1/media/zip?originals={}", public.id);
    harness.world.bob().get(&originals).await.refused(403, "auth.not_owner");
    harness.world.anonymous().get(&originals).await.refused(401, "auth.required");
    let withheld = harness.item(Kind::Video, "mp4", b"unknown", Visibility::Public).await;
    let withheld = Received { scrub: None, ..withheld };
    harness.publish(&withheld).await;
    let body = json!({ "ids": [withheld.id] });
    harness.world.bob().post("/v1/media/downloads", &body).await.refused(403, "delivery.withheld");
    harness.world.ada().post("/v1/media/downloads", &body).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn a_signature_is_for_its_own_list_and_not_for_ever() {
    let harness = Harness::new().await;
    let (one, two) = (harness.file(b"one", Visibility::Private).await, harness.file(b"two", Visibility::Private).await);
    let (ada, anonymous) = (harness.world.ada(), harness.world.anonymous());
    let url = download_url(&ada, &[&one]).await;
    anonymous.get(&url).await.expect(200);
    let (id, other) = (one.id.as_str(), two.id.as_str());
    let view = harness.signed_query("view", &one.id);
    for wrong in [
        url.replace(id, other),
        url.replace(id, &format!("{id},{other}")),
        url.replace("originals=", "ids="),
        format!("/v1/media/zip?originals={id}&{view}"),
        format!("/v1/media/zip?ids={id}&{view}"),
    ] {
        anonymous.get(&wrong).await.refused(404, "media.not_found");
    }
    // What others share is theirs to take back.
    let shared = harness.file(b"shared", Visibility::Public).await;
    let of_others = download_url(&harness.world.bob(), &[&shared]).await;
    harness.change(&shared, Visibility::Private, 1).await;
    anonymous.get(&of_others).await.refused(404, "media.not_found");
    harness.world.clock().advance(chrono::TimeDelta::hours(8));
    anonymous.get(&url).await.refused(404, "media.not_found");
    harness.end().await;
}

#[tokio::test]
async fn a_list_that_is_empty_or_too_long_is_refused() {
    let harness = Harness::new().await;
    let ada = harness.world.ada();
    for query in ["", "?ids=", "?ids=x", "?ids=,", "?ids=a&ids=b"] {
        ada.get(&format!("/v1/media/zip{query}")).await.refused(400, "request.invalid");
    }
    let many: Vec<MediaId> = (0..301).map(|_| MediaId::random()).collect();
    for ids in [json!([]), json!(["x"]), json!(many)] {
        ada.post("/v1/media/downloads", &json!({ "ids": ids })).await.refused(422, "request.invalid");
    }
    harness.end().await;
}

#[tokio::test]
async fn archives_are_bounded_and_a_closed_connection_releases_its_permit() {
    let harness = Harness::with(World::builder().set("delivery.max_archives_per_client=1")).await;
    let file = harness.file(&patterned_bytes(32 << 20), Visibility::Public).await;
    let path = format!("/v1/media/zip?ids={}", file.id);
    let (bob, anonymous) = (harness.world.bob(), harness.world.anonymous());
    let slow = bob.request(Method::GET, &path).send().await.unwrap();
    assert_eq!((slow.status().as_u16(), harness.gauge("delivery_archives_open")), (200, 1));
    let refused = bob.get(&path).await.refused(503, "delivery.too_many_downloads");
    assert!(!refused.header("retry-after").is_empty());
    anonymous.get(&path).await.expect(200);
    drop(slow);
    let released = async || (harness.gauge("delivery_archives_open") == 0).then_some(());
    harness.world.wait_for("the permit is released", released).await;
    bob.get(&path).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn an_archive_whose_file_fails_breaks_off() {
    let harness = Harness::new().await;
    let first = harness.file(&patterned_bytes(100_000), Visibility::Public).await;
    let second = harness.file(&patterned_bytes(9 << 20), Visibility::Public).await;
    harness.world.context("delivery").objects.remove(&second.object).await.unwrap();
    let anonymous = harness.world.anonymous();
    let path = format!("/v1/media/zip?ids={},{}", first.id, second.id);
    let response = anonymous.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.bytes().await.is_err(), "a client sees that the end is missing");
    // Where the first file is missing, nothing was sent yet.
    anonymous.get(&format!("/v1/media/zip?ids={}", second.id)).await.refused(500, "server.fault");
    harness.end().await;
}
