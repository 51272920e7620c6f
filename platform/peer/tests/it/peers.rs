//! Roles that run elsewhere, without faults: balancing, reused connections, forwarded headers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use base::Clock;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use http_server::auth::Verifier;
use http_server::{Limits, Listener, serve};
use peer::{PeerUrls, Peers, Timeouts};
use testkit::engines::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::role::{Role, fetch, peers, until};

#[tokio::test]
async fn the_least_loaded_instance_gets_the_request() {
    let roles = [Role::start().await, Role::start().await, Role::start().await];
    let peers = peers(Timeouts::default(), &roles.each_ref().map(|role| role.address));
    let mut held = Vec::new();
    for sent in 1..=12 {
        let peers = peers.clone();
        held.push(tokio::spawn(async move { fetch(&peers, "/hold").await }));
        until("the request is there", || roles.iter().map(Role::hits).sum::<usize>() == sent).await;
    }
    assert_eq!(roles.each_ref().map(Role::hits), [4, 4, 4]);
    // A released one takes the next requests.
    roles[1].held.add_permits(4);
    until("its requests are answered", || held.iter().filter(|held| held.is_finished()).count() == 4).await;
    for _ in 0..5 {
        assert_eq!(fetch(&peers, "/who").await.unwrap(), roles[1].address.port().to_string());
    }
    roles.iter().for_each(|role| role.held.add_permits(4));
    for held in held {
        held.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn connections_are_used_again_whatever_the_answer_was_framed_by() {
    let (role, tasks, metrics) = (Role::start().await, Tasks::default(), Metrics::default());
    let peers = peers(Timeouts::default(), &[role.address]);
    peers.start_health_checks(&tasks, &metrics);
    for _ in 0..10 {
        fetch(&peers, "/who").await.unwrap();
        assert_eq!(fetch(&peers, "/chunked").await.unwrap(), "ab");
        let head = peers.call("media", Request::head("/who").body(Body::empty()).unwrap()).await.unwrap();
        assert!(head.headers().contains_key("content-length"));
        let post = peers.call("media", Request::post("/echo").body("hello".into()).unwrap()).await.unwrap();
        assert_eq!(post.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    let text = metrics.text();
    assert!(text.contains("tutti_peer_connects_total{role=\"media\"} 1\n"), "{text}");
    assert!(text.contains("tutti_peer_in_flight{role=\"media\"} 0\n"), "{text}");
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_costs_no_request() {
    let role = Role::on(
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        Limits { header_timeout: Duration::from_millis(100), ..Limits::default() },
    );
    let peers = peers(Timeouts::default(), &[role.address]);
    for _ in 0..3 {
        fetch(&peers, "/who").await.unwrap();
        // The listener has closed it by then.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let post = peers.call("media", Request::post("/echo").body("hello".into()).unwrap()).await.unwrap();
        assert_eq!(post.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
}

#[tokio::test]
async fn a_host_name_stands_for_all_of_its_addresses() {
    let role = Role::start().await;
    let peers = Peers::default();
    // If `localhost` is `::1` too, nothing listens there, and the other is asked.
    peers.register_remote("media", PeerUrls::parse(&[format!("http://localhost:{}", role.address.port())]).unwrap());
    for _ in 0..20 {
        assert_eq!(fetch(&peers, "/who").await.unwrap(), role.address.port().to_string());
    }
    peers.register_remote_url("media", "http://no-such-name.invalid:1");
    let error = fetch(&peers, "/who").await.unwrap_err().to_string();
    assert!(error.contains("no-such-name.invalid"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_waited_for_in_any_order() {
    let (tasks, metrics) = (Tasks::default(), Metrics::default());
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let peers = peers(Timeouts::default(), &[address]);
    peers.start_health_checks(&tasks, &metrics);
    until("it says what it waits for", || peers.not_ready().iter().any(|said| said.contains("refused"))).await;
    let missing = peers.not_ready();
    assert!(missing[0].starts_with(&format!("no instance of media answers at http://{address} (")), "{missing:?}");
    assert!(fetch(&peers, "/who").await.is_err());
    let role = Role::on(TcpListener::bind(address).await.unwrap(), Limits::default());
    until("it is found", || peers.not_ready().is_empty()).await;
    assert_eq!(fetch(&peers, "/who").await.unwrap(), address.port().to_string());
    assert!(metrics.text().contains("tutti_peer_instances_healthy{role=\"media\"} 1\n"));
    role.kill().await;
    until("it is missed", || !peers.lost().is_empty()).await;
    assert!(peers.not_ready().is_empty(), "one that was there is lost, not missing");
    assert!(tasks.stop(Duration::from_secs(5)).await, "the watch outlived its process");
}

#[tokio::test]
async fn an_instance_that_is_not_ready_gets_nothing_until_it_is() {
    let (roles, tasks) = ([Role::start().await, Role::start().await], Tasks::default());
    let peers = peers(Timeouts::default(), &roles.each_ref().map(|role| role.address));
    let metrics = Metrics::default();
    let healthy =
        |count: usize| metrics.text().contains(&format!("tutti_peer_instances_healthy{{role=\"media\"}} {count}\n"));
    peers.start_health_checks(&tasks, &metrics);
    until("both are found", || healthy(2)).await;
    roles[0].ready.store(false, Ordering::SeqCst);
    until("it is known", || healthy(1)).await;
    let before = roles[0].hits();
    for _ in 0..20 {
        fetch(&peers, "/who").await.unwrap();
    }
    assert_eq!(roles[0].hits(), before);
    // If no instance is ready, the least bad one is asked all the same.
    roles[1].ready.store(false, Ordering::SeqCst);
    until("it is known", || !peers.lost().is_empty()).await;
    fetch(&peers, "/who").await.unwrap();
    roles[0].ready.store(true, Ordering::SeqCst);
    until("it is back", || peers.lost().is_empty()).await;
    let before = roles[0].hits();
    fetch(&peers, "/who").await.unwrap();
    assert_eq!(roles[0].hits(), before + 1);
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_body_stays_with_its_sender_until_the_role_wants_it() {
    let role = Role::start().await;
    let peers = peers(Timeouts::default(), &[role.address]);
    let send = async |path: &str| {
        let touched = Arc::new(AtomicBool::new(false));
        let touch = touched.clone();
        let body = Body::from_stream(futures::stream::once(async move {
            touch.store(true, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from("hello"))
        }));
        let answer = peers
            .call("media", Request::post(path).header("expect", "100-continue").body(body).unwrap())
            .await
            .unwrap();
        let status = answer.status();
        drop(answer);
        (status, touched.load(Ordering::SeqCst))
    };
    assert_eq!(send("/refuses").await, (StatusCode::PAYLOAD_TOO_LARGE, false));
    assert_eq!(send("/echo").await, (StatusCode::OK, true));
}

#[tokio::test]
async fn a_peer_is_told_its_deadline_and_works_no_longer() {
    let role = Role::start().await;
    let mut stream = TcpStream::connect(role.address).await.unwrap();
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Tutti-Deadline-Ms: 200\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer))
        .await
        .expect("it gave up")
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("server.too_late"), "{answer}");
    let peers = peers(Timeouts::default(), &[role.address]);
    let request = Request::get("/headers")
        .extension(http_server::Deadline::after(Duration::from_secs(5)))
        .header("x-tutti-deadline-ms", "99");
    let answer = peers.call("media", request.body(Body::empty()).unwrap()).await.unwrap();
    let said = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(said.contains("\"x-tutti-deadline-ms\": \"4") && said.contains("\"traceparent\": \"00-"), "{said}");
}

#[tokio::test]
async fn a_token_is_not_called_invalid_while_the_accounts_role_is_unavailable() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let peers = Peers::default();
    peers.register_remote_url("accounts", &format!("http://{address}"));
    let verifier = Verifier::new(boot::AccountsKeys(peers), Clock::system());
    // A token whose header names an unknown key.
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.e30.AA";
    assert_eq!(verifier.verify(token).await.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
    let accounts = Router::new().route("/.well-known/jwks.json", get(async || "{\"keys\":[]}"));
    let tasks = Tasks::default();
    serve(
        Listener {
            socket: TcpListener::bind(address).await.unwrap(),
            limits: Limits::default(),
            open: Metrics::default().connections,
        },
        accounts,
        &tasks,
    );
    let started = std::time::Instant::now();
    while verifier.verify(token).await.unwrap_err().status != StatusCode::UNAUTHORIZED {
        assert!(started.elapsed() < Duration::from_secs(30), "it did not ask again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_address_is_one_process_also_for_a_role_that_runs_here_too() {
    let peers = Peers::default();
    peers.register_remote("media", PeerUrls::parse(&["http://127.0.0.1:1", "http://127.0.0.1:2"]).unwrap());
    peers.register_remote_url("delivery", "http://127.0.0.1:2");
    peers.register_local("media", Router::new());
    let processes = peers.processes().await;
    let found: Vec<_> = processes.iter().map(|process| (process.address.port(), process.roles.join(" "))).collect();
    assert_eq!(found, [(1, "media".to_owned()), (2, "delivery media".to_owned())]);
    // Nothing answers there.
    let request = Request::get("/internal/process").body(Body::empty()).unwrap();
    assert!(processes[0].get_json::<String>(request, Duration::from_secs(2)).await.is_err());
}
