//! The gateway ends politely: nothing new, live streams ended, uploads finished, all of it soon.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::stage::{Stage, read_until, rest, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_live_streams_and_lets_uploads_finish() {
    let stage = Stage::with(&[]).await;
    let mut live = stage.connect().await;
    live.write_all(b"GET /v1/media/m/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut live, "data: 1\n\n").await;
    let mut upload = stage.connect().await;
    upload.write_all(b"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst").await.unwrap();
    until("the upload has begun", || stage.role.arrived.lock().unwrap().len() == 5).await;

    let tasks = stage.world.process.tasks.clone();
    let stopped = tokio::spawn(async move { tasks.stop(Duration::from_secs(20)).await });
    // The role behind goes on, and yet the stream ends as a stream should: with its last chunk, not with a broken connection.
    let ended = rest(&mut live).await;
    assert!(ended.ends_with("0\r\n\r\n"), "{ended}");
    assert!(!stage.role.tasks.is_stopping());
    until("the door is closed", || std::net::TcpStream::connect(stage.address()).is_err()).await;
    assert!(!stopped.is_finished(), "it did not wait for the upload");
    upload.write_all(b"going").await.unwrap();
    assert!(rest(&mut upload).await.starts_with("HTTP/1.1 200"));
    assert_eq!(stage.seen()[0].body, b"firstgoing");
    assert!(stopped.await.unwrap(), "it did not end within its grace");
}
