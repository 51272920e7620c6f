//! Shutdown: no new connections, event streams end, uploads finish.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::harness::{Harness, read_to_end, read_until, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_event_streams_and_finishes_uploads() {
    let harness = Harness::start(&[]).await;
    let mut live = harness.connect().await;
    live.write_all(b"GET /v1/media/m/events HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut live, "data: 1\n\n").await;
    let mut upload = harness.connect().await;
    upload.write_all(b"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst").await.unwrap();
    wait_until("the upload has begun", || harness.role.body_bytes.lock().unwrap().len() == 5).await;

    let tasks = harness.world.process.tasks.clone();
    let stopped = tokio::spawn(async move { tasks.stop(Duration::from_secs(20)).await });
    // The role goes on, and the stream still ends regularly: with its last chunk, not with an aborted connection.
    let ended = read_to_end(&mut live).await;
    assert!(ended.ends_with("0\r\n\r\n"), "{ended}");
    assert!(!harness.role.tasks.is_stopping());
    wait_until("the listener is closed", || std::net::TcpStream::connect(harness.address()).is_err()).await;
    assert!(!stopped.is_finished(), "the shutdown did not wait for the upload");
    upload.write_all(b"going").await.unwrap();
    assert!(read_to_end(&mut upload).await.starts_with("HTTP/1.1 200"));
    assert_eq!(harness.received()[0].body, b"firstgoing");
    assert!(stopped.await.unwrap(), "the shutdown exceeded its timeout");
}
