//! The security headers of every response: no sniffing, no framing, no scripts from elsewhere, no referrer, no opener.
//!
//! Sends requests to the real binary's listeners: each operation of docs/openapi.json with each method, the page's
//! files, the documentation, what is refused before any route, and media in each form. Invariant: a new operation is
//! tested without a change here.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::Server;

const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// A photo of one pixel.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Fails the test unless a response has every header. Returns its content security policy.
#[track_caller]
fn assert_secure(what: &str, headers: &HeaderMap) -> String {
    let one = |name: &str| -> &str {
        let mut values = headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("{what} has no {name}: {headers:?}")).to_str().unwrap();
        assert!(values.next().is_none(), "{what} has {name} twice: {headers:?}");
        value
    };
    assert_eq!(one("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(one("x-frame-options"), "DENY", "{what}");
    assert_eq!(one("cross-origin-opener-policy"), "same-origin", "{what}");
    assert!(["no-referrer", "same-origin"].contains(&one("referrer-policy")), "{what}: {headers:?}");
    assert!(["same-origin", "cross-origin"].contains(&one("cross-origin-resource-policy")), "{what}: {headers:?}");
    let content = one("content-security-policy");
    assert!(content.contains("default-src 'none'") && content.contains("frame-ancestors 'none'"), "{what}: {content}");
    assert!(
        !content.contains("unsafe-eval") && !content.contains("script-src 'unsafe-inline'") && !content.contains('*'),
        "{what}: {content}"
    );
    assert!(!headers.contains_key("access-control-allow-credentials"), "{what}: {headers:?}");
    content.to_owned()
}

/// Returns the paths of the API, with filled parameters.
fn paths() -> Vec<String> {
    let document = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_slice(&document).unwrap();
    let mut paths = Vec::new();
    for path in document["paths"].as_object().unwrap().keys() {
        let filled: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "5kT0vYq8Zb3mXw1RcHs9Ga" } else { part }).collect();
        paths.push(filled.join("/"));
    }
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

struct Walk {
    server: Server,
    client: reqwest::Client,
}

impl Walk {
    async fn begin() -> Self {
        base::tls::install_provider();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server: Server::start(&[]).await, client }
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.client.request(method.clone(), format!("{}{path}", self.server.url))
    }

    /// Sends a GET. Returns the status and the content security policy.
    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.request(&Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), assert_secure(path, response.headers()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_and_every_refusal_is_guarded() {
    let walk = Walk::begin().await;
    let ada = walk.server.sign_up("ada").await;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::from_bytes(b"BREW").unwrap(),
    ];
    for path in paths() {
        for method in &methods {
            let anonymous = walk.request(method, &path);
            let signed_in = walk.request(method, &path).bearer_auth(&ada.token).header("tus-resumable", "1.0.0");
            for request in [anonymous, signed_in] {
                let response = request.send().await.unwrap();
                let content = assert_secure(&format!("{method} {path}"), response.headers());
                assert_eq!(content, API_POLICY, "{method} {path}: nothing there is a page");
            }
        }
    }
    let long = format!("/v1/media?q={}", "x".repeat(10_000));
    for path in [
        "/healthz",
        "/readyz",
        "/v1/openapi.json",
        "/v1/nothing",
        "/internal/media/x",
        "/metrics",
        "/no.such.file",
        "/.well-known/x",
        long.as_str(),
    ] {
        assert_eq!(walk.get(path).await.1, API_POLICY, "{path}");
    }
    for malformed in [
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
    ] {
        let text = raw(&walk.server.url, malformed).await;
        assert!(text.starts_with("HTTP/1.1 40") && text.contains("nosniff") && text.contains(API_POLICY), "{text}");
    }
    for process in walk.server.processes() {
        for path in ["/healthz", "/readyz", "/metrics", "/nothing"] {
            let response = walk.client.get(format!("{}{path}", process.operations_url)).send().await.unwrap();
            assert_eq!(assert_secure(path, response.headers()), API_POLICY, "{path} of the operations listener");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_documentation_run_only_scripts_of_their_own() {
    let walk = Walk::begin().await;
    for path in ["/", "/sign-in", "/u/ada.lovelace", "/settings"] {
        let (status, content) = walk.get(path).await;
        assert_eq!(status, 200, "{path}");
        assert!(
            content.contains("script-src 'self';")
                && content.contains("style-src 'self';")
                && content.contains("base-uri 'none'"),
            "{content}"
        );
    }
    for path in ["/docs/", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/swagger-initializer.js"] {
        let (status, content) = walk.get(path).await;
        assert_eq!(status, 200, "{path}");
        assert!(
            content.contains("script-src 'self';")
                && content.contains("form-action 'none'")
                && !content.contains("unsafe"),
            "{path}: {content}"
        );
    }
    for (path, status) in [("/docs", [301, 303, 307, 308].as_slice()), ("/docs/nothing.js", &[404])] {
        let (found, _) = walk.get(path).await;
        assert!(status.contains(&found), "{path}: {found}");
    }
    let not_modified = walk.request(&Method::GET, "/").header("if-none-match", "\"none\"").send().await.unwrap();
    assert_secure("/ again", not_modified.headers());
}

#[tokio::test(flavor = "multi_thread")]
async fn media_may_be_embedded_elsewhere_and_run_nothing() {
    let walk = Walk::begin().await;
    let ada = walk.server.sign_up("ada").await;
    let item = ada.upload("x.gif", "image/gif", GIF.to_vec()).await;
    let id = item["id"].as_str().unwrap();
    for name in ["image", "original"] {
        let signed = item["urls"][name].as_str().unwrap();
        for (method, ranged) in [(Method::GET, false), (Method::HEAD, false), (Method::GET, true)] {
            let request = walk.request(&method, signed);
            let response = if ranged { request.header("range", "bytes=0-3") } else { request }.send().await.unwrap();
            assert!(response.status().is_success(), "{name}: {response:?}");
            let content = assert_secure(signed, response.headers());
            assert!(content.starts_with("sandbox;") && !content.contains("script-src"), "{name}: {content}");
            assert_eq!(
                response.headers()["cross-origin-resource-policy"],
                "cross-origin",
                "a page elsewhere may show {name} with its signed URL"
            );
        }
        // A response to the owner's token is for the owner's page only.
        let own = ada.request(Method::GET, &format!("/v1/media/{id}/{name}")).send().await.unwrap();
        assert_eq!(
            (own.status().as_u16(), &own.headers()["cross-origin-resource-policy"]),
            (200, &"same-origin".parse().unwrap()),
            "{name}"
        );
        assert_secure(name, own.headers());
    }
    let events = item["urls"]["events"].as_str().unwrap();
    let response = walk.request(&Method::GET, events).send().await.unwrap();
    assert_eq!(assert_secure("events", response.headers()), API_POLICY);
    let (status, content) = walk.get(&format!("/v1/media/{id}/original")).await;
    assert_eq!((status, content.as_str()), (404, API_POLICY), "a stranger");
}

/// Sends this text as it is and reads until the server closes the connection.
async fn raw(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut response)).await;
    assert!(read.is_ok(), "the connection stayed open: {}", String::from_utf8_lossy(&response));
    String::from_utf8_lossy(&response).into_owned()
}
