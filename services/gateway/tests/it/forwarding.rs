//! Forwarding: bodies are streamed, connection headers are removed, and client, request id and trace are set.

use std::time::Duration;

use http::Method;
use service::FlagsState;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Harness, read_to_end, read_until, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways() {
    let harness = Harness::start(&[]).await;
    let mut stream = harness.connect().await;
    stream
        .write_all(
            b"POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
              6\r\nfirst \r\n",
        )
        .await
        .unwrap();
    // It arrives before the rest is sent.
    wait_until("the first part of the upload has arrived", || *harness.role.body_bytes.lock().unwrap() == b"first ")
        .await;
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(harness.received()[0].body, b"first second");
    let mut stream = harness.connect().await;
    stream.write_all(b"GET /v1/files/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    read_until(&mut stream, "first ").await;
    // Only now does the role send the rest.
    harness.role.resume.notify_one();
    assert!(read_to_end(&mut stream).await.contains("second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_every_response_has_the_epoch() {
    let harness = Harness::start(&[]).await;
    let request = b"GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let before = harness.send_raw(request).await.to_lowercase();
    assert!(!before.contains("tutti-epoch"), "{before}");
    harness.world.process.flags.apply(&FlagsState { off: Vec::new(), epoch: 1_796_028_300_000 });
    let after = harness.send_raw(request).await.to_lowercase();
    assert!(after.contains("tutti-epoch: 1796028300000\r\n"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_headers_are_not_forwarded() {
    let harness = Harness::start(&[]).await;
    let response = harness
        .send_raw(
            b"GET /v1/media HTTP/1.1\r\nHost: tutti.example\r\nConnection: close, X-Private\r\nX-Private: 1\r\n\
              Keep-Alive: timeout=9\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\nX-Public: 2\r\n\r\n",
        )
        .await;
    let seen = &harness.received()[0];
    for gone in ["connection", "x-private", "keep-alive", "te", "proxy-authorization"] {
        assert!(!seen.headers.contains_key(gone), "{gone} was forwarded");
    }
    assert_eq!(
        (seen.headers["x-public"].to_str().unwrap(), seen.headers["host"].to_str().unwrap()),
        ("2", "tutti.example")
    );
    let response = response.to_lowercase();
    assert!(
        response.contains("x-public: 2")
            && !response.contains("x-private")
            && !response.contains("keep-alive: timeout"),
        "{response}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_set_internal_headers() {
    let harness = Harness::start(&[]).await;
    let anonymous = harness.world.anonymous();
    let forged = anonymous
        .request(Method::GET, "/v1/media")
        .header("x-tutti-client", "6.6.6.6")
        .header("x-tutti-deadline-ms", "1")
        .header("x-tutti-anything", "1");
    anonymous.send(forged.header("x-forwarded-for", "6.6.6.6")).await.expect(200);
    let headers = &harness.received()[0].headers;
    assert_eq!(
        (headers["x-tutti-client"].to_str().unwrap(), headers["x-forwarded-for"].to_str().unwrap()),
        ("127.0.0.1", "127.0.0.1")
    );
    assert!(!headers.contains_key("x-tutti-anything"));
    let left: u64 = headers["x-tutti-deadline-ms"].to_str().unwrap().parse().unwrap();
    assert!((10_000..=30_000).contains(&left), "{left} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_address_comes_from_a_trusted_proxy() {
    let harness = Harness::start(&["gateway.trusted_hops=1"]).await;
    let anonymous = harness.world.anonymous();
    anonymous
        .send(anonymous.request(Method::GET, "/v1/media").header("x-forwarded-for", "6.6.6.6, 192.0.2.7"))
        .await
        .expect(200);
    assert_eq!(harness.received()[0].headers["x-tutti-client"].to_str().unwrap(), "192.0.2.7");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_set_the_request_id_or_the_trace() {
    let harness = Harness::start(&[]).await;
    let anonymous = harness.world.anonymous();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for path in ["/v1/media", "/docs/", "/v1/openapi.json", "/nowhere.txt", "/v1/nothing"] {
        let before = harness.received().len();
        let request = anonymous
            .request(Method::GET, path)
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
            .header("tracestate", "a=1")
            .header("baggage", "a=1");
        let response = anonymous.send(request.header("x-request-id", "booth-7-0001")).await;
        let id = response.header("x-request-id").to_owned();
        assert!(id.len() == 32 && !String::from_utf8_lossy(&response.body).contains("booth-7-0001"), "{path}: {id}");
        let Some(seen) = harness.received().split_off(before).pop() else { continue };
        // Behind the gateway it is one request and one trace.
        assert_eq!(seen.headers["x-request-id"].to_str().unwrap(), id);
        let parent = seen.headers["traceparent"].to_str().unwrap();
        assert!(parent.starts_with("00-") && !parent.contains(trace), "{parent}");
        assert!(!seen.headers.contains_key("tracestate") && !seen.headers.contains_key("baggage"));
    }
    assert_eq!(harness.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_headers_are_accepted_from_trusted_proxies_only() {
    let headers = [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-tutti-member",
    ];
    for (hops, kept) in [("0", &[][..]), ("1", &["x-forwarded-host", "x-forwarded-proto"])] {
        let harness = Harness::start(&[&format!("gateway.trusted_hops={hops}")]).await;
        let anonymous = harness.world.anonymous();
        let request = headers
            .iter()
            .fold(anonymous.request(Method::GET, "/v1/media"), |request, name| request.header(*name, "6.6.6.6"));
        anonymous.send(request).await.expect(200);
        let seen = &harness.received()[0].headers;
        let passed: Vec<&str> = headers.into_iter().filter(|name| seen.contains_key(*name)).collect();
        assert_eq!(passed, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_unavailable_or_too_slow_gives_503_or_504() {
    let harness = Harness::start(&["gateway.response_timeout_seconds=1"]).await;
    let anonymous = harness.world.anonymous();
    let late = tokio::time::timeout(Duration::from_secs(20), anonymous.get("/v1/files/never"))
        .await
        .expect("the gateway does not wait for the role");
    late.refused(504, "server.too_late");
    harness.role.tasks.stop(Duration::from_secs(5)).await;
    let away = tokio::time::timeout(Duration::from_secs(20), anonymous.get("/v1/media"))
        .await
        .expect("the gateway does not wait for the role");
    assert!(!away.refused(503, "server.unavailable").header("retry-after").is_empty());
}
