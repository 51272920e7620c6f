//! The body of an instance's answer. It drives its line, and gives it back to the pool when it has been read to its end.
//!
//! Invariant: an instance that brings nothing for the given time is cut off; a reader who takes his time is not its fault.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::connection::{self, Connection};
use super::instance::InFlight;

/// What can go wrong in the middle.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the neighbour broke off in the middle of its answer")]
    ExchangeError(#[source] hyper::Error),
    #[error("the neighbour stopped in the middle of its answer")]
    Stalled,
}

struct ResponseBody {
    body: Incoming,
    connection: Option<Connection>,
    guard: Option<InFlight>,
    most: Duration,
    /// Since when nothing has come although it was waited for.
    waiting: Option<Instant>,
    clock: Option<Pin<Box<Sleep>>>,
}

/// Puts the answer together. One without a body gives its line back at once.
pub(super) async fn streamed(answer: Response<Incoming>, mut connection: Option<Connection>, guard: InFlight, most: Duration) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    if body.is_end_stream() {
        if let Some(mut connection) = connection.take()
            && connection::is_free(&mut connection).await
        {
            guard.instance.pool.put(connection);
        }
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::new(ResponseBody { body, connection, guard: Some(guard), most, waiting: None, clock: None }))
}

impl ResponseBody {
    fn end(&mut self, context: &mut Context<'_>) {
        let Some(guard) = self.guard.take() else { return };
        if let Some(mut connection) = self.connection.take()
            && connection.is_free(context)
        {
            guard.instance.pool.put(connection);
        }
    }

    fn cut(&mut self, cut: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(mut guard) = self.guard.take() {
            guard.failed(&cut.to_string());
        }
        self.connection = None;
        Poll::Ready(Some(Err(cut)))
    }

    /// Reads what there is, driving the line where more must come.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Only driving the line brings something, and it is us who drive it: nobody needs to wake us for the body too.
        let mut quiet = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut self.body).poll_frame(&mut quiet);
        if polled.is_ready() {
            return polled;
        }
        if let Some(connection) = &mut self.connection
            && !connection.drive(context)
        {
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(&mut quiet)
    }

    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        // One timer for the whole body: it is set again only when it has rung too early.
        let clock = self.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + self.most)));
        while clock.as_mut().poll(context).is_ready() {
            if since.elapsed() >= self.most {
                return true;
            }
            clock.as_mut().reset(since + self.most);
        }
        false
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.read(context) {
            Poll::Pending if this.is_stalled(context) => this.cut(BodyError::Stalled),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => this.cut(BodyError::ExchangeError(error)),
            Poll::Ready(None) => {
                this.end(context);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = None;
                // Whoever knows the length does not ask again after the last frame.
                if this.body.is_end_stream() {
                    this.end(context);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
