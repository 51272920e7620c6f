//! The night shift: stores photos in fewer bytes in the quiet hours.
//!
//! One photo after the other, on a thread of low priority, with a pause behind each, so that it takes its share of one
//! processor only. Invariant: it ends at its time, whatever it is doing; what is not done is done another night, and a
//! photo that fails holds up none.

use std::time::Duration;

use base::Transient as _;
use chrono::{DateTime, TimeDelta, Utc};
use db::schedule::Run;
use tokio::time::Instant;

use super::recompress_item::{Recompression, recompress_item};
use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::store;

/// Photos that are listed at once.
const BATCH: usize = 50;
/// A younger photo may be on its way through the other roles still.
const MIN_AGE: TimeDelta = TimeDelta::days(1);
/// Transient errors one after the other that end a run: then it is not the photos that are in trouble.
const MAX_TRANSIENT_ERRORS: usize = 5;
/// The longest pause behind a photo.
const MAX_PAUSE: Duration = Duration::from_mins(10);

/// What a run has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Photos that were examined.
    pub examined: u64,
    /// Those that have fewer bytes now.
    pub replaced: u64,
    /// The bytes that these had more.
    pub bytes: u64,
}

/// Recompresses photos until `end`, or until all are examined, with so many percent of a processor.
pub(crate) async fn night_shift(
    media: &Media,
    run: &Run,
    end: DateTime<Utc>,
    cpu_percent: u32,
) -> Result<Saved, Error> {
    let mut shift = Shift { media, run, end, cpu_percent: cpu_percent.clamp(1, 100), saved: Saved::default() };
    let done = shift.work().await;
    let Saved { examined, replaced, bytes } = shift.saved;
    if examined > 0 {
        tracing::info!(examined, replaced, saved_bytes = bytes, "the night shift has examined photos");
    }
    done.map(|()| shift.saved)
}

struct Shift<'a> {
    media: &'a Media,
    run: &'a Run,
    end: DateTime<Utc>,
    cpu_percent: u32,
    saved: Saved,
}

impl Shift<'_> {
    async fn work(&mut self) -> Result<(), Error> {
        let (mut last, mut transient_errors): (Option<Item>, usize) = (None, 0);
        let before = self.media.context.clock.now() - MIN_AGE;
        loop {
            let sql = self.media.context.db.read();
            let items = store::night_shift::list_unexamined(sql, before, last.as_ref(), BATCH).await?;
            for item in &items {
                let Some(left) = self.left() else { return Ok(()) };
                let began = Instant::now();
                let recompressed = recompress_item(self.media, self.run, item);
                let Ok(recompressed) = tokio::time::timeout(left, recompressed).await else { return Ok(()) };
                match recompressed {
                    Ok(recompression) => {
                        transient_errors = 0;
                        self.count(recompression);
                    }
                    Err(error) => {
                        tracing::warn!(media.id = %item.id, %error, "a photo was not recompressed");
                        transient_errors += usize::from(error.is_transient());
                        if transient_errors == MAX_TRANSIENT_ERRORS {
                            return Err(error);
                        }
                    }
                }
                if !self.pause(began.elapsed()).await {
                    return Ok(());
                }
            }
            if items.len() < BATCH {
                return Ok(());
            }
            last = items.into_iter().next_back();
        }
    }

    /// Returns the time until the end; `None` if it is over.
    fn left(&self) -> Option<Duration> {
        let left = (self.end - self.media.context.clock.now()).to_std().ok()?;
        (!left.is_zero()).then_some(left)
    }

    fn count(&mut self, recompression: Recompression) {
        let bytes = match recompression {
            Recompression::Postponed => return,
            Recompression::Kept => None,
            Recompression::Replaced { before, after } => Some(before.saturating_sub(after)),
        };
        self.saved.examined += 1;
        if let Some(bytes) = bytes {
            self.saved.replaced += 1;
            self.saved.bytes += bytes;
        }
        self.media.metrics.photo_examined(bytes);
    }

    /// Leaves the processor to others after it was used for a time. Returns `false` if the process stops.
    async fn pause(&self, used: Duration) -> bool {
        let pause = pause_after(used, self.cpu_percent).min(self.left().unwrap_or_default());
        self.media.context.tasks.sleep(pause).await
    }
}

/// Returns the pause after which the processor was used for so many percent (1 to 100) of the time.
fn pause_after(used: Duration, cpu_percent: u32) -> Duration {
    (used * (100 - cpu_percent) / cpu_percent).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests;
