//! A request's body as it arrives, with an eye on how fast.
//!
//! Only the time spent waiting for the sender counts, never our own. Invariant: a sender that brings less than the
//! configured bytes per second, averaged over a window, is refused at that window's end, and no request lasts longer than [`LONGEST`].

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::turns::Turn;
use crate::Media;
use crate::error::Error;

/// No single request brings bytes for longer: resumable uploads have no such end.
const LONGEST: Duration = Duration::from_hours(24);

/// A body.
pub(crate) struct Feed {
    body: Body,
    turn: Turn,
    began: Instant,
    waiting_since: Option<Instant>,
    waited: Duration,
    brought: u64,
    window: Duration,
    per_second: u64,
    ended: bool,
}

impl Feed {
    pub(crate) fn new(media: &Media, body: Body) -> Self {
        Self {
            body,
            turn: media.turns.queue(),
            began: Instant::now(),
            waiting_since: None,
            waited: Duration::ZERO,
            brought: 0,
            window: media.config.slow_window(),
            per_second: media.config.slow_bytes_per_second,
            ended: false,
        }
    }

    /// The next bytes, once it is this upload's turn; `None` at the end. A connection that broke is [`Error::Incomplete`]. May be dropped
    /// while it waits (then say [`Feed::rest`] before working on).
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.turn.come().await;
        loop {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            let left = self.window.saturating_sub(self.waited).min(self.turn.left().unwrap_or(self.window)).saturating_sub(since.elapsed());
            let frame = tokio::time::timeout(left.max(Duration::from_millis(1)), self.body.frame()).await;
            self.rest();
            self.pace()?;
            match frame {
                Err(_) => {}
                Ok(None) => {
                    self.end();
                    return Ok(None);
                }
                Ok(Some(Err(_))) => {
                    self.end();
                    return Err(Error::Incomplete);
                }
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.brought += bytes.len() as u64;
                        if self.body.is_end_stream() {
                            self.turn.end();
                        }
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// From here on it is us who take time, not the sender.
    pub(crate) fn rest(&mut self) {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.waited += waited;
        self.turn.waited(waited);
    }

    fn end(&mut self) {
        self.ended = true;
        self.turn.end();
    }

    fn pace(&mut self) -> Result<(), Error> {
        if self.waited >= self.window {
            if self.brought < self.per_second * self.window.as_secs() {
                return Err(Error::TooSlow(self.per_second));
            }
            (self.waited, self.brought) = (Duration::ZERO, 0);
        }
        if self.began.elapsed() > LONGEST { Err(Error::TooSlow(self.per_second)) } else { Ok(()) }
    }

    /// Whether the sender still has something to say.
    pub(crate) fn has_more(&self) -> bool {
        !self.ended && !self.body.is_end_stream()
    }
}
