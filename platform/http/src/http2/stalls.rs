//! HTTP/2 streams whose client must take its response.
//!
//! A client that reads the connection and gives a stream no room (a window of zero) would otherwise hold the request
//! and its response for as long as it likes: no write to the socket blocks, so no write times out. Invariants: a stream
//! that waits for its client's room for the given time is reset, and one that waits for its handler is not; a request
//! is in progress until its client has had room for all but the last chunk of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use base::tasks::Tasks;

use crate::connections::TrackedBody;
use crate::tls::ListenerMetrics;

/// The most that hyper is given at once: a frame. It passes on what it has, however large, as soon as the client has
/// room for one byte. So a response that its handler makes in one piece would be over before its client has taken it,
/// and the connection would count as idle meanwhile.
const MAX_CHUNK_BYTES: usize = 16 * 1024;

/// What one stream waits for: since when for its client, or `None` for its handler.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientWait(Arc<Mutex<Option<Instant>>>);

impl ClientWait {
    fn since(&self) -> Option<Instant> {
        *self.0.lock()
    }

    fn wait_for_client(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    fn wait_for_handler(&self) {
        *self.0.lock() = None;
    }

    /// Returns when the client has been waited for during `timeout`.
    async fn stalled(&self, timeout: Duration) {
        loop {
            sleep_until(self.since().unwrap_or_else(Instant::now) + timeout).await;
            if self.since().is_some_and(|since| since.elapsed() >= timeout) {
                return;
            }
        }
    }
}

/// Runs the streams of one connection.
///
/// hyper calls the service for a request, and right after it the executor with the stream that will send the response
/// (`poll_server`). So the service leaves the stream's wait here.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    next: Arc<Mutex<Option<ClientWait>>>,
    tasks: Tasks,
    timeout: Duration,
    metrics: ListenerMetrics,
}

impl Streams {
    pub(super) fn new(tasks: Tasks, timeout: Duration, metrics: ListenerMetrics) -> Self {
        Self { next: Arc::default(), tasks, timeout, metrics }
    }

    /// Returns the wait of the stream that begins now.
    pub(super) fn begin(&self) -> ClientWait {
        let wait = ClientWait::default();
        *self.next.lock() = Some(wait.clone());
        wait
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let Some(wait) = self.next.lock().take() else { return self.tasks.spawn(stream) };
        let (timeout, metrics) = (self.timeout, self.metrics.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = stream => {}
                // hyper resets a stream that is dropped.
                () = async { wait.stalled(timeout).await; metrics.count_stall() } => {}
            }
        });
    }
}

/// A response's body in chunks, which tells its wait what the stream waits for.
pub(super) struct WaitingBody {
    body: TrackedBody,
    /// What is left of the handler's chunk.
    rest: Bytes,
    wait: ClientWait,
}

impl WaitingBody {
    pub(super) fn new(body: TrackedBody, wait: ClientWait) -> Self {
        Self { body, rest: Bytes::new(), wait }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(MAX_CHUNK_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
}

impl Body for WaitingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = self.poll_chunk(context);
        match polled {
            Poll::Pending => self.wait.wait_for_handler(),
            // hyper asks for more when the client had room for this.
            Poll::Ready(_) => self.wait.wait_for_client(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::connections::ConnectionsByIp;

    #[tokio::test]
    async fn a_response_in_one_piece_is_in_progress_until_its_last_chunk() {
        let connections = ConnectionsByIp::default();
        let permit = connections.admit([192, 0, 2, 1].into(), 1, Duration::ZERO).unwrap();
        let bytes = Bytes::from(vec![7; 2 * MAX_CHUNK_BYTES + 1]);
        let body = TrackedBody { body: bytes.clone().into(), _request: permit.state().begin_request() };
        let mut body = WaitingBody::new(body, ClientWait::default());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let mut sent = Vec::new();
        for length in [MAX_CHUNK_BYTES, MAX_CHUNK_BYTES, 1] {
            assert!(!body.is_end_stream());
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(chunk.len(), length);
            sent.extend(chunk);
            assert_eq!(body.size_hint().exact(), Some((bytes.len() - sent.len()) as u64));
        }
        assert!(body.is_end_stream() && sent == bytes);
        assert!(body.frame().await.is_none());
    }
}
