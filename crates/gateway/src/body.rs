//! A request's body at the door: how large it may be, and how slow its sender.
//!
//! Long uploads have no time-out, they have a least rate; only the time spent waiting for the sender counts, never ours. Invariant: whoever
//! sends too much or too slowly is cut off here, whatever the role behind would do.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use kit::Problem;
use tokio::time::{Instant, Sleep};

/// Why a body was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the body is larger than this server takes")]
    TooLarge,
    #[error("the body came too slowly")]
    TooSlow,
}

impl From<Cut> for Problem {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", "The body is larger than this server takes."),
            Cut::TooSlow => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "request.too_slow",
                "The body came too slowly and was given up. Try again on a better connection; large files go best through /v1/uploads.",
            ),
        }
    }
}

/// What became of a body; the door looks here before it passes an answer on.
pub(crate) type Verdict = Arc<OnceLock<Cut>>;

/// What a body is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) most_bytes: u64,
    pub(crate) per_second: u64,
    pub(crate) window: Duration,
}

struct Measured {
    body: Body,
    measure: Measure,
    verdict: Verdict,
    bytes: u64,
    /// Within the window: bytes that came, and time that the sender was waited for.
    brought: u64,
    waited: Duration,
    since: Option<Instant>,
    clock: Option<Pin<Box<Sleep>>>,
}

impl Measure {
    /// Holds a body to this.
    pub(crate) fn take(self, body: Body) -> (Body, Verdict) {
        let verdict = Verdict::default();
        let measured = Measured { body, measure: self, verdict: verdict.clone(), bytes: 0, brought: 0, waited: Duration::ZERO, since: None, clock: None };
        (Body::new(measured), verdict)
    }
}

impl Measured {
    /// Judges at the end of a window, and begins the next.
    fn judge(&mut self) -> Result<(), Cut> {
        if self.waited < self.measure.window {
            return Ok(());
        }
        let enough = self.measure.per_second.saturating_mul(self.measure.window.as_secs().max(1));
        let brought = std::mem::take(&mut self.brought);
        self.waited = Duration::ZERO;
        if brought < enough { Err(Cut::TooSlow) } else { Ok(()) }
    }

    /// The sender is waited for; an error when it has been for too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Result<(), Cut> {
        loop {
            let since = *self.since.get_or_insert_with(Instant::now);
            let ends = since + self.measure.window.saturating_sub(self.waited);
            let clock = self.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(ends)));
            // One timer for the whole body: it is set again only when it has rung, so a fast body never touches it.
            if clock.as_mut().poll(context).is_pending() {
                return Ok(());
            }
            if ends > Instant::now() {
                clock.as_mut().reset(ends);
                continue;
            }
            self.stop_waiting();
            self.judge()?;
        }
    }

    fn stop_waiting(&mut self) {
        self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn came(&mut self, frame: &Frame<Bytes>) -> Result<(), Cut> {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.bytes += bytes;
        self.brought += bytes;
        if self.bytes > self.measure.most_bytes { Err(Cut::TooLarge) } else { self.judge() }
    }
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(context);
        let judged = match &polled {
            Poll::Pending => this.wait(context),
            Poll::Ready(Some(Ok(frame))) => {
                this.stop_waiting();
                this.came(frame)
            }
            Poll::Ready(_) => Ok(()),
        };
        if let Err(cut) = judged {
            let _ = this.verdict.set(cut);
            return Poll::Ready(Some(Err(cut.into())));
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

    const MEASURE: Measure = Measure { most_bytes: 100, per_second: 10, window: Duration::from_secs(2) };

    /// Sends `bytes` after every `pause`, `times` times, and reads with a pause of its own.
    async fn read(bytes: usize, pause: Duration, times: usize, reader: Duration) -> (usize, Option<Cut>) {
        let frames = futures::stream::unfold(0, move |sent| async move {
            tokio::time::sleep(pause).await;
            (sent < times).then(|| (Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; bytes]))), sent + 1))
        });
        let (mut body, verdict) = MEASURE.take(Body::new(StreamBody::new(frames)));
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.into_data().unwrap().len();
            tokio::time::sleep(reader).await;
        }
        (read, verdict.get().copied())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_is_judged_by_its_rate_and_not_by_its_time() {
        let second = Duration::from_secs(1);
        assert_eq!(read(10, second, 9, Duration::ZERO).await, (90, None));
        assert_eq!(read(3, second, 9, Duration::ZERO).await.1, Some(Cut::TooSlow));
        assert_eq!(read(3, Duration::from_hours(1), 1, Duration::ZERO).await, (0, Some(Cut::TooSlow)), "silence is slow too");
        // A reader who takes ten seconds for each frame is not the sender's fault.
        assert_eq!(read(3, Duration::from_millis(10), 30, 10 * second).await, (90, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_a_length_ends_at_the_limit() {
        assert_eq!(read(60, Duration::ZERO, 3, Duration::ZERO).await, (60, Some(Cut::TooLarge)));
    }
}
