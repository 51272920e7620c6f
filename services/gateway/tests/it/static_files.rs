//! Embedded files: codings, entity tags, and limits.

use std::io::Read as _;
use std::time::Duration;

use http::{Method, StatusCode};
use testkit::World;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Harness, read_to_end, read_until, wait_until};

const BUNDLE: &str = "/docs/swagger-ui-bundle.js";

/// Fetches a path without decoding the body, which the tests' usual client would do.
async fn fetch(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, http::HeaderMap, Vec<u8>) {
    let nobody = world.anonymous();
    let request =
        headers.iter().fold(nobody.request(method, path), |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_coding_has_the_same_content_and_its_own_etag() {
    let world = World::of(&[gateway::service()]).await;
    let mut tags = std::collections::BTreeSet::new();
    let (_, plain_headers, plain) = fetch(&world, Method::GET, BUNDLE, &[]).await;
    assert!(!plain_headers.contains_key("content-encoding") && plain.len() > 1_000_000);
    for (accept, coding) in [
        ("", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.1, gzip;q=0.2", "gzip"),
        ("identity;q=0, gzip", "gzip"),
    ] {
        let (status, headers, bytes) = fetch(&world, Method::GET, BUNDLE, &[("accept-encoding", accept)]).await;
        assert_eq!((status, headers["vary"].to_str().unwrap()), (StatusCode::OK, "accept-encoding"), "{accept}");
        assert_eq!(headers.get("content-encoding").map_or("", |value| value.to_str().unwrap()), coding, "{accept}");
        let mut unpacked = Vec::new();
        match coding {
            "gzip" => drop(flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap()),
            "br" => drop(brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut unpacked).unwrap()),
            _ => unpacked.clone_from(&bytes),
        }
        assert!(unpacked == plain, "{accept}");
        let tag = headers["etag"].to_str().unwrap().to_owned();
        let (status, again, nothing) = fetch(
            &world,
            Method::GET,
            BUNDLE,
            &[("accept-encoding", accept), ("if-none-match", &format!("\"x\", W/{tag}"))],
        )
        .await;
        assert_eq!((status, nothing.len(), again["etag"].to_str().unwrap()), (StatusCode::NOT_MODIFIED, 0, &*tag));
        assert_eq!(again["vary"], "accept-encoding");
        let (status, head, nothing) = fetch(&world, Method::HEAD, BUNDLE, &[("accept-encoding", accept)]).await;
        assert_eq!(
            (status, nothing.len(), head["content-length"].to_str().unwrap()),
            (StatusCode::OK, 0, &*bytes.len().to_string())
        );
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 3, "{tags:?}");
    let (status, _, problem) = fetch(&world, Method::GET, BUNDLE, &[("accept-encoding", "*;q=0")]).await;
    assert!(status == 406 && String::from_utf8_lossy(&problem).contains("request.not_acceptable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn static_routes_have_a_content_type_and_vary() {
    let world = World::of(&[gateway::service()]).await;
    for (path, kind) in [
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/index.html", "text/html; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        ("/docs/swagger-initializer.js", "text/javascript; charset=utf-8"),
        ("/docs/favicon-32x32.png", "image/png"),
        ("/v1/openapi.json", "application/json"),
        ("/v1/asyncapi.json", "application/json"),
    ] {
        let (status, headers, body) = fetch(&world, Method::GET, path, &[("accept-encoding", "gzip")]).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, kind), "{path}");
        assert!(
            headers.contains_key("etag")
                && headers["vary"] == "accept-encoding"
                && headers["x-content-type-options"] == "nosniff"
                && !body.is_empty(),
            "{path}"
        );
    }
    let (_, _, start) = fetch(&world, Method::GET, "/docs/swagger-initializer.js", &[]).await;
    let start = String::from_utf8(start).unwrap();
    assert!(start.contains("'/v1/openapi.json'") && !start.contains("petstore"), "{start}");
    for lost in ["/docs/nothing.js", "/docs/..%2findex.html", "/docs/swagger-ui-bundle.js.map", "/assets/nothing.js"] {
        let (status, headers, body) = fetch(&world, Method::GET, lost, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!((status, headers.get("content-encoding")), (StatusCode::NOT_FOUND, None), "{lost}");
        assert!(String::from_utf8_lossy(&body).contains("request.no_such_url"), "{lost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_counts_as_several_requests() {
    // The bundle has 1.5 MB: it uses up the whole burst of one address.
    let harness = Harness::start(&["gateway.reads_per_second=2"]).await;
    let world = &harness.world;
    assert_eq!(fetch(world, Method::GET, BUNDLE, &[]).await.0, StatusCode::OK);
    let (status, headers, _) = fetch(world, Method::GET, BUNDLE, &[]).await;
    assert!(status == StatusCode::TOO_MANY_REQUESTS && headers.contains_key("retry-after"));
    // Other reads are counted apart, and so are a member's.
    world.anonymous().get("/v1/media").await.expect(200);
    world.ada().get("/v1/media").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_use_all_requests() {
    let harness = Harness::start(&["gateway.anonymous_requests_per_address=2"]).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = harness.connect().await;
        stream.write_all(b"GET /v1/files/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        read_until(&mut stream, "first ").await;
        held.push(stream);
    }
    let nobody = harness.world.anonymous();
    nobody.get("/v1/media").await.refused(429, "request.too_many");
    nobody.get(BUNDLE).await.refused(429, "request.too_many");
    harness.world.ada().get("/v1/media").await.expect(200);
    for _ in 0..2 {
        harness.role.resume.notify_one();
    }
    for stream in &mut held {
        assert!(read_to_end(stream).await.contains("second"));
    }
    // A request that has ended holds no permit. Its last byte may be read a moment before it ends.
    tokio::time::timeout(Duration::from_secs(20), async { while nobody.get(BUNDLE).await.status != 200 {} })
        .await
        .expect("the permits are released");
    wait_until("no stream is open", || harness.world.process.metrics.text().contains("tutti_gateway_streams_open 0"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_token_queue_and_those_of_members_do_not() {
    let harness = Harness::start(&["gateway.anonymous_in_flight_per_address=1"]).await;
    let mut at_work = harness.connect().await;
    at_work.write_all(b"GET /v1/files/never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // The first requests may overtake the one above. Once a request waits, the permit is in use.
    let mut waiting = None;
    for _ in 0..50 {
        let anonymous = harness.world.anonymous();
        let request = tokio::spawn(async move { anonymous.get("/v1/media").await.status });
        tokio::time::sleep(Duration::from_millis(100)).await;
        if !request.is_finished() {
            waiting = Some(request);
            break;
        }
    }
    let waiting = waiting.expect("a request without a token waits");
    harness.world.ada().get("/v1/media").await.expect(200);
    // Embedded files need no in-flight permit.
    harness.world.anonymous().get("/docs/").await.expect(200);
    assert!(!waiting.is_finished());
    drop(at_work);
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
}
