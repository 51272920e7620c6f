//! Many writers at once, through four instances of the service: what quotas and offsets still promise then.
//!
//! On PostgreSQL each instance has its own connections, as a process would. Invariant: an instance shares nothing with
//! another one but the database and the object store.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use db::{FromQueryResult, Sql as _};
use http::{Method, Request, Response};
use testkit::engines::shared_s3;
use testkit::{TestClient, World};
use tower::ServiceExt as _;

use crate::fixtures::{expect_exact_objects, expect_no_orphans, png};

const INSTANCES: usize = 4;
const OFFSET_STREAM: &str = "application/offset+octet-stream";

async fn instances(world: &World) -> Arc<Vec<Router>> {
    Arc::new(world.instances(&media::service(), INSTANCES).await)
}

/// Sends a request to one of the instances.
async fn call(
    router: &Router,
    member: &TestClient,
    method: Method,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Response<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", member.token().unwrap_or_default()))
        .header("content-length", body.len())
        .header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The usage that is charged to a member, and what the rows of their items say.
#[derive(Debug, FromQueryResult)]
struct Sums {
    items: i64,
    bytes: i64,
}

async fn sums(world: &World, text: &str) -> (i64, i64) {
    let row: Option<Sums> = world.context("media").db.read().row(text, vec![]).await.unwrap();
    row.map_or((0, 0), |row| (row.items, row.bytes))
}

const CHARGED: &str = "select items, bytes from usage";
const STORED: &str = "select count(*) as items, cast(coalesce(sum(bytes), 0) as bigint) as bytes from item";
const OPEN: &str = "
    select count(*) as items, cast(coalesce(sum(length), 0) as bigint) as bytes
      from upload
     where item is null";

/// Sends one file: whole, or as an upload that has all its bytes at once.
async fn send_one(router: &Router, member: &TestClient, number: usize) -> u16 {
    let file = png(9, 9, 3000, u8::try_from(number % 250).unwrap());
    let whole = [("content-type", "image/png".to_owned())];
    let upload = [("content-type", OFFSET_STREAM.to_owned()), ("upload-length", file.len().to_string())];
    let (path, headers): (_, &[_]) =
        if number.is_multiple_of(2) { ("/v1/media", &whole) } else { ("/v1/uploads", &upload) };
    call(router, member, Method::POST, path, headers, file).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_writers_in_four_instances_never_pass_a_quota() {
    let world = World::builder()
        .set("media.quota_items=10")
        .set("media.quota_bytes=40000")
        .set("media.max_open_uploads=6")
        .start(&[media::service()])
        .await;
    let (routers, ada) = (instances(&world).await, Arc::new(world.ada()));
    let sent = (0..200_usize).map(|number| {
        let (routers, ada) = (routers.clone(), ada.clone());
        tokio::spawn(async move { send_one(&routers[number % INSTANCES], &ada, number).await })
    });
    let statuses: Vec<u16> = futures::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
    assert!(statuses.iter().all(|status| [201, 403].contains(status)), "{statuses:?}");
    let (stored, open) = (sums(&world, STORED).await, sums(&world, OPEN).await);
    assert_eq!(sums(&world, CHARGED).await, stored, "what is charged is what is stored");
    assert!(stored.0 <= 10 && stored.0 > 0 && open.0 <= 6, "{stored:?}, {open:?}");
    assert!(stored.1 + open.1 <= 40_000, "{stored:?}, {open:?}");
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_come_and_go_at_once_leave_an_exact_charge() {
    let world = World::of(&[media::service()]).await;
    let (routers, ada) = (instances(&world).await, Arc::new(world.ada()));
    // Equal bytes share an object, and each item is removed through another instance than the one that received it.
    let sent = (0..80_usize).map(|number| {
        let (routers, ada) = (routers.clone(), ada.clone());
        tokio::spawn(async move {
            let file = png(9, 9, 3000, u8::try_from(number % 3).unwrap());
            let from = [("content-type", "image/png".to_owned())];
            let sent = call(&routers[number % INSTANCES], &ada, Method::POST, "/v1/media", &from, file).await;
            assert_eq!(sent.status(), 201);
            if number % 4 != 0 {
                let other = &routers[(number + 1) % INSTANCES];
                let path = format!("{}?purge=true", header(&sent, "location"));
                let removed = call(other, &ada, Method::DELETE, &path, &[], Vec::new()).await;
                assert_eq!(removed.status(), 204);
            }
        })
    });
    for sent in futures::future::join_all(sent).await {
        sent.unwrap();
    }
    assert_eq!(sums(&world, STORED).await, (20, 60_000));
    assert_eq!(sums(&world, CHARGED).await, (20, 60_000));
    expect_no_orphans(&world).await;
    world.end().await;
}

/// Returns the offset of an upload, as an instance states it.
async fn offset(router: &Router, member: &TestClient, upload: &str) -> usize {
    let state = call(router, member, Method::HEAD, upload, &[], Vec::new()).await;
    assert_eq!(state.status(), 200);
    header(&state, "upload-offset").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_four_instances_write_at_once_has_every_byte_once() {
    const PIECE: usize = 10_000;
    // A folder of objects belongs to one process.
    let s3 = tokio::task::spawn_blocking(shared_s3).await.unwrap();
    let builder = s3.account.settings(&s3.prefix).iter().fold(World::builder(), |world, setting| world.set(setting));
    let world = builder.start(&[media::service()]).await;
    let (routers, ada) = (instances(&world).await, Arc::new(world.ada()));
    let file = Arc::new(png(9, 9, 5 * PIECE, 7));
    let length = [("upload-length", file.len().to_string())];
    let begun = call(&routers[0], &ada, Method::POST, "/v1/uploads", &length, Vec::new()).await;
    let upload: Arc<str> = header(&begun, "location").into();
    let mut at = 0;
    for round in 0.. {
        assert!(round < 100, "the upload stands still at {at}");
        // All of them send the same bytes; those that lose are told, and change nothing.
        let writers = (0..40_usize).map(|number| {
            let (routers, ada, file, upload) = (routers.clone(), ada.clone(), file.clone(), upload.clone());
            tokio::spawn(async move {
                let bytes = file[at..(at + PIECE).min(file.len())].to_vec();
                let headers = [("upload-offset", at.to_string()), ("content-type", OFFSET_STREAM.to_owned())];
                let router = &routers[number % INSTANCES];
                let response = call(router, &ada, Method::PATCH, &upload, &headers, bytes).await;
                let status = response.status().as_u16();
                (status, axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap())
            })
        });
        for answered in futures::future::join_all(writers).await {
            let (status, body) = answered.unwrap();
            assert!([204, 409, 503].contains(&status), "{status}: {}", String::from_utf8_lossy(&body));
        }
        let now = offset(&routers[round % INSTANCES], &ada, &upload).await;
        assert!(now >= at && now <= at + PIECE, "from {at} to {now}");
        at = now;
        if at == file.len() {
            break;
        }
    }
    assert_eq!(sums(&world, STORED).await, (1, 5 * 10_000));
    assert_eq!(sums(&world, CHARGED).await, (1, 5 * 10_000));
    let done = call(&routers[1], &ada, Method::HEAD, &upload, &[], Vec::new()).await;
    let item = ada.get(&format!("/internal/media/{}", header(&done, "tutti-media-id"))).await.expect(200);
    let item: contract::media::Received = serde_json::from_slice(&item.body).unwrap();
    assert_eq!(world.context("media").objects.get(&item.object, 1 << 20).await.unwrap(), *file);
    expect_exact_objects(&world).await;
    world.end().await;
}
