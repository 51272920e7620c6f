//! Requests that the gateway refuses before a role receives them.

use std::time::Duration;

use http::Method;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Harness, read_to_end, read_until, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn too_large_requests_are_refused_with_the_limit() {
    let harness = Harness::start(&["gateway.max_body_bytes=1000"]).await;
    let anonymous = harness.world.anonymous();
    let response = anonymous.get(&format!("/v1/media?{}", "a".repeat(9000))).await.refused(414, "request.url_too_long");
    assert!(response.json()["detail"].as_str().unwrap().contains("8192"));
    let many =
        (0..90).fold(anonymous.request(Method::GET, "/v1/media"), |request, at| request.header(format!("x-{at}"), "1"));
    anonymous.send(many).await.refused(431, "request.too_many_headers");
    anonymous
        .send(anonymous.request(Method::POST, "/v1/media").body(vec![0; 1001]))
        .await
        .refused(413, "request.too_large");
    assert!(harness.received().is_empty());
    anonymous.send(anonymous.request(Method::POST, "/v1/media").body(vec![0; 1000])).await.expect(200);
    // Without a Content-Length, the size is known only while the body arrives.
    let chunk = format!("{:x}\r\n{}\r\n", 600, "a".repeat(600));
    let head = "POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let response = harness.send_raw(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 413") && response.contains("request.too_large"), "{response}");
    assert_eq!(harness.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_is_aborted_and_the_role_is_released() {
    let harness = Harness::start(&["gateway.slow_window_seconds=1", "gateway.slow_bytes_per_second=100"]).await;
    let mut stream = harness.connect().await;
    stream.write_all(b"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome").await.unwrap();
    let response = read_to_end(&mut stream).await;
    assert!(response.starts_with("HTTP/1.1 408") && response.contains("request.too_slow"), "{response}");
    wait_until("the role saw the body end", || *harness.role.incomplete_bodies.lock().unwrap() == 1).await;
    assert!(harness.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_upload_may_exceed_the_response_timeout() {
    let harness = Harness::start(&[
        "gateway.response_timeout_seconds=1",
        "gateway.slow_window_seconds=5",
        "gateway.slow_bytes_per_second=10",
    ])
    .await;
    let mut stream = harness.connect().await;
    stream
        .write_all(b"POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n")
        .await
        .unwrap();
    // Six seconds: longer than a window, too.
    for _ in 0..20 {
        stream.write_all(&[7; 1000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(harness.received()[0].body.len(), 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_may_exceed_the_response_timeout() {
    let harness = Harness::start(&["gateway.response_timeout_seconds=1"]).await;
    let mut live = harness.connect().await;
    live.write_all(b"GET /v1/media/m/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut live, "data: 1\n\n").await;
    read_until(&mut live, "data: 2\n\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_say_what_is_left_of_a_rate() {
    let harness = Harness::start(&["gateway.reads_per_second=1"]).await;
    let anonymous = harness.world.anonymous();
    let response = anonymous.get("/v1/media").await.expect(200);
    assert_eq!(response.header("ratelimit-policy"), "\"reads\";q=10;w=10");
    assert!(response.header("ratelimit").starts_with("\"reads\";r="), "{response}");
    // A burst of ten; as slow as the machine is, a hundred are more than it and what time adds.
    let mut refused = None;
    for _ in 0..100 {
        let response = anonymous.get("/v1/media").await;
        if response.status == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("none was refused").refused(429, "request.too_many");
    assert_eq!(refused.header("ratelimit"), "\"reads\";r=0;t=1");
    assert_eq!(refused.header("retry-after"), "1");
    // A member at the same address has a budget of its own. A health check has none: it is let through to its route,
    // which the binary adds to the gateway's.
    let response = harness.world.ada().get("/v1/media").await.expect(200);
    assert_eq!(response.header("ratelimit"), "\"reads\";r=9;t=1");
    anonymous.get("/healthz").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_slow_with_its_body_keeps_no_other_from_the_role() {
    let settings = ["gateway.requests_per_role_at_once=1", "gateway.requests_per_role_at_least=1"];
    let harness = Harness::start(&settings).await;
    let mut slow = harness.connect().await;
    let head = "POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    // The gateway waits for the body now.
    read_until(&mut slow, "100 Continue").await;
    harness.world.anonymous().get("/v1/media").await.expect(200);
    slow.write_all(b"{}").await.unwrap();
    assert!(read_to_end(&mut slow).await.contains("HTTP/1.1 200"));
    assert_eq!(harness.received().pop().unwrap().body, b"{}");
}

/// Returns the head of a POST of JSON with this header about its length.
fn json_head(length: &str) -> String {
    format!(
        "POST /v1/media/m/text HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {length}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_any_length_waits_for_the_role_and_too_much_of_it_is_refused() {
    let settings = ["gateway.requests_per_role_at_once=1", "gateway.requests_per_role_at_least=1"];
    let harness = Harness::start(&settings).await;
    // However its length is said, a body that comes slowly has no permit meanwhile.
    for length in
        ["Content-Length: 60000\r\nExpect: 100-continue", "Transfer-Encoding: chunked\r\nExpect: 100-continue"]
    {
        let mut slow = harness.connect().await;
        slow.write_all(json_head(length).as_bytes()).await.unwrap();
        read_until(&mut slow, "100 Continue").await;
        harness.world.anonymous().get("/v1/media").await.expect(200);
    }
    let received = harness.received().len();
    let response = harness.send_raw(json_head("Content-Length: 65537").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 413") && response.contains("larger than 64 KB"), "{response}");
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "1".repeat(40_000));
    let head = json_head("Transfer-Encoding: chunked");
    let response = harness.send_raw(format!("{head}{chunk}{chunk}0\r\n\r\n").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 413") && response.contains("larger than 64 KB"), "{response}");
    assert_eq!(harness.received().len(), received, "no role received it");
    let response = harness.send_raw(format!("{head}{chunk}0\r\n\r\n").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert_eq!(harness.received().pop().unwrap().body.len(), 40_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_at_its_limit_keeps_neither_other_roles_nor_health_checks_waiting() {
    let settings = ["gateway.requests_per_role_at_once=1", "gateway.requests_per_role_at_least=1"];
    let harness = Harness::start(&settings).await;
    let mut stuck = harness.connect().await;
    stuck.write_all(b"GET /v1/files/never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The role may receive it a little later, but nothing else waits for it.
    let anonymous = harness.world.anonymous();
    anonymous.get("/v1/media").await.expect(200);
    // It gets to its route, which the binary adds to the gateway's.
    anonymous.get("/healthz").await.expect(404);
    let (ada, waiting) = (harness.world.ada(), harness.world.anonymous());
    let (member, other) = (async { ada.get("/v1/files/a").await }, async { waiting.get("/v1/files/b").await });
    // Its client leaves, and those that wait are served.
    let leave = async {
        tokio::task::yield_now().await;
        drop(stuck);
    };
    let (member, other, ()) = tokio::join!(member, other, leave);
    member.expect(200);
    other.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_has_so_many_requests_in_progress_and_streams_beside_them() {
    let harness = Harness::start(&["gateway.requests_per_member_at_once=1"]).await;
    let (ada, bob) = (harness.world.ada(), harness.world.bob());
    let with_token = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", ada.token().unwrap())
    };
    // A stream is counted apart.
    let mut stream = harness.connect().await;
    stream.write_all(with_token("/v1/media/m/events").as_bytes()).await.unwrap();
    read_until(&mut stream, "data: 1\n\n").await;
    ada.get("/v1/media").await.expect(200);
    // Of this one the first part has been sent, so it is in progress.
    let mut running = harness.connect().await;
    running.write_all(with_token("/v1/files/slow").as_bytes()).await.unwrap();
    read_until(&mut running, "HTTP/1.1 200").await;
    let refused = ada.get("/v1/media").await.refused(429, "request.too_many");
    assert_eq!(refused.header("retry-after"), "1");
    bob.get("/v1/media").await.expect(200);
    harness.world.anonymous().get("/v1/media").await.expect(200);
    drop(running);
    harness.role.resume.notify_one();
    for _ in 0..100 {
        if ada.get("/v1/media").await.status == 200 {
            return;
        }
    }
    panic!("the permit of a request that has ended is not released");
}
