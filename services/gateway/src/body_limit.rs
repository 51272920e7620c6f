//! Limits of a request's body: its size, and its client's lowest rate (see [`ClientPace`]).
//!
//! Invariant: a body that is too large or too slow is aborted here, whatever the role does.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_server::Problem;
use http_server::problem::every_role;
use http_server::{ClientPace, MAX_JSON_BYTES, TooSlow};
use tokio::time::{Instant, Sleep};

/// Bodies up to this size should arrive at once, so their requests have a deadline like those without a body.
pub(crate) const SMALL_BODY_BYTES: usize = 16 * 1024;

/// Why a body was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("the body is larger than this server accepts")]
    TooLarge,
    #[error("the JSON body is larger than any operation reads")]
    JsonTooLarge,
    #[error("the body was sent too slowly")]
    TooSlow,
}

impl From<TooSlow> for Violation {
    fn from(_: TooSlow) -> Self {
        Self::TooSlow
    }
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::TooLarge => Self::of(every_role::TOO_LARGE, "The body is larger than this server accepts."),
            Violation::JsonTooLarge => {
                Self::of(every_role::TOO_LARGE, "The JSON body is larger than 64 KB. Send less in one request.")
            }
            Violation::TooSlow => Self::of(
                every_role::TOO_SLOW,
                "The body was sent too slowly, so the request was aborted. Try again on a faster connection, or send \
                 large files through /v1/uploads.",
            ),
        }
    }
}

/// Holds the violation of an aborted body. The guard reads it before it forwards the response.
pub(crate) type BodyOutcome = Arc<OnceLock<Violation>>;

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit {
    pub(crate) max_bytes: u64,
    /// What a body beyond that is.
    pub(crate) too_large: Violation,
    pub(crate) min_bytes_per_second: u64,
    pub(crate) window: Duration,
}

struct LimitedBody {
    body: Body,
    max_bytes: u64,
    too_large: Violation,
    pace: ClientPace,
    outcome: BodyOutcome,
    bytes: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl BodyLimit {
    /// Returns the limits of a body that is JSON: no role reads more of one than [`MAX_JSON_BYTES`].
    pub(crate) fn for_json(self) -> Self {
        let max_bytes = self.max_bytes.min(MAX_JSON_BYTES as u64);
        Self { max_bytes, too_large: Violation::JsonTooLarge, ..self }
    }

    /// Wraps a body so that it fails when it breaks a limit. The second value tells which one.
    pub(crate) fn apply(self, body: Body) -> (Body, BodyOutcome) {
        let outcome = BodyOutcome::default();
        let limited = LimitedBody {
            body,
            max_bytes: self.max_bytes,
            too_large: self.too_large,
            pace: ClientPace::new(self.min_bytes_per_second, self.window),
            outcome: outcome.clone(),
            bytes: 0,
            timer: None,
        };
        (Body::new(limited), outcome)
    }
}

impl LimitedBody {
    /// Waits for the client. Fails when the windows that have passed meanwhile were too slow.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Result<(), Violation> {
        loop {
            let deadline = self.pace.wait();
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            // One timer serves the whole body. It is reset only after it has fired, so a fast body never resets it.
            if timer.as_mut().poll(context).is_pending() {
                return Ok(());
            }
            if deadline > Instant::now() {
                timer.as_mut().reset(deadline);
                continue;
            }
            self.pace.pause();
            self.pace.check()?;
        }
    }

    fn on_frame(&mut self, frame: &Frame<Bytes>) -> Result<(), Violation> {
        self.pace.pause();
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.bytes += bytes as u64;
        self.pace.transfer(bytes);
        if self.bytes > self.max_bytes { Err(self.too_large) } else { Ok(self.pace.check()?) }
    }
}

impl http_body::Body for LimitedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(context);
        let checked = match &polled {
            Poll::Pending => this.poll_timeout(context),
            Poll::Ready(Some(Ok(frame))) => this.on_frame(frame),
            Poll::Ready(_) => Ok(()),
        };
        if let Err(violation) = checked {
            let _ = this.outcome.set(violation);
            return Poll::Ready(Some(Err(violation.into())));
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    const LIMIT: BodyLimit = BodyLimit {
        max_bytes: 100,
        too_large: Violation::TooLarge,
        min_bytes_per_second: 10,
        window: Duration::from_secs(2),
    };

    /// Sends `frame_count` frames of `bytes` bytes, each after `sender_pause`, and waits for `reader_pause` after
    /// reading each. Returns the bytes read and the violation.
    async fn read(
        bytes: usize,
        sender_pause: Duration,
        frame_count: usize,
        reader_pause: Duration,
    ) -> (usize, Option<Violation>) {
        let frames = futures::stream::unfold(0, move |sent| async move {
            tokio::time::sleep(sender_pause).await;
            (sent < frame_count)
                .then(|| (Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; bytes]))), sent + 1))
        });
        let (mut body, outcome) = LIMIT.apply(Body::new(StreamBody::new(frames)));
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.into_data().unwrap().len();
            tokio::time::sleep(reader_pause).await;
        }
        (read, outcome.get().copied())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_is_limited_by_its_rate_and_not_by_its_time() {
        let second = Duration::from_secs(1);
        assert_eq!(read(10, second, 9, Duration::ZERO).await, (90, None));
        assert_eq!(read(3, second, 9, Duration::ZERO).await.1, Some(Violation::TooSlow));
        assert_eq!(
            read(3, Duration::from_hours(1), 1, Duration::ZERO).await,
            (0, Some(Violation::TooSlow)),
            "silence is slow too"
        );
        // The sender is not blamed for a reader that takes ten seconds for each frame.
        assert_eq!(read(3, Duration::from_millis(10), 30, 10 * second).await, (90, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_a_length_ends_at_the_limit() {
        assert_eq!(read(60, Duration::ZERO, 3, Duration::ZERO).await, (60, Some(Violation::TooLarge)));
    }
}
