//! Reads the body of a request and measures how fast the client sends.
//!
//! Only the time spent waiting for the client counts, never the time that the server takes. Invariant: a client that
//! sends less than the configured bytes per second, averaged over a window, is refused at the end of that window. No
//! request lasts longer than [`MAX_REQUEST_DURATION`].

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::read_slots::ReadSlot;
use crate::Media;
use crate::error::Error;

/// The longest duration of a single request. Resumable uploads may last longer, over several requests.
const MAX_REQUEST_DURATION: Duration = Duration::from_hours(24);

/// A request body that is read when its read slot is free.
pub(crate) struct BodyReader {
    body: Body,
    slot: ReadSlot,
    started_at: Instant,
    waiting_since: Option<Instant>,
    waited: Duration,
    received_bytes: u64,
    window: Duration,
    min_bytes_per_second: u64,
    ended: bool,
}

impl BodyReader {
    pub(crate) fn new(media: &Media, body: Body) -> Self {
        Self {
            body,
            slot: media.read_slots.queue(),
            started_at: Instant::now(),
            waiting_since: None,
            waited: Duration::ZERO,
            received_bytes: 0,
            window: media.config.min_rate_window(),
            min_bytes_per_second: media.config.min_bytes_per_second,
            ended: false,
        }
    }

    /// Returns the next bytes when a read slot is free, and `None` at the end. A broken connection is
    /// [`Error::Incomplete`]. The future may be dropped while it waits; then call [`BodyReader::pause`] before other
    /// work.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.slot.acquire().await;
        loop {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            let timeout = self
                .window
                .saturating_sub(self.waited)
                .min(self.slot.remaining().unwrap_or(self.window))
                .saturating_sub(since.elapsed());
            let frame = tokio::time::timeout(timeout.max(Duration::from_millis(1)), self.body.frame()).await;
            self.pause();
            self.check_rate()?;
            match frame {
                Err(_) => {}
                Ok(None) => {
                    self.finish();
                    return Ok(None);
                }
                Ok(Some(Err(_))) => {
                    self.finish();
                    return Err(Error::Incomplete);
                }
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.received_bytes += bytes.len() as u64;
                        if self.body.is_end_stream() {
                            self.slot.release();
                        }
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Stops the clock: from here on the server takes the time, not the client.
    pub(crate) fn pause(&mut self) {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.waited += waited;
        self.slot.charge(waited);
    }

    fn finish(&mut self) {
        self.ended = true;
        self.slot.release();
    }

    fn check_rate(&mut self) -> Result<(), Error> {
        if self.waited >= self.window {
            if self.received_bytes < self.min_bytes_per_second * self.window.as_secs() {
                return Err(Error::TooSlow(self.min_bytes_per_second));
            }
            (self.waited, self.received_bytes) = (Duration::ZERO, 0);
        }
        if self.started_at.elapsed() > MAX_REQUEST_DURATION {
            Err(Error::TooSlow(self.min_bytes_per_second))
        } else {
            Ok(())
        }
    }

    /// Returns whether the client may still send bytes.
    pub(crate) fn has_more(&self) -> bool {
        !self.ended && !self.body.is_end_stream()
    }
}
