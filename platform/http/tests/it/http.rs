//! What a listener and its layers must do, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use base::Clock;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http_server::Problem;
use http_server::auth::{JwkSet, Verifier};
use http_server::{Bounds, HeadBounds, LayerState, Limits, Listener, client_prefix, serve, with_common_layers};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

struct Server {
    address: SocketAddr,
    /// Notified when a request has come to `/slow`.
    slow: Arc<Notify>,
    tasks: Tasks,
}

async fn server(limits: Limits) -> Server {
    server_at("127.0.0.1:0", limits).await
}

async fn server_at(address: &str, limits: Limits) -> Server {
    base::tls::install_provider();
    let (tasks, metrics, slow) = (Tasks::default(), Metrics::default(), Arc::new(Notify::new()));
    let entered = slow.clone();
    let verifier = Verifier::pinned(&JwkSet { keys: Vec::new() }, Clock::system());
    let routes = Router::new()
        .route("/ok", get(async || "ok"))
        .route(
            "/whoami",
            get(async |ConnectInfo(address): ConnectInfo<SocketAddr>| client_prefix(address.ip()).to_string()),
        )
        .route("/large", get(async || vec![7_u8; 64 * 1024 * 1024]))
        .route(
            "/slow",
            get(async move || {
                entered.notify_one();
                tokio::time::sleep(Duration::from_millis(400)).await;
                "slow"
            }),
        )
        .route("/panic", get(async || -> &'static str { panic!("out of tune") }))
        .route("/problem", get(async || Problem::not_found("song")))
        .route(
            "/json",
            post(async |http_server::Json(value): http_server::Json<Vec<u8>>| http_server::Json(value.len())),
        );
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = with_common_layers(routes, LayerState { role: "test", metrics: metrics.clone(), verifier });
    serve(Listener { socket: listener, limits, open: metrics.connections.clone() }, router, &tasks);
    Server { address, slow, tasks }
}

async fn raw(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut response)).await;
    assert!(read.is_ok(), "the connection stayed open: {}", String::from_utf8_lossy(&response));
    String::from_utf8_lossy(&response).into_owned()
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_waited_for() {
    let server = server(Limits { header_timeout: Duration::from_millis(200), ..Limits::default() }).await;
    let response = raw(server.address, "GET /ok HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(!response.contains("200"), "{response}");
    // A connection that says nothing at all ends as well.
    assert_eq!(raw(server.address, "").await, "");
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused() {
    let server = server(Limits::default()).await;
    let response =
        raw(server.address, &format!("GET /ok HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(200_000))).await;
    assert!(response.starts_with("HTTP/1.1 431"), "{response}");
}

#[tokio::test]
async fn one_address_cannot_take_every_place() {
    let server = server(Limits { max_per_prefix: 2, ..Limits::default() }).await;
    let _held = (TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let mut response = [0; 16];
    let read = tokio::time::timeout(Duration::from_secs(2), third.read(&mut response))
        .await
        .expect("the third is closed, not kept waiting");
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_another_and_one_in_use_does_not() {
    let server = server(Limits { max_per_prefix: 2, idle_timeout: Duration::ZERO, ..Limits::default() }).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), server.slow.notified()).await.expect("the request comes in");
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut some = [0; 1000];
    assert!(idle.read(&mut some).await.unwrap() > 0);
    let third = raw(server.address, "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(third.starts_with("HTTP/1.1 200"), "{third}");
    let ended = tokio::time::timeout(Duration::from_secs(5), idle.read(&mut some)).await.expect("it is ended");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    let mut response = String::new();
    slow.read_to_string(&mut response).await.unwrap();
    assert!(response.ends_with("slow"), "{response}");
}

#[tokio::test]
async fn there_are_never_more_connections_than_the_cap() {
    let server = server(Limits { max_connections: 2, ..Limits::default() }).await;
    let held = (TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap());
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut response = String::new();
    let soon = tokio::time::timeout(Duration::from_millis(300), third.read_to_string(&mut response)).await;
    assert!(soon.is_err() && response.is_empty(), "a third was served beside two: {response}");
    drop(held);
    tokio::time::timeout(Duration::from_secs(5), third.read_to_string(&mut response))
        .await
        .expect("its turn comes")
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[tokio::test]
async fn what_runs_may_finish_and_nothing_new_begins() {
    let server = server(Limits::default()).await;
    let url = format!("http://{}", server.address);
    let running = tokio::spawn(reqwest::get(format!("{url}/slow")));
    tokio::time::timeout(Duration::from_secs(60), server.slow.notified()).await.expect("the request comes in");
    assert!(server.tasks.stop(Duration::from_secs(5)).await, "it did not drain");
    assert_eq!(running.await.unwrap().unwrap().text().await.unwrap(), "slow");
    assert!(reqwest::get(format!("{url}/ok")).await.is_err());
}

#[tokio::test]
async fn a_handler_that_panics_answers_a_bare_500_and_the_next_request_works() {
    let server = server(Limits::default()).await;
    let response = reqwest::get(format!("http://{}/panic", server.address)).await.unwrap();
    assert_eq!(response.status(), 500);
    let text = response.text().await.unwrap();
    assert!(text.contains("server.fault") && text.contains("request_id") && !text.contains("tune"), "{text}");
    assert_eq!(reqwest::get(format!("http://{}/ok", server.address)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_problem_carries_its_code_and_the_callers_request_id() {
    let server = server(Limits::default()).await;
    let request = client().get(format!("http://{}/problem", server.address)).header("x-request-id", "booth-7-0001");
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["x-request-id"].to_str().unwrap()),
        (404, "booth-7-0001")
    );
    let problem: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        (problem["code"].as_str(), problem["request_id"].as_str()),
        (Some("song.not_found"), Some("booth-7-0001"))
    );
}

#[tokio::test]
async fn bad_json_is_refused_with_a_reason() {
    let server = server(Limits::default()).await;
    let post = |body: String, kind: &'static str| {
        let request = client().post(format!("http://{}/json", server.address)).header("content-type", kind).body(body);
        async move {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            (status, response.json::<serde_json::Value>().await.unwrap())
        }
    };
    assert_eq!(post("[1,2]".into(), "application/json").await, (200, serde_json::json!(2)));
    for (body, kind, status, code) in [
        ("[1,".to_owned(), "application/json", 400, "request.not_json"),
        ("[1]".to_owned(), "text/plain", 415, "request.not_json"),
        ("[\"a\"]".to_owned(), "application/json", 422, "request.invalid"),
        (format!("[{}]", "1,".repeat(100_000)), "application/json", 413, "request.too_large"),
    ] {
        let (got, problem) = post(body, kind).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{problem}");
    }
}

#[tokio::test]
async fn an_unknown_url_or_method_is_reported() {
    let server = server(Limits::default()).await;
    let client = client();
    let lost = client.get(format!("http://{}/nowhere", server.address)).send().await.unwrap();
    assert_eq!(lost.status(), 404);
    assert!(lost.text().await.unwrap().contains("request.no_such_url"));
    let wrong = client.delete(format!("http://{}/ok", server.address)).send().await.unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.headers()["allow"].to_str().unwrap()), (405, "GET,HEAD"));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_not_waited_for() {
    let server = server(Limits { write_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut some = [0; 100];
    stream.read_exact(&mut some).await.unwrap();
    // The client reads no more: the server drains at once instead of waiting for it.
    tokio::time::sleep(Duration::from_millis(1000)).await;
    assert!(server.tasks.stop(Duration::from_secs(2)).await, "the stuck connection was still there");
}

fn client() -> reqwest::Client {
    base::tls::install_provider();
    reqwest::Client::new()
}

#[tokio::test]
async fn an_ipv6_listener_counts_its_clients_by_their_64_and_ipv4_ones_as_what_they_are() {
    let Ok(probe) = TcpListener::bind("[::1]:0").await else { return println!("this machine has no IPv6") };
    drop(probe);
    let ask = |host: &str| format!("GET /whoami HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let limits = Limits { max_per_prefix: 2, ..Limits::default() };
    let own = server_at("[::1]:0", limits.clone()).await;
    assert!(raw(own.address, &ask("[::1]:8080")).await.ends_with("\r\n::"));
    let held = (TcpStream::connect(own.address).await.unwrap(), TcpStream::connect(own.address).await.unwrap());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(own.address).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(2), third.read(&mut [0; 16]))
        .await
        .expect("the third is closed, not kept waiting");
    assert!(matches!(read, Ok(0) | Err(_)));
    drop(held);
    // One socket for both families: an IPv4 client belongs to no /64.
    let both = server_at("[::]:0", limits).await;
    let mapped = SocketAddr::from(([127, 0, 0, 1], both.address.port()));
    assert!(raw(mapped, &ask("x")).await.ends_with("\r\n127.0.0.1"));
}

#[tokio::test]
async fn a_listener_with_bounds_refuses_what_is_over_them_also_where_nothing_is() {
    base::tls::install_provider();
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (enters, goes_on) = (entered.clone(), go_on.clone());
    let slow = async move || {
        enters.notify_one();
        goes_on.notified().await;
        "slow"
    };
    let routes = Router::new()
        .route("/slow", get(slow))
        .route("/ok", get(async || "ok"))
        .fallback(async || Problem::not_found("song"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap(), Tasks::default());
    let bounds = Bounds { max_requests: 1, head: HeadBounds { max_url_bytes: 100, max_headers: 5 } };
    serve(
        Listener { socket: listener, limits: Limits::default(), open: Metrics::default().connections },
        bounds.apply(routes),
        &tasks,
    );
    let running = tokio::spawn(reqwest::get(format!("http://{address}/slow")));
    tokio::time::timeout(Duration::from_secs(20), entered.notified()).await.expect("the request comes in");
    for path in ["/ok", "/nowhere"] {
        let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
        assert!(raw(address, &get(path, "")).await.starts_with("HTTP/1.1 503"), "{path}");
        assert!(
            raw(address, &get(&format!("{path}?{}", "a".repeat(200)), "")).await.starts_with("HTTP/1.1 414"),
            "{path}"
        );
        assert!(raw(address, &get(path, &"A: b\r\n".repeat(9))).await.starts_with("HTTP/1.1 431"), "{path}");
    }
    go_on.notify_one();
    assert_eq!(running.await.unwrap().unwrap().text().await.unwrap(), "slow");
    assert_eq!(reqwest::get(format!("http://{address}/ok")).await.unwrap().status(), 200);
}
