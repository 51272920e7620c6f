//! Resumable uploads, as a client of tus 1.0.0 sees them.

use base64::Engine as _;
use http::Method;
use sha2::Digest as _;
use testkit::{TestClient, TestResponse, World};

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png};
use crate::raw_http::RawConnection;

const MB: usize = 1 << 20;
const STREAM: &str = "application/offset+octet-stream";

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub async fn begin(member: &TestClient, length: usize) -> String {
    let metadata =
        format!("filename {},tags {},filetype {}", base64(b"../big.png"), base64(b"a,b"), base64(b"video/mp4"));
    let request = member
        .request(Method::POST, "/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", length)
        .header("upload-metadata", metadata);
    let begun = member.send(request).await.expect(201);
    assert!(begun.header("upload-expires").ends_with("GMT"));
    assert_eq!(begun.header("tus-resumable"), "1.0.0");
    begun.header("location").to_owned()
}

pub async fn head(member: &TestClient, location: &str) -> TestResponse {
    member.send(member.request(Method::HEAD, location).header("tus-resumable", "1.0.0")).await
}

pub async fn patch(
    member: &TestClient,
    location: &str,
    offset: usize,
    bytes: &[u8],
    checksum: Option<String>,
) -> TestResponse {
    let mut request = member
        .request(Method::PATCH, location)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", offset)
        .header("content-type", STREAM);
    if let Some(checksum) = checksum {
        request = request.header("upload-checksum", checksum);
    }
    member.send(request.body(bytes.to_vec())).await
}

/// Opens a PATCH on a raw connection, so that it can stay open.
async fn patch_by_hand(
    world: &World,
    member: &TestClient,
    location: &str,
    offset: usize,
    length: usize,
) -> RawConnection {
    let headers = format!(
        "tus-resumable: 1.0.0\r\nupload-offset: {offset}\r\ncontent-type: {STREAM}\r\ncontent-length: {length}"
    );
    RawConnection::request(world, member, &format!("PATCH {location}"), &headers).await
}

#[derive(db::FromQueryResult)]
struct Received {
    received: i64,
}

/// Returns the number of durable bytes of the only upload.
pub async fn received(world: &World) -> usize {
    let row: Option<Received> =
        db::Sql::row(world.context("media").db.read(), "select received from upload", vec![]).await.unwrap();
    usize::try_from(row.unwrap().received).unwrap()
}

async fn set(world: &World, text: &'static str) {
    let changed: Result<u64, db::Error> =
        world.context("media").db.write(db::Lane::ALL, async move |tx| db::Sql::execute(tx, text, vec![]).await).await;
    assert_eq!(changed.unwrap(), 1);
}

async fn expect_item(world: &World, done: &TestResponse, file: &[u8]) -> serde_json::Value {
    let (ada, id) = (world.ada(), done.header("tutti-media-id").to_owned());
    assert_eq!(done.header("tutti-media"), format!("/v1/media/{id}"));
    let received: contract::media::Received =
        serde_json::from_slice(&ada.get(&format!("/internal/media/{id}")).await.expect(200).body).unwrap();
    assert_eq!(world.context("media").objects.get(&received.object, 1 << 30).await.unwrap(), file);
    assert_eq!(received.sha256, hex::encode(sha2::Sha256::digest(file)));
    ada.get(&format!("/v1/media/{id}")).await.expect(200).json()
}

#[tokio::test]
async fn options_lists_what_is_supported() {
    let world = World::of(&[media::service()]).await;
    let anonymous = world.anonymous();
    let options = anonymous.send(anonymous.request(Method::OPTIONS, "/v1/uploads")).await.expect(204);
    assert_eq!(options.header("tus-version"), "1.0.0");
    assert_eq!(options.header("tus-resumable"), "1.0.0");
    assert_eq!(options.header("tus-max-size"), (4_u64 << 30).to_string());
    assert_eq!(options.header("tus-checksum-algorithm"), "sha1,sha256");
    for extension in ["creation", "creation-with-upload", "checksum", "expiration", "termination"] {
        assert!(options.header("tus-extension").split(',').any(|name| name == extension), "{extension}");
    }
    let ada = world.ada();
    ada.send(ada.request(Method::POST, "/v1/uploads").header("upload-length", 10))
        .await
        .refused(412, "media.tus_version");
    world.end().await;
}

#[tokio::test]
async fn parts_become_an_item_and_the_response_is_repeated() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(300, 200, 2 * MB, 4);
    let location = begin(&ada, file.len()).await;
    assert_eq!(head(&ada, &location).await.expect(200).header("upload-offset"), "0");
    // The first part is too small to show its format.
    let cuts = [0, 700, 700_000, file.len()];
    for pair in cuts.windows(2) {
        let response = patch(&ada, &location, pair[0], &file[pair[0]..pair[1]], None).await.expect(204);
        assert_eq!(response.header("upload-offset"), pair[1].to_string());
        let head = head(&ada, &location).await.expect(200);
        assert_eq!(
            (head.header("upload-offset"), head.header("upload-length")),
            (pair[1].to_string().as_str(), file.len().to_string().as_str())
        );
        assert_eq!(head.header("cache-control"), "no-store");
        assert_eq!(head.header("tutti-media-id"), response.header("tutti-media-id"));
    }
    let done = head(&ada, &location).await.expect(200);
    let item = expect_item(&world, &done, &file).await;
    assert_eq!(
        (&item["name"], &item["content_type"], &item["width"]),
        (&"big.png".into(), &"image/png".into(), &300.into())
    );
    assert_eq!(item["tags"], serde_json::json!(["a", "b"]));
    // The last response may be lost: sent again, the request receives it again.
    let again = patch(&ada, &location, file.len(), b"", None).await.expect(204);
    assert_eq!(again.header("tutti-media-id"), done.header("tutti-media-id"));
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn creation_may_bring_the_bytes_along() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(30, 20, 200_000, 4);
    let create = |bytes: &[u8]| {
        ada.request(Method::POST, "/v1/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", file.len())
            .header("content-type", STREAM)
            .body(bytes.to_vec())
    };
    let whole = ada.send(create(&file)).await.expect(201);
    assert_eq!(whole.header("upload-offset"), file.len().to_string());
    expect_item(&world, &whole, &file).await;
    let part = ada.send(create(&file[..5000])).await.expect(201);
    assert_eq!(part.header("upload-offset"), "5000");
    let done = patch(&ada, part.header("location"), 5000, &file[5000..], None).await.expect(204);
    expect_item(&world, &done, &file).await;
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_dropped_connection_goes_on_where_it_was() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(300, 200, 3 * MB, 6);
    let location = begin(&ada, file.len()).await;
    let mut offset = 0;
    for _ in 0..3 {
        let mut connection = patch_by_hand(&world, &ada, &location, offset, file.len() - offset).await;
        assert!(connection.send(&file[offset..offset + 700_000]).await);
        drop(connection);
        let before = offset;
        world.wait_for("the bytes so far are durable", async || (received(&world).await > before).then_some(())).await;
        offset = head(&ada, &location).await.expect(200).header("upload-offset").parse().unwrap();
        assert!(offset > before);
        assert!(offset <= before + 700_000);
    }
    let done = patch(&ada, &location, offset, &file[offset..], None).await.expect(204);
    expect_item(&world, &done, &file).await;
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_connection_that_hangs_holds_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(300, 200, 2 * MB, 7);
    let location = begin(&ada, file.len()).await;
    let mut hanging = patch_by_hand(&world, &ada, &location, 0, file.len()).await;
    assert!(hanging.send(&file[..500_000]).await);
    let started = std::time::Instant::now();
    let offset: usize = world
        .wait_for("the hanging request gives up the upload", async || {
            head(&ada, &location).await.expect(200).header("upload-offset").parse().ok().filter(|at| *at > 0)
        })
        .await;
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
    let response = hanging.read_response().await;
    assert!(response.starts_with("HTTP/1.1 409") && response.contains("media.taken_over"), "{response}");
    let done = patch(&ada, &location, offset, &file[offset..], None).await.expect(204);
    expect_item(&world, &done, &file).await;
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_checksum_keeps_a_request_whole_or_not_at_all() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(300, 200, 300_000, 8);
    let location = begin(&ada, file.len()).await;
    let sha1 = |bytes: &[u8]| format!("sha1 {}", base64(&sha1::Sha1::digest(bytes)));
    let sha256 = |bytes: &[u8]| format!("sha256 {}", base64(&sha2::Sha256::digest(bytes)));
    let at = async || head(&ada, &location).await.expect(200).header("upload-offset").to_owned();
    patch(&ada, &location, 0, &file[..100_000], Some(sha1(b"other"))).await.refused(460, "media.checksum_mismatch");
    assert_eq!(at().await, "0");
    expect_no_orphans(&world).await;
    patch(&ada, &location, 0, &file[..100_000], Some(sha1(&file[..100_000]))).await.expect(204);
    patch(&ada, &location, 100_000, &file[100_000..150_000], Some(sha256(b"other")))
        .await
        .refused(460, "media.checksum_mismatch");
    assert_eq!(at().await, "100000");
    patch(&ada, &location, 100_000, &file[100_000..], Some("md5 AAAA".into()))
        .await
        .refused(400, "media.bad_upload_request");
    let done = patch(&ada, &location, 100_000, &file[100_000..], Some(sha256(&file[100_000..]))).await.expect(204);
    expect_item(&world, &done, &file).await;
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_upload_with_all_bytes_is_completed_by_the_next_request() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(30, 20, 5000, 1);
    let location = begin(&ada, 9000).await;
    patch(&ada, &location, 0, &file, None).await.expect(204);
    // As if the process had crashed between the last byte and the item.
    set(&world, "update upload set length = received").await;
    let done = head(&ada, &location).await.expect(200);
    expect_item(&world, &done, &file).await;
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_upload_whose_bytes_are_missing_starts_again() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(30, 20, 50_000, 1);
    let location = begin(&ada, file.len()).await;
    patch(&ada, &location, 0, &file[..30_000], None).await.expect(204);
    for key in crate::fixtures::objects(&world).await {
        world.context("media").objects.remove(&key.parse().unwrap()).await.unwrap();
    }
    patch(&ada, &location, 30_000, &file[30_000..], None).await.refused(409, "media.wrong_offset");
    assert_eq!(head(&ada, &location).await.expect(200).header("upload-offset"), "0");
    let done = patch(&ada, &location, 0, &file, None).await.expect(204);
    expect_item(&world, &done, &file).await;
    world.end().await;
}

#[tokio::test]
async fn a_hash_whose_state_cannot_be_read_is_made_again() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(30, 20, 3 * MB, 1);
    let location = begin(&ada, file.len()).await;
    patch(&ada, &location, 0, &file[..2 * MB + 7], None).await.expect(204);
    set(&world, "update upload set hash_state = null").await;
    let done = patch(&ada, &location, 2 * MB + 7, &file[2 * MB + 7..], None).await.expect(204);
    expect_item(&world, &done, &file).await;
    world.end().await;
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let location = begin(&ada, 5000).await;
    assert_eq!(head(&bob, &location).await.status, 404);
    assert_eq!(head(&anonymous, &location).await.status, 401);
    patch(&bob, &location, 0, b"x", None).await.refused(404, "media.no_such_upload");
    patch(&anonymous, &location, 0, b"x", None).await.refused(401, "auth.required");
    bob.send(bob.request(Method::DELETE, &location).header("tus-resumable", "1.0.0"))
        .await
        .refused(404, "media.no_such_upload");
    ada.send(ada.request(Method::DELETE, &location).header("tus-resumable", "1.0.0")).await.expect(204);
    assert_eq!(head(&ada, &location).await.status, 404);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn requests_that_do_not_fit_are_refused() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(30, 20, 5000, 1);
    let location = begin(&ada, file.len()).await;
    patch(&ada, &location, 10, &file, None).await.refused(409, "media.wrong_offset");
    patch(&ada, &location, 0, &[file.as_slice(), b"more"].concat(), None).await.refused(400, "media.too_much");
    let post = |name: &'static str, value: &'static str| {
        ada.send(ada.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header(name, value))
    };
    post("upload-length", "-1").await.refused(400, "media.bad_upload_request");
    post("upload-length", "0").await.refused(422, "media.empty");
    post("upload-length", "4294967297").await.refused(413, "media.too_large");
    post("upload-defer-length", "1").await.refused(400, "media.bad_upload_request");
    let partial = ada.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0");
    let refused = ada.send(partial.header("upload-length", 5).header("upload-concat", "partial")).await;
    assert!(refused.refused(400, "media.bad_upload_request").to_string().contains("parallelUploads"));
    let typed = ada
        .request(Method::PATCH, &location)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", 0)
        .header("content-type", "image/png")
        .body(file.clone());
    ada.send(typed).await.refused(415, "media.not_offset_stream");
    // Through a network that lets only GET and POST pass, with the type that a generated client knows.
    let overridden = ada
        .request(Method::POST, &location)
        .header("tus-resumable", "1.0.0")
        .header("x-http-method-override", "PATCH")
        .header("upload-offset", 0);
    ada.send(overridden.header("content-type", "application/octet-stream").body(file)).await.expect(204);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_refused_file_ends_the_upload_early() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let mut page = b"<!doctype html>".to_vec();
    page.resize(3 * MB, b' ');
    let location = begin(&ada, page.len()).await;
    let mut at = 0;
    // In small parts, none of which shows the format alone.
    let refused = loop {
        let response = patch(&ada, &location, at, &page[at..at + 300], None).await;
        at += 300;
        if response.status != 204 {
            break response;
        }
        assert!(at < 70_000, "refused within the first 64 KB");
    };
    refused.refused(415, "media.unsupported_type");
    assert_eq!(head(&ada, &location).await.status, 404);
    let photo = png(20_000, 20_000, 3 * MB, 1);
    let location = begin(&ada, photo.len()).await;
    patch(&ada, &location, 0, &photo[..5000], None).await.refused(422, "media.too_many_pixels");
    assert_eq!(head(&ada, &location).await.status, 404);
    expect_nothing_stored(&world).await;
    world.end().await;
}
