//! What browsers send on their own: cookies, and requests of pages on other origins.

use http::Method;

use crate::harness::Harness;

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_forwarded_on_session_routes_only() {
    let harness = Harness::start(&[]).await;
    let anonymous = harness.world.anonymous();
    for (path, passes) in [
        ("/v1/sessions/refresh", true),
        ("/v1/accounts", true),
        ("/v1/media", false),
        ("/v1/files/a.jpg", false),
        ("/v1/accounts/ada", false),
    ] {
        let response = anonymous
            .send(
                anonymous.request(Method::GET, path).header("cookie", "__Host-tutti-session=a").header("cookie", "b=c"),
            )
            .await
            .expect(200);
        let seen = harness.received().pop().unwrap();
        assert_eq!(seen.headers.contains_key("cookie"), passes, "to {path}");
        assert_eq!(response.headers.contains_key("set-cookie"), passes, "from {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_send_and_read_what_upload_clients_use() {
    let harness = Harness::start(&["gateway.allowed_origins=[\"https://app.example\"]"]).await;
    let anonymous = harness.world.anonymous();
    // What tus-js-client and Uppy send, and what docs/guides/sending.md says that a page may read.
    let sent = "tus-resumable,upload-length,upload-metadata,upload-offset,x-http-method-override,x-request-id";
    let asks = anonymous.request(Method::OPTIONS, "/v1/media").header("origin", "https://app.example");
    let asks = asks.header("access-control-request-method", "POST").header("access-control-request-headers", sent);
    let allowed = anonymous.send(asks).await.expect(200);
    let allowed = allowed.header("access-control-allow-headers");
    for name in sent.split(',') {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} is not in {allowed}");
    }
    let response = anonymous.request(Method::GET, "/v1/media").header("origin", "https://app.example");
    let response = anonymous.send(response).await.expect(200);
    let exposed = response.header("access-control-expose-headers");
    for name in ["location", "upload-offset", "tutti-media", "tutti-media-id"] {
        assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{name} is not in {exposed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_are_never_allowed_credentials() {
    let harness = Harness::start(&["gateway.allowed_origins=[\"https://app.example\"]"]).await;
    let anonymous = harness.world.anonymous();
    let asks =
        anonymous.request(Method::OPTIONS, "/v1/sessions/refresh").header("access-control-request-method", "POST");
    let asks = asks.header("access-control-request-headers", "content-type, tutti-session");
    let allowed = anonymous.send(asks.header("origin", "https://app.example")).await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(!allowed.header("access-control-allow-headers").contains("tutti-session"), "{allowed}");
    for origin in ["https://app.example", "https://evil.example", "null"] {
        let response =
            anonymous.send(anonymous.request(Method::GET, "/v1/media").header("origin", origin)).await.expect(200);
        assert!(!response.headers.contains_key("access-control-allow-credentials"), "{response}");
        assert_eq!(
            response.headers.contains_key("access-control-allow-origin"),
            origin == "https://app.example",
            "{response}"
        );
    }
}
