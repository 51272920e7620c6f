//! Server-sent events: ends event streams when the gateway stops (the role may run in another process and go on), and
//! when they are evicted.
//!
//! Invariant: a chunk that was read from the role is forwarded whole. The client sees a regular end of the response and
//! reconnects, later if it was evicted.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use base::tasks::Tasks;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, select};
use http::{HeaderValue, header};
use http_body::{Frame, SizeHint};

use crate::stream_budget::StreamPermit;

/// The last event of an evicted stream. It delays the reconnection; otherwise the client would return at once and evict
/// the next stream.
const EVICTION_NOTICE: &[u8] =
    b"retry: 30000\n: too many streams are open; this was the oldest of the client with the most\n\n";

struct EventStream {
    body: Body,
    stopping: BoxFuture<'static, ()>,
    evicted: BoxFuture<'static, ()>,
    /// The last two bytes that were forwarded. An event ends with two line feeds.
    tail: [u8; 2],
    ended: bool,
    _permit: StreamPermit,
}

/// Whether a response is an event stream.
pub(crate) fn is_event_stream(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| {
        value.as_bytes().get(..17).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"text/event-stream"))
    })
}

/// Makes an event stream end when the process stops or when its permit is revoked. The connection is closed with it.
pub(crate) fn end_on_shutdown_or_eviction(tasks: &Tasks, permit: StreamPermit, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let tasks = tasks.clone();
    let (stopping, evicted) = (async move { tasks.stopping().await }.boxed(), permit.evicted().boxed());
    response
        .map(|body| Body::new(EventStream { body, stopping, evicted, tail: *b"\n\n", ended: false, _permit: permit }))
}

impl EventStream {
    /// Ends the stream. Returns the eviction notice, unless an event was cut off.
    fn eviction_notice(&mut self) -> Option<Result<Frame<Bytes>, axum::Error>> {
        self.ended = true;
        // In the middle of an event the notice would become part of it. The client drops an incomplete event.
        (self.tail == *b"\n\n").then(|| Ok(Frame::data(Bytes::from_static(EVICTION_NOTICE))))
    }
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        // Checked first, so that a role that always has data can't keep an evicted stream open.
        if this.evicted.poll_unpin(context).is_ready() {
            return Poll::Ready(this.eviction_notice());
        }
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_pending() && this.stopping.poll_unpin(context).is_ready() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            for byte in
                frame.data_ref().map_or(&[][..], |data| data.get(data.len().saturating_sub(2)..).unwrap_or_default())
            {
                this.tail = [this.tail[1], *byte];
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // The notice may be added, or the stream may end early.
        SizeHint::default()
    }
}

/// Completes when one of the two futures completes.
pub(crate) async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    match select(std::pin::pin!(one), std::pin::pin!(other)).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}
