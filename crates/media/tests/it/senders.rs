//! Senders that are too fast, too slow, or gone.

use std::time::{Duration, Instant};

use testkit::World;

use crate::kitchen::{expect_empty, expect_tidy, png};
use crate::wire::Wire;

const MB: usize = 1 << 20;

fn refused(answer: &str, status: &str, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
}

#[tokio::test]
async fn a_refusal_comes_while_the_file_still_arrives() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let started = Instant::now();
    // A gigabyte is announced; the first 64 KB say what it is.
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", "content-length: 1073741824").await;
    let mut page = b"%PDF-1.7\n".to_vec();
    page.resize(64 * 1024, b'x');
    assert!(wire.say(&page).await);
    let answer = wire.answer().await;
    refused(&answer, "415", "media.unsupported_type");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    // A sender that goes on regardless is cut off soon.
    while wire.say(&page).await {
        assert!(started.elapsed() < Duration::from_secs(15), "the rest is still taken");
    }
    assert!(wire.closes().await);
    expect_empty(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_size_is_refused_as_soon_as_it_is_known() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    // More than anything may have: not a byte is needed.
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", "content-length: 5368709120\r\nexpect: 100-continue").await;
    refused(&wire.answer().await, "413", "media.too_large");
    // More than a photo may have: its first bytes are needed.
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", 26 * MB)).await;
    assert!(wire.say(&png(100, 100, 26 * MB, 0)[..4096]).await);
    refused(&wire.answer().await, "413", "media.too_large");
    // In a form: all of it but the file is small.
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", &format!("content-type: multipart/form-data; boundary=b\r\ncontent-length: {}", 30 * MB)).await;
    assert!(wire.say(b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n").await);
    assert!(wire.say(&png(100, 100, 29 * MB, 0)[..4096]).await);
    refused(&wire.answer().await, "413", "media.too_large");
    // Not announced: counted.
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", "transfer-encoding: chunked").await;
    let photo = png(100, 100, 27 * MB, 0);
    for chunk in photo.chunks(MB) {
        let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
        framed.extend_from_slice(chunk);
        framed.extend(b"\r\n");
        if !wire.say(&framed).await {
            break;
        }
    }
    refused(&wire.answer().await, "413", "media.too_large");
    expect_empty(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_refusal_before_the_first_byte_reaches_a_sender_that_sends_on() {
    let world = World::builder().set("media.quota_items=0").start(&[media::service()]).await;
    let file = png(100, 100, 3 * MB, 1);
    for (member, status, code) in [(world.ada(), "403", "media.quota_items"), (world.ada().with_token("x.y.z"), "401", "auth.invalid_token")] {
        let mut wire = Wire::request(&world, &member, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(wire.say(&file).await);
        refused(&wire.answer().await, status, code);
    }
    expect_empty(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_sender_that_vanishes_leaves_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 3 * MB, 1);
    for polite in [false, true] {
        let mut wire = Wire::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(wire.say(&file[..2 * MB]).await);
        if polite {
            wire.hush().await;
            assert!(wire.closes().await);
        }
        drop(wire);
    }
    let mut wire = Wire::request(&world, &ada, "POST /v1/media", "content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked").await;
    let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n";
    assert!(wire.say(format!("{:x}\r\n", head.len()).as_bytes()).await);
    assert!(wire.say(head).await);
    assert!(wire.say(b"\r\n100000\r\n").await);
    assert!(wire.say(&file[..MB]).await);
    // The form ends politely, but in the middle of its file.
    assert!(wire.say(b"\r\n0\r\n\r\n").await);
    refused(&wire.answer().await, "400", "media.incomplete");
    expect_empty(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_slow_sender_is_told_so_and_a_steady_one_is_not() {
    let world = World::builder().set("media.slow_window_seconds=3").set("media.slow_bytes_per_second=200").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let length = format!("content-length: {}", file.len());
    let mut slow = Wire::request(&world, &ada, "POST /v1/media", &length).await;
    assert!(slow.say(&file[..500]).await);
    let mut dripping = Wire::request(&world, &ada, "POST /v1/media", &length).await;
    let mut steady = Wire::request(&world, &ada, "POST /v1/media", &length).await;
    // The steady one is at it for longer than a window.
    for (drop, chunk) in file.chunks(1000).enumerate() {
        let _ = dripping.say(&file[drop..=drop]).await;
        assert!(steady.say(chunk).await);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    refused(&slow.answer().await, "408", "media.too_slow");
    refused(&dripping.answer().await, "408", "media.too_slow");
    let answer = steady.answer().await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    expect_tidy(&world).await;
    world.end().await;
}

#[tokio::test]
async fn more_uploads_than_there_are_places_are_told_to_come_back() {
    let world = World::builder().set("media.uploads_at_once=1").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let mut first = Wire::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
    assert!(first.say(&file[..5000]).await);
    let again = async || ada.send(ada.request(http::Method::POST, "/v1/media").body(file.clone())).await;
    world.wait_for("the place is taken", async || (again().await.status == 503).then_some(())).await;
    let busy = again().await.refused(503, "media.busy");
    assert!(!busy.header("retry-after").is_empty());
    assert!(first.say(&file[5000..]).await);
    let answer = first.answer().await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    again().await.expect(201);
    expect_tidy(&world).await;
    world.end().await;
}

#[tokio::test]
async fn senders_that_dawdle_keep_nobody_waiting_and_may_go_on() {
    let world = World::builder().set("media.bodies_at_once=1").start(&[media::service()]).await;
    let ada = world.ada();
    let file = png(100, 100, 9000, 1);
    let mut dawdlers = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::request(&world, &ada, "POST /v1/media", &format!("content-length: {}", file.len())).await;
        assert!(wire.say(&file[..5000]).await);
        dawdlers.push(wire);
    }
    // The only turn is asked for by four, three of whom have stopped in the middle.
    ada.send(ada.request(http::Method::POST, "/v1/media").body(file.clone())).await.expect(201);
    for mut wire in dawdlers {
        assert!(wire.say(&file[5000..]).await);
        let answer = wire.answer().await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    expect_tidy(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_in_which_some_vanish_and_some_send_rubbish_leaves_only_what_was_accepted() {
    let world = std::sync::Arc::new(World::of(&[media::service()]).await);
    let sends = (0..300_usize).map(|n| {
        let world = world.clone();
        tokio::spawn(async move {
            let member = world.member(["ada", "bob", "eve"][n % 3]);
            let mut file = png(10, 10, 20_000 + n * 400, (n % 251) as u8);
            if n % 5 == 0 {
                file[..8].copy_from_slice(b"rubbish!");
            }
            let mut wire = Wire::request(&world, &member, &format!("POST /v1/media?name={n}.png"), &format!("content-length: {}", file.len())).await;
            let (first, rest) = file.split_at(file.len() / 2);
            wire.say(first).await;
            if n % 7 == 0 {
                return false;
            }
            wire.say(rest).await;
            let answer = wire.answer().await;
            if n % 5 == 0 {
                refused(&answer, "415", "media.unsupported_type");
            } else {
                assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
            }
            n % 5 != 0
        })
    });
    let accepted = futures::future::join_all(sends).await.into_iter().filter(|sent| *sent.as_ref().unwrap()).count();
    expect_tidy(&world).await;
    assert_eq!(crate::kitchen::objects(&world).await.len(), accepted);
    assert_eq!(crate::library::told::<contract::media::Received>(&world).await.len(), accepted);
    std::sync::Arc::into_inner(world).unwrap().end().await;
}
