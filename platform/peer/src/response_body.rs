//! The body of an instance's response. It drives its connection, and returns it to the pool when it has been read to
//! its end.
//!
//! Invariant: an instance that sends nothing for the given time fails; a slow reader does not count against it.

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

/// An error in the middle of a response.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the role broke off in the middle of its response")]
    Broken(#[source] hyper::Error),
    #[error("the role stopped in the middle of its response")]
    Stalled,
}

struct ResponseBody {
    body: Incoming,
    connection: Option<Connection>,
    in_flight: Option<InFlight>,
    idle_timeout: Duration,
    /// Since when no bytes have arrived although the reader waits.
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Builds the streamed response. One without a body returns its connection at once.
pub(super) async fn streamed(
    response: Response<Incoming>,
    mut connection: Option<Connection>,
    in_flight: InFlight,
    idle_timeout: Duration,
) -> Response<Body> {
    let (parts, body) = response.into_parts();
    if body.is_end_stream() {
        if let Some(mut connection) = connection.take()
            && connection::is_free(&mut connection).await
        {
            in_flight.instance.pool.put(connection);
        }
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(
        parts,
        Body::new(ResponseBody {
            body,
            connection,
            in_flight: Some(in_flight),
            idle_timeout,
            waiting: None,
            timer: None,
        }),
    )
}

impl ResponseBody {
    fn end(&mut self, context: &mut Context<'_>) {
        let Some(in_flight) = self.in_flight.take() else { return };
        if let Some(mut connection) = self.connection.take()
            && connection.is_free(context)
        {
            in_flight.instance.pool.put(connection);
        }
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(mut in_flight) = self.in_flight.take() {
            in_flight.record_failure(&error.to_string());
        }
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Reads a frame, and drives the connection if more must come.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // New bytes come only from driving the connection, which wakes us: the body needs no waker of its own.
        let mut noop = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut self.body).poll_frame(&mut noop);
        if polled.is_ready() {
            return polled;
        }
        if let Some(connection) = &mut self.connection
            && !connection.drive(context)
        {
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(&mut noop)
    }

    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        // One timer for the whole body: it is reset only when it fires too early.
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + self.idle_timeout)));
        while timer.as_mut().poll(context).is_ready() {
            if since.elapsed() >= self.idle_timeout {
                return true;
            }
            timer.as_mut().reset(since + self.idle_timeout);
        }
        false
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match this.read(context) {
            Poll::Pending if this.is_stalled(context) => this.fail(BodyError::Stalled),
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => this.fail(BodyError::Broken(error)),
            Poll::Ready(None) => {
                this.end(context);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = None;
                // A reader that knows the length does not poll again after the last frame.
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
