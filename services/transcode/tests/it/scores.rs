//! Scores of a classifier outside: a photo has one, a video the highest of its frames, and neither waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use contract::media::Kind;
use contract::transcode::Classified;
use tokio::net::TcpListener;

use crate::harness::Harness;

/// The base64 of 32 bytes.
const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Scores each picture a tenth higher than the one before, from 0.1; the first question is not answered.
async fn score(State(asked): State<Arc<AtomicU32>>, body: Bytes) -> Result<String, StatusCode> {
    assert!(body.starts_with(&[0xff, 0xd8]), "it gets a JPEG");
    match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Err(StatusCode::SERVICE_UNAVAILABLE),
        number => Ok(format!("{{\"score\": 0.{number}}}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_and_frames_of_videos_are_scored_after_they_are_ready() {
    let asked: Arc<AtomicU32> = Arc::default();
    let routes = Router::new().route("/score", post(score)).with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/score", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let harness = Harness::with(&[
        &format!("screening.picture_webhook={url}"),
        &format!("screening.webhook_secret_file={}", secret.display()),
    ])
    .await;
    let scored = async |count: usize| {
        let all = async || {
            let all = harness.published::<Classified>().await;
            (all.len() == count).then_some(all)
        };
        harness.world.wait_for("a score is announced", all).await.pop().unwrap()
    };

    let photo = harness.make("photo.png", "-f lavfi -i testsrc2=size=640x480 -frames:v 1");
    let media = harness.upload(&photo, Kind::Photo, "png").await;
    harness.ready(&media).await;
    let first = scored(1).await;
    assert_eq!((&first.id, first.nudity), (&media, 100), "a question that was not answered is asked again");
    assert!(first.model.starts_with("webhook"), "{}", first.model);

    let video = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=320x240:rate=10 -t 2 -pix_fmt yuv420p");
    let media = harness.upload(&video, Kind::Video, "mp4").await;
    harness.ready(&media).await;
    let second = scored(2).await;
    // Its poster, and frames of its storyboard: each has a higher score than the one before.
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked >= 4, "{asked}");
    assert_eq!((&second.id, u32::from(second.nudity)), (&media, 100 * (asked - 1)));
    harness.end().await;
}
