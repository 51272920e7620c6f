//! One-way live streams (Server-Sent Events) that end when the process does.
//!
//! Invariant: a stream holds at most one event that its reader has not taken.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, header};

use base::tasks::Tasks;

/// Tells nginx, and proxies that follow it, to pass each event on at once (nginx, `proxy_buffering`).
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Returns an event with a name and data.
pub fn sse_event(name: &str, data: &str) -> Event {
    Event::default().event(name).data(data)
}

/// Responds with a stream of events, a comment every 15 s to keep proxies from closing it, and an end when the process
/// drains.
pub fn sse(events: impl Stream<Item = Event> + Send + 'static, tasks: &Tasks) -> Response {
    let tasks = tasks.clone();
    let until = async move { tasks.stopping().await };
    let events = events.map(Ok::<_, Infallible>).take_until(Box::pin(until));
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(NO_BUFFERING, HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_events_has_a_comment_every_15_seconds_and_ends_when_the_process_stops() {
        let (tasks, began) = (Tasks::default(), Instant::now());
        let response = sse(futures::stream::pending(), &tasks);
        assert_eq!(response.headers()[NO_BUFFERING], "no");
        let mut body = response.into_body().into_data_stream();
        for beats in 1..=3 {
            let comment = body.next().await.unwrap().unwrap();
            assert!(comment.starts_with(b":") && comment.ends_with(b"\n\n"), "{comment:?}");
            assert_eq!(began.elapsed().as_secs(), beats * 15);
        }
        tasks.stop(Duration::ZERO).await;
        assert!(body.next().await.is_none());
    }
}
