//! Roles that run elsewhere and fail: killed, frozen, slow, broken off, with invalid responses.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use peer::{Error, Timeouts};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::role::{Role, SHORT, fetch, peers, socket, until};

async fn respond_with(mut stream: TcpStream, text: &'static str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn frozen_instance() -> SocketAddr {
    socket(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await
    .0
}

#[tokio::test]
async fn a_killed_instance_costs_no_request_not_even_one_with_a_body() {
    let roles = [Role::start().await, Role::start().await];
    let peers = peers(Timeouts::default(), &roles.each_ref().map(|role| role.address));
    for _ in 0..10 {
        fetch(&peers, "/who").await.unwrap();
    }
    roles[0].kill().await;
    for _ in 0..30 {
        let post = peers.call("media", Request::post("/echo").body("hello".into()).unwrap()).await.unwrap();
        assert_eq!(post.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    assert_eq!(fetch(&peers, "/who").await.unwrap(), roles[1].address.port().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_drains_under_load_costs_no_read() {
    let (roles, tasks) = ([Role::start().await, Role::start().await], Tasks::default());
    let peers = peers(Timeouts::default(), &roles.each_ref().map(|role| role.address));
    peers.start_health_checks(&tasks, &Metrics::default());
    let asks = |peers: peer::Peers| async move {
        for _ in 0..200 {
            fetch(&peers, "/who").await.unwrap();
        }
    };
    let asking: Vec<_> = (0..16).map(|_| tokio::spawn(asks(peers.clone()))).collect();
    until("it is under load", || roles[0].hits() > 50).await;
    roles[0].kill().await;
    for asking in asking {
        asking.await.expect("no request failed");
    }
    assert_eq!(roles[0].hits() + roles[1].hits(), 16 * 200, "something was done twice");
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_frozen_instance_is_given_up_and_then_not_asked() {
    let (address, tasks) = (frozen_instance().await, Tasks::default());
    let alone = peers(SHORT, &[address]);
    for _ in 0..5 {
        assert!(matches!(fetch(&alone, "/who").await, Err(Error::DeadlineExceeded(_))));
    }
    // Its breaker is open: no request waits any more.
    let asked = Instant::now();
    assert!(matches!(fetch(&alone, "/who").await, Err(Error::NoInstance(..))));
    assert!(asked.elapsed() < SHORT.response, "it waited");
    // A request with a body does not wait either once the instance has all of the body.
    let role = Role::start().await;
    let both = peers(SHORT, &[address, role.address]);
    both.start_health_checks(&tasks, &Metrics::default());
    let mut answered = 0;
    for _ in 0..30 {
        match both.call("media", Request::post("/echo").body("hello".into()).unwrap()).await {
            Ok(_) => answered += 1,
            Err(error) => assert!(matches!(error, Error::DeadlineExceeded(_)), "{error}"),
        }
    }
    assert!(answered >= 20, "{answered} of 30: the frozen one was asked again and again");
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn only_idempotent_requests_are_sent_again() {
    for text in ["", "what?\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let (address, hits) = socket(move |stream, _| respond_with(stream, text)).await;
        let role = Role::start().await;
        let peers = peers(Timeouts::default(), &[address, role.address]);
        // One at a time, until the bad one was chosen at random.
        while hits.load(Ordering::SeqCst) == 0 {
            assert_eq!(fetch(&peers, "/who").await.unwrap(), role.address.port().to_string());
        }
        let (seen, before) = (hits.load(Ordering::SeqCst), role.hits());
        let mut failed = 0;
        for _ in 0..40 {
            let posted = peers
                .call("media", Request::builder().method(Method::POST).uri("/who").body(Body::empty()).unwrap())
                .await;
            failed += usize::from(posted.is_err());
        }
        assert_eq!(
            (hits.load(Ordering::SeqCst) - seen, role.hits() - before),
            (failed, 40 - failed),
            "a POST was sent twice after {text:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_is_not_begun_again() {
    let (address, hits) =
        socket(|stream, _| respond_with(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.")).await;
    let role = Role::start().await;
    let peers = peers(Timeouts::default(), &[address, role.address]);
    let mut broken = 0;
    for _ in 0..20 {
        let answer = peers.call("media", Request::get("/who").body(Body::empty()).unwrap()).await.unwrap();
        broken += usize::from(answer.into_body().collect().await.is_err());
    }
    assert!(broken > 0 && broken == hits.load(Ordering::SeqCst) && role.hits() == 20 - broken, "{broken}");
}

#[tokio::test]
async fn an_answer_that_stalls_is_cut_off_and_a_slow_reader_is_not() {
    let (address, _) = socket(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.").await;
        tokio::time::sleep(Duration::from_secs(600)).await;
    })
    .await;
    let answer =
        peers(SHORT, &[address]).call("media", Request::get("/who").body(Body::empty()).unwrap()).await.unwrap();
    let cut =
        tokio::time::timeout(Duration::from_secs(20), answer.into_body().collect()).await.expect("it was cut off");
    assert!(cut.unwrap_err().to_string().contains("stopped in the middle"));
    let role = Role::start().await;
    let body = vec![7; 200_000];
    let answer = peers(SHORT, &[role.address])
        .call("media", Request::post("/echo").body(body.clone().into()).unwrap())
        .await
        .unwrap();
    tokio::time::sleep(2 * SHORT.response_idle).await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
}

#[tokio::test]
async fn retries_stay_within_their_budget() {
    // Two instances that fail every third time: too seldom for a breaker.
    let bad = |mut stream: TcpStream, hit: usize| async move {
        if !hit.is_multiple_of(3) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
        }
    };
    let ((first, hits), (second, more)) = (socket(bad).await, socket(bad).await);
    let peers = peers(Timeouts::default(), &[first, second]);
    let began = Instant::now();
    let mut failed = 0;
    for _ in 0..300 {
        failed += usize::from(fetch(&peers, "/").await.is_err());
    }
    let sent = hits.load(Ordering::SeqCst) + more.load(Ordering::SeqCst);
    let allowed = 300 + 30 + 10 + 2 * (began.elapsed().as_secs() as usize + 1);
    assert!(sent > 310 && sent <= allowed, "{sent} were sent for 300, {allowed} are allowed");
    assert!(failed > 0, "the budget was not reached");
}

#[tokio::test]
async fn a_breaker_closes_again_by_itself() {
    let role = Role::on(
        tokio::net::TcpListener::bind(("127.0.0.1", testkit::engines::free_port())).await.unwrap(),
        http_server::Limits::default(),
    );
    let (address, tasks) = (role.address, Tasks::default());
    let peers = peers(Timeouts::default(), &[address]);
    peers.start_health_checks(&tasks, &Metrics::default());
    until("it is found", || peers.not_ready().is_empty()).await;
    role.kill().await;
    for _ in 0..10 {
        assert!(fetch(&peers, "/who").await.is_err());
    }
    let _again = Role::on(tokio::net::TcpListener::bind(address).await.unwrap(), http_server::Limits::default());
    let started = Instant::now();
    while fetch(&peers, "/who").await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "it did not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_sender_who_stops_is_not_held_against_the_instance() {
    let role = Role::start().await;
    let peers = peers(SHORT, &[role.address]);
    for _ in 0..10 {
        let body = Body::from_stream(futures::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        let request = Request::post("/echo").extension(http_server::Deadline::after(Duration::from_millis(500)));
        // The role, which knows the deadline too, may give up first.
        match peers.call("media", request.body(body).unwrap()).await {
            Ok(answer) => assert_eq!(answer.status(), 504),
            Err(error) => assert!(matches!(error, Error::RequestBodyTimeout(_)), "{error}"),
        }
    }
    assert_eq!(fetch(&peers, "/who").await.unwrap(), role.address.port().to_string(), "its breaker is open");
}

#[tokio::test]
async fn an_instance_that_freezes_keeps_no_request_but_one_that_still_moves() {
    let (frozen_instance, well) = (Role::start().await, Role::start().await);
    let timeouts = Timeouts { unresponsive: Duration::from_secs(1), ..Timeouts::default() };
    let (alone, both, tasks) = (
        peers(timeouts, &[frozen_instance.address]),
        peers(timeouts, &[frozen_instance.address, well.address]),
        Tasks::default(),
    );
    for peers in [&alone, &both] {
        peers.start_health_checks(&tasks, &Metrics::default());
        until("they are found", || peers.not_ready().is_empty()).await;
    }
    well.held.add_permits(100);
    let began = Instant::now();
    let mut waiting: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let both = both.clone();
                async move { fetch(&both, "/hold").await }
            })
        })
        .collect();
    let only = tokio::spawn({
        let alone = alone.clone();
        async move { fetch(&alone, "/hold").await }
    });
    until("it has some in its hands", || frozen_instance.hits() > 1).await;
    frozen_instance.silent.store(true, Ordering::SeqCst);
    // It does not respond to health checks, and still reads the body of this request: progress counts more than
    // silence.
    let pieces = futures::stream::unfold(0, async |piece| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        (piece < 20).then(|| (Ok::<_, std::io::Error>(axum::body::Bytes::from_static(b"piece ")), piece + 1))
    });
    let upload = Request::post("/echo").body(Body::from_stream(pieces)).unwrap();
    let moves = tokio::spawn({
        let alone = alone.clone();
        async move { alone.call("media", upload).await.map(|answer| answer.status()) }
    });
    for waits in waiting.drain(..) {
        waits.await.unwrap().expect("another instance has answered");
    }
    assert!(matches!(only.await.unwrap(), Err(Error::NoResponse(..))), "there is no other");
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}: that is the timeout for a running instance",
        began.elapsed()
    );
    assert_eq!(moves.await.unwrap().unwrap(), 200);
    tasks.stop(Duration::from_secs(5)).await;
}
