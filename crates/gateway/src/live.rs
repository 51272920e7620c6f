//! Live streams end when the gateway does, also where the role behind them plays elsewhere and goes on.
//!
//! Invariant: a frame that was begun is passed on whole; the client sees an ordinary end and connects again.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header;
use http_body::{Frame, SizeHint};
use kit::tasks::Tasks;

struct Live {
    body: Body,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Lets a stream of events end when the process stops; other answers pass untouched.
pub(crate) fn ends_with(tasks: &Tasks, response: Response) -> Response {
    let is_live = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if !is_live {
        return response;
    }
    let tasks = tasks.clone();
    response.map(|body| Body::new(Live { body, stopping: Box::pin(async move { tasks.stopping().await }) }))
}

impl http_body::Body for Live {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() && self.stopping.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
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
