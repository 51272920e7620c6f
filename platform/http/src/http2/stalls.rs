//! HTTP/2 streams whose client must take its response.
//!
//! A client that reads the connection and gives a stream no room (a window of zero) would otherwise hold the request
//! and its response for as long as it likes: no write to the socket blocks, so no write times out. Invariant: a stream
//! that waits for its client's room for the given time is reset; one that waits for its handler is not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use base::tasks::Tasks;

use crate::connections::TrackedBody;
use crate::tls::ListenerMetrics;

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

/// A response's body, which tells its wait what the stream waits for.
pub(super) struct WaitingBody {
    pub(super) body: TrackedBody,
    pub(super) wait: ClientWait,
}

impl Body for WaitingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match polled {
            Poll::Pending => self.wait.wait_for_handler(),
            // hyper asks for more when the client had room for this.
            Poll::Ready(_) => self.wait.wait_for_client(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
