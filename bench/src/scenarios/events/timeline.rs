//! When each event of a run was received and had its effect.
//!
//! Owns the times only. Invariant: the number of effects grows after their times are recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Error;

const EFFECTS_TIMEOUT: Duration = Duration::from_mins(2);

/// When each event reached the consumer and when its effect was committed, in microseconds from the beginning; 0 if not
/// yet.
pub(super) struct Timeline {
    began: Instant,
    pub(super) received: Vec<AtomicU64>,
    pub(super) effects: Vec<AtomicU64>,
    effect_count: AtomicUsize,
}

impl Timeline {
    pub(super) fn new(events: usize) -> Arc<Self> {
        let none = || (0..events).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { began: Instant::now(), received: none(), effects: none(), effect_count: AtomicUsize::new(0) })
    }

    pub(super) fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    pub(super) fn record_received(&self, number: usize) {
        if let Some(received) = self.received.get(number) {
            received.store(self.now(), Ordering::Relaxed);
        }
    }

    pub(super) fn record_effects(&self, numbers: &[usize]) {
        let now = self.now();
        for effect in numbers.iter().filter_map(|&number| self.effects.get(number)) {
            effect.store(now, Ordering::Relaxed);
        }
        self.effect_count.fetch_add(numbers.len(), Ordering::Release);
    }

    pub(super) async fn wait_for_effects(&self, events: usize) -> Result<(), Error> {
        let began = Instant::now();
        while self.effect_count.load(Ordering::Acquire) < events {
            if began.elapsed() > EFFECTS_TIMEOUT {
                return Err(format!(
                    "{} of {events} events had their effect within {} s",
                    self.effect_count.load(Ordering::Acquire),
                    EFFECTS_TIMEOUT.as_secs()
                )
                .into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}
