//! One-way live streams (Server-Sent Events) that end when the process does.
//!
//! Invariant: a stream holds at most one event that its reader has not taken.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use http::{HeaderValue, header};

use base::tasks::Tasks;

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
    response
}
