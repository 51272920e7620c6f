//! A classifier outside: what it gets, and what counts when it does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use base::config::Config;
use base::{Clock, Environment, Random};
use classify::{ChildCommand, NoScore, Score, ScreeningOptions, WebhookContext};
use http::HeaderMap;
use outgoing::signature::{Secret, signatures};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::grey;

const SECRET: [u8; 32] = [7; 32];

/// Answers with a score if the request is signed and has the expected type.
async fn answer(State(asked): State<Arc<AtomicUsize>>, headers: HeaderMap, body: Bytes) -> String {
    asked.fetch_add(1, Ordering::SeqCst);
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let expected = signatures(&[Secret::new(SECRET)], &header("webhook-id"), timestamp, &body);
    assert_eq!(header("webhook-signature"), expected);
    let score = match (header("content-type").as_str(), &body[..]) {
        ("image/jpeg", b"a jpeg") => 0.93,
        ("application/json", b"{\"text\":\"buy now\"}") => 0.97,
        _ => 2.0,
    };
    format!("{{\"score\": {score}, \"labels\": []}}")
}

/// A server, and the options of a site that asks it.
struct Outside {
    url: String,
    folder: TempDir,
    asked: Arc<AtomicUsize>,
}

impl Outside {
    async fn start() -> Self {
        let asked: Arc<AtomicUsize> = Arc::default();
        let down = |State(asked): State<Arc<AtomicUsize>>| async move {
            asked.fetch_add(1, Ordering::SeqCst);
            http::StatusCode::SERVICE_UNAVAILABLE
        };
        let routes = Router::new()
            .route("/score", post(answer))
            .route("/slow", post(std::future::pending::<String>))
            .route("/odd", post(|| async { "{\"score\": \"high\"}" }))
            .route("/long", post(|| async { "0".repeat(100_000) }))
            .route("/down", post(down))
            .with_state(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), Secret::new(SECRET).text()).unwrap();
        Self { url, folder, asked }
    }

    fn options(&self, key: &str, path: &str) -> ScreeningOptions {
        let set = [
            format!("screening.{key}={}{path}", self.url),
            format!("screening.webhook_secret_file={}", self.folder.path().join("secret").display()),
        ];
        ScreeningOptions::of(&Config::load(None, std::iter::empty(), &set, &["screening"], &[]).unwrap()).unwrap()
    }

    async fn score_text(&self, path: &str, deadline: Duration) -> Result<Score, NoScore> {
        let texts = self.options("text_webhook", path).texts(&context()).unwrap().unwrap();
        texts.score("buy now", deadline).await
    }
}

fn context() -> WebhookContext {
    WebhookContext { clock: Clock::system(), random: Random::system(), environment: Environment::default() }
}

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn questions_are_signed_and_answers_that_are_none_count_as_none() {
    let outside = Outside::start().await;
    assert_eq!(outside.score_text("/score", DEADLINE).await, Ok(Score::of_thousandths(970)));
    let pictures = outside.options("picture_webhook", "/score").pictures(None, &context()).unwrap().unwrap();
    assert_eq!(pictures.score(&grey(1), DEADLINE).await, Ok(Score::of_thousandths(930)));
    for (path, expected) in
        [("/odd", NoScore::Malformed), ("/long", NoScore::Malformed), ("/nowhere", NoScore::Unavailable)]
    {
        assert_eq!(outside.score_text(path, DEADLINE).await, Err(expected), "{path}");
    }
    assert_eq!(outside.score_text("/slow", Duration::from_millis(100)).await, Err(NoScore::TimedOut));
}

#[tokio::test]
async fn a_server_that_fails_is_spared_and_the_model_stands_in() {
    let outside = Outside::start().await;
    let texts = outside.options("text_webhook", "/down").texts(&context()).unwrap().unwrap();
    for _ in 0..20 {
        assert_eq!(texts.score("buy now", DEADLINE).await, Err(NoScore::Unavailable));
    }
    assert_eq!(outside.asked.load(Ordering::SeqCst), 5);

    let folder = tempfile::tempdir().unwrap();
    let child = ChildCommand {
        program: env!("CARGO_BIN_EXE_stand-in-model").into(),
        arguments: vec!["good".into()],
        folder: folder.path().to_owned(),
        memory_bytes: None,
    };
    for path in ["/down", "/odd"] {
        let options = outside.options("picture_webhook", path);
        let pictures = options.pictures(Some(child.clone()), &context()).unwrap().unwrap();
        assert_eq!(pictures.score(&grey(51), DEADLINE).await, Ok(Score::of_thousandths(200)), "{path}");
    }
    let staging = Environment { name: "staging".into(), ..Environment::default() };
    let elsewhere = WebhookContext { environment: staging, ..context() };
    let options = outside.options("text_webhook", "/score");
    assert!(options.texts(&elsewhere).unwrap().is_none(), "outside production, only hosts that are named are asked");
}
