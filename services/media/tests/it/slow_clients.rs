//! Clients that are too fast, too slow, or disconnected.

use std::time::{Duration, Instant};

use testkit::World;

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png};
use crate::raw_http::RawConnection;

const MB: usize = 1 << 20;

fn refused(response: &str, status: &str, code: &str) {
    assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
    assert!(response.contains(&format!("\"code\":\"{code}\"")), "{response}");
}

#[tokio::test]
async fn a_refusal_comes_while_the_file_still_arrives() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let started = Instant::now();
    // A gigabyte is announced; the first 64 KB show the format.
    let mut connection = RawConnection::request(&world, &ada, "POST /v1/media", "content-length: 1073741824").await;
    let mut page = b"%PDF-1.7\n".to_vec();
    page.resize(64 * 1024, b'x');
    assert!(connection.send(&page).await);
    let response = connection.read_response().await;
    refused(&response, "415", "media.unsupported_type");
    assert!(response.to_lowercase().contains("connection: close"), "{response}");
    // A client that sends on regardless is disconnected soon.
    while connection.send(&page).await {
        assert!(started.elapsed() < Duration::from_secs(15), "the rest is still taken");
    }
    assert!(connection.is_closed().await);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_size_is_refused_as_soon_as_it_is_known() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    // More than any kind may have: no byte is needed.
    let mut connection =
        RawConnection::request(&world, &ada, "POST /v1/media", "content-length: 5368709120\r\nexpect: 100-continue")
            .await;
    refused(&connection.read_response().await, "413", "media.too_large");
    // More than a photo may have: its first bytes are needed.
    let mut connection =
        RawConnection::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", 26 * MB)).await;
    assert!(connection.send(&png(100, 100, 26 * MB, 0)[..4096]).await);
    refused(&connection.read_response().await, "413", "media.too_large");
    // In a form, everything but the file is small.
    let mut connection = RawConnection::request(
        &world,
        &ada,
        "POST /v1/media",
        &format!("content-type: multipart/form-data; boundary=b\r\ncontent-length: {}", 30 * MB),
    )
    .await;
    assert!(connection.send(b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n").await);
    assert!(connection.send(&png(100, 100, 29 * MB, 0)[..4096]).await);
    refused(&connection.read_response().await, "413", "media.too_large");
    // Without an announced length, the bytes are counted.
    let mut connection = RawConnection::request(&world, &ada, "POST /v1/media", "transfer-encoding: chunked").await;
    let photo = png(100, 100, 27 * MB, 0);
    for chunk in photo.chunks(MB) {
        let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
        framed.extend_from_slice(chunk);
        framed.extend(b"\r\n");
        if !connection.send(&framed).await {
            break;
        }
    }
    refused(&connection.read_response().await, "413", "media.too_large");
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_refusal_before_the_first_byte_reaches_a_client_that_sends_on() {
    let world = World::builder().set("media.quota_items=0").start(&[media::service()]).await;
    let file = png(100, 100, 3 * MB, 1);
    for (member, status, code) in
        [(world.ada(), "403", "media.quota_items"), (world.ada().with_token("x.y.z"), "401", "auth.invalid_token")]
    {
        let mut connection =
            RawConnection::request(&world, &member, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(connection.send(&file).await);
        refused(&connection.read_response().await, status, code);
    }
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_client_that_disconnects_leaves_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 3 * MB, 1);
    for polite in [false, true] {
        let mut connection =
            RawConnection::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(connection.send(&file[..2 * MB]).await);
        if polite {
            connection.shutdown_write().await;
            assert!(connection.is_closed().await);
        }
        drop(connection);
    }
    let mut connection = RawConnection::request(
        &world,
        &ada,
        "POST /v1/media",
        "content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked",
    )
    .await;
    let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n";
    assert!(connection.send(format!("{:x}\r\n", head.len()).as_bytes()).await);
    assert!(connection.send(head).await);
    assert!(connection.send(b"\r\n100000\r\n").await);
    assert!(connection.send(&file[..MB]).await);
    // The chunked body ends properly, but in the middle of the file.
    assert!(connection.send(b"\r\n0\r\n\r\n").await);
    refused(&connection.read_response().await, "400", "media.incomplete");
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_slow_client_is_refused_and_a_steady_one_is_not() {
    let world = World::builder()
        .set("media.min_rate_window_seconds=3")
        .set("media.min_bytes_per_second=200")
        .start(&[media::service()])
        .await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let length = format!("content-length: {}", file.len());
    let mut slow = RawConnection::request(&world, &ada, "POST /v1/media", &length).await;
    assert!(slow.send(&file[..500]).await);
    let mut dripping = RawConnection::request(&world, &ada, "POST /v1/media", &length).await;
    let mut steady = RawConnection::request(&world, &ada, "POST /v1/media", &length).await;
    // The steady client takes longer than a window.
    for (drop, chunk) in file.chunks(1000).enumerate() {
        let _ = dripping.send(&file[drop..=drop]).await;
        assert!(steady.send(chunk).await);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    refused(&slow.read_response().await, "408", "media.too_slow");
    refused(&dripping.read_response().await, "408", "media.too_slow");
    let response = steady.read_response().await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn too_many_concurrent_uploads_receive_503() {
    let world = World::builder().set("media.max_concurrent_uploads=1").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let mut first =
        RawConnection::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
    assert!(first.send(&file[..5000]).await);
    let again = async || ada.send(ada.request(http::Method::POST, "/v1/media").body(file.clone())).await;
    world.wait_for("the place is taken", async || (again().await.status == 503).then_some(())).await;
    let busy = again().await.refused(503, "media.busy");
    assert!(!busy.header("retry-after").is_empty());
    assert!(first.send(&file[5000..]).await);
    let response = first.read_response().await;
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    again().await.expect(201);
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn clients_that_stall_delay_no_others_and_may_continue() {
    let world = World::builder().set("media.max_concurrent_body_reads=1").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut connection =
            RawConnection::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(connection.send(&file[..5000]).await);
        stalled.push(connection);
    }
    // Four uploads want the only read slot; three of their clients have stopped in the middle.
    ada.send(ada.request(http::Method::POST, "/v1/media").body(file.clone())).await.expect(201);
    for mut connection in stalled {
        assert!(connection.send(&file[5000..]).await);
        let response = connection.read_response().await;
        assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    }
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn disconnects_and_garbage_among_many_uploads_leave_only_what_was_accepted() {
    let world = std::sync::Arc::new(World::of(&[media::service()]).await);
    let sends = (0..300_usize).map(|n| {
        let world = world.clone();
        tokio::spawn(async move {
            let member = world.member(["ada", "bob", "eve"][n % 3]);
            let mut file = png(10, 10, 20_000 + n * 400, (n % 251) as u8);
            if n % 5 == 0 {
                file[..8].copy_from_slice(b"rubbish!");
            }
            let response = loop {
                let target = format!("POST /v1/media?name={n}.png");
                let length = format!("content-length: {}", file.len());
                let mut connection = RawConnection::request(&world, &member, &target, &length).await;
                let (first, rest) = file.split_at(file.len() / 2);
                connection.send(first).await;
                if n % 7 == 0 {
                    return false;
                }
                connection.send(rest).await;
                let response = connection.read_response().await;
                if !response.starts_with("HTTP/1.1 503") {
                    break response;
                }
                // A slow machine refuses what would wait for too long; the client does what `Retry-After` says.
                refused(&response, "503", "media.busy");
                tokio::time::sleep(Duration::from_secs(3)).await;
            };
            if n % 5 == 0 {
                refused(&response, "415", "media.unsupported_type");
            } else {
                assert!(response.starts_with("HTTP/1.1 201"), "{response}");
            }
            n % 5 != 0
        })
    });
    let accepted = futures::future::join_all(sends).await.into_iter().filter(|sent| *sent.as_ref().unwrap()).count();
    let whole = (0..300_usize).filter(|n| n % 7 != 0 && n % 5 != 0).count();
    assert_eq!(accepted, whole, "each upload that was sent whole is accepted");
    expect_no_orphans(&world).await;
    assert_eq!(crate::fixtures::objects(&world).await.len(), accepted);
    assert_eq!(crate::library::published_events::<contract::media::Received>(&world).await.len(), accepted);
    std::sync::Arc::into_inner(world).unwrap().end().await;
}
