//! Lingering close: after a refusal, what the client still sends is read and discarded for a while, so that the refusal
//! reaches it.
//!
//! Closing a socket with unread bytes resets the connection (RFC 1122 §4.2.2.13), and the response is lost on its way.
//! Invariant: no more than [`MAX_BYTES`] bytes and [`TIMEOUT`] are spent on a body that its handler has dropped.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use base::tasks::Tasks;

const MAX_BYTES: usize = 4 << 20;
const TIMEOUT: Duration = Duration::from_secs(3);

/// A request's body that is read on for a while when it is dropped before its end.
pub(super) struct LingeringBody {
    body: Option<Incoming>,
    tasks: Tasks,
    /// Whether the client may be sending: one that waits for `100 Continue` has sent nothing yet.
    may_be_sending: bool,
}

impl LingeringBody {
    pub(super) fn new(body: Incoming, headers: &HeaderMap, tasks: &Tasks) -> Self {
        Self { body: Some(body), tasks: tasks.clone(), may_be_sending: !headers.contains_key(header::EXPECT) }
    }
}

impl Body for LingeringBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.may_be_sending = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| self.may_be_sending && !body.is_end_stream()) else {
            return;
        };
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            let rest = async {
                let mut discarded = 0;
                while let Some(Ok(frame)) = body.frame().await {
                    discarded += frame.data_ref().map_or(0, Bytes::len);
                    if discarded > MAX_BYTES {
                        return;
                    }
                }
            };
            tokio::select! {
                _ = tokio::time::timeout(TIMEOUT, rest) => {}
                () = tasks.stopping() => {}
            }
        });
    }
}
