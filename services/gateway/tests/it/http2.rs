//! Requests over TLS and HTTP/2 through the gateway, to a role that speaks HTTP/1.

use base::Clock;
use base::telemetry::Metrics;
use http_server::tls::{self, CertificateFiles, Tls};
use http_server::{Limits, Listener, serve_tls};
use testkit::engines::Authority;
use tokio::net::TcpListener;

use crate::harness::{Harness, SHARED};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_http_2_reaches_its_role_as_one_over_http_1_does() {
    base::tls::install_provider();
    let (harness, authority) = (Harness::start(&[]).await, Authority::new());
    let (certificate, key) = authority.server_files();
    let files = CertificateFiles { certificate, key };
    let tls = Tls::load(files, "public", Clock::system(), &tls::Metrics::default()).unwrap();
    let process = &harness.world.process;
    let (_, router) = process.routers.iter().find(|(name, _)| *name == "gateway").unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener { socket, limits: Limits::default(), open: Metrics::default().connections };
    serve_tls(listener, tls, router.clone(), &process.tasks);
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(authority.ca_file()).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]).resolve("localhost", address).build().unwrap();
    let host = format!("localhost:{}", address.port());

    // A body that is larger than all that the client may send at once.
    let body = vec![7_u8; 3 << 20];
    let request = client.post(format!("https://{host}/v1/media?x=1")).header("cookie", "a=1").body(body.clone());
    let response = request.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    assert!(response.headers()["x-public"] == "2" && !response.headers().contains_key("connection"));
    let seen = harness.received().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "/v1/media?x=1"));
    assert!(seen.body == body && seen.headers["host"] == host && seen.headers["x-forwarded-for"] == "127.0.0.1");
    assert!(!seen.headers.contains_key("cookie"), "this operation has none");

    let request = client.post(format!("https://{host}/v1/sessions")).header("cookie", "a=1").header("cookie", "b=2");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(harness.received().pop().unwrap().headers["cookie"], "a=1; b=2");

    let page = client.get(format!("https://{host}/m/{SHARED}")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&format!("https://{host}/v1/media/{SHARED}/poster")), "the scheme of the request: {page}");
    // What is refused before a role sees it is told over HTTP/2 as well.
    let long = client.get(format!("https://{host}/v1/media?{}", "a".repeat(9_000))).send().await.unwrap();
    assert_eq!(long.status(), 414);
    assert!(long.text().await.unwrap().contains("request.url_too_long"));
}
