//! A request's body on its way to an instance: its progress, and when its sender may begin.
//!
//! A client that sent `Expect: 100-continue` waits for the instance's permission, so the body is not read before the
//! instance gives it (RFC 9110 §10.1.1). Invariant: time spent waiting for the sender never counts against the
//! instance.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::task::AtomicWaker;
use http::{Request, StatusCode, header};
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

/// An instance that does not know the expectation does not respond to it; a client must not wait for ever.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The sender has to bring more.
    Sender,
    /// The instance has to take the bytes, or to respond.
    Instance,
}

/// Which side is being waited for, and since when.
#[derive(Debug)]
pub(super) struct Progress(Mutex<(Side, Instant)>);

impl Progress {
    /// Returns the progress of a request that is sent as a whole.
    pub(super) fn of_instance() -> Self {
        Self(Mutex::new((Side::Instance, Instant::now())))
    }

    /// Returns when the instance has taken too long; `None` while the sender is being waited for.
    pub(super) fn deadline(&self, timeout: Duration) -> Option<Instant> {
        let (side, since) = *self.0.lock();
        (side == Side::Instance).then(|| since + timeout)
    }

    pub(super) fn is_waiting_for_instance(&self) -> bool {
        self.deadline(Duration::ZERO).is_some()
    }

    fn set_waiting_for(&self, side: Side) {
        *self.0.lock() = (side, Instant::now());
    }
}

/// The instance's permission to send.
#[derive(Debug, Default)]
struct ContinueGate {
    open: AtomicBool,
    waker: AtomicWaker,
}

struct RequestBody {
    body: Body,
    progress: Arc<Progress>,
    gate: Option<(Arc<ContinueGate>, Pin<Box<Sleep>>)>,
}

/// Tracks the progress of a request's body.
pub(super) fn track_progress(request: Request<Body>) -> (Request<Body>, Arc<Progress>) {
    let progress = Arc::new(Progress::of_instance());
    let gate = request
        .headers()
        .contains_key(header::EXPECT)
        .then(|| (Arc::<ContinueGate>::default(), Box::pin(tokio::time::sleep(CONTINUE_TIMEOUT))));
    let opener = gate.as_ref().map(|(gate, _)| gate.clone());
    let mut request = request.map(|body| Body::new(RequestBody { body, progress: progress.clone(), gate }));
    if let Some(gate) = opener {
        hyper::ext::on_informational(&mut request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                gate.open.store(true, Ordering::Release);
                gate.waker.wake();
            }
        });
    }
    (request, progress)
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some((gate, timeout)) = &mut this.gate {
            gate.waker.register(context.waker());
            if !gate.open.load(Ordering::Acquire) && timeout.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            this.gate = None;
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        this.progress.set_waiting_for(if polled.is_pending() { Side::Sender } else { Side::Instance });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
