//! How many requests a role works on at once: a limit that follows its latency.
//!
//! The gradient algorithm of Netflix's concurrency-limits (`Gradient2Limit`) and Envoy's adaptive concurrency filter: a
//! limit shrinks in proportion to how much slower responses are than unloaded ones, and grows by its square root while
//! they are not. Both compare one latency for all requests. Operations differ a thousandfold here, so each is compared
//! with its own fastest response, and the median of these ratios counts. Invariants: the limit stays within its bounds;
//! memory is bounded by the number of operations.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How much slower than unloaded the median response may be. Netflix's default is 1.5; that of Envoy, 1.25 on top of a
/// measured one.
const TOLERANCE: f64 = 2.0;
/// The smallest factor of one step.
const SMALLEST_GRADIENT: f64 = 0.5;
/// Responses faster than this are as good as unloaded ones: noise, and not waiting, makes the difference.
const FAST: Duration = Duration::from_millis(25);
/// An operation whose fastest response takes this long is expensive.
const EXPENSIVE: Duration = Duration::from_millis(50);
/// A window is at least this long and has at least this many samples.
const WINDOW: Duration = Duration::from_millis(250);
const WINDOW_SAMPLES: usize = 20;
/// Further samples of a window are not looked at.
const MAX_SAMPLES: usize = 1024;
/// The fastest response of an operation is that of the current and the previous such period, so that a role that has
/// become slower for good is compared with what it is now.
const BASELINE_PERIOD: Duration = Duration::from_secs(300);
/// The most operations. A route table has a few hundred.
const MAX_OPERATIONS: usize = 4096;

/// The bounds of a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) least: usize,
    pub(super) most: usize,
}

/// How long a role worked on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// Until it was done.
    Done(Duration),
    /// Until the gateway gave it up: it takes longer, so this is never the fastest, whatever was left of its time.
    GivenUp(Duration),
}

/// The limit of one role.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    bounds: Bounds,
    limit: f64,
    baselines: HashMap<u64, Baseline>,
    window: Window,
}

/// The fastest responses of an operation.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    period_began: Instant,
    current: Duration,
    previous: Duration,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    /// How many times slower than unloaded each response was.
    ratios: Vec<f64>,
    most_in_flight: usize,
}

impl AdaptiveLimit {
    /// Returns a limit that begins at its upper bound: without a sample, nothing says that a role is slow.
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        let least = bounds.least.max(1);
        let bounds = Bounds { least, most: bounds.most.max(least) };
        Self {
            bounds,
            limit: as_f64(bounds.most),
            baselines: HashMap::new(),
            window: Window { began: now, ratios: Vec::new(), most_in_flight: 0 },
        }
    }

    /// Returns how many requests the role may work on.
    pub(super) fn get(&self) -> usize {
        (self.limit as usize).clamp(self.bounds.least, self.bounds.most)
    }

    /// Whether an operation takes long even when the role has nothing else to do.
    pub(super) fn is_expensive(&self, operation: u64) -> bool {
        self.baselines.get(&operation).is_some_and(|baseline| baseline.fastest() >= EXPENSIVE)
    }

    /// Records how long an operation took while so many requests were in flight.
    pub(super) fn record(&mut self, operation: u64, sample: Sample, in_flight: usize, now: Instant) {
        let Some((latency, unloaded)) = self.compare(operation, sample, now) else { return };
        let window = &mut self.window;
        window.most_in_flight = window.most_in_flight.max(in_flight);
        if window.ratios.len() < MAX_SAMPLES {
            window.ratios.push(latency.as_secs_f64() / unloaded.as_secs_f64());
        }
        if window.ratios.len() >= WINDOW_SAMPLES && now.saturating_duration_since(window.began) >= WINDOW {
            self.end_window(now);
        }
    }

    /// Returns the latency of a sample, and that of its operation when the role has nothing else to do; `None` if the
    /// sample says nothing.
    fn compare(&mut self, operation: u64, sample: Sample, now: Instant) -> Option<(Duration, Duration)> {
        match sample {
            Sample::Done(latency) => {
                if self.baselines.len() >= MAX_OPERATIONS && !self.baselines.contains_key(&operation) {
                    return None;
                }
                let first = Baseline { period_began: now, current: latency, previous: latency };
                let baseline = self.baselines.entry(operation).or_insert(first);
                baseline.add(latency, now);
                Some((latency, baseline.fastest().max(FAST)))
            }
            Sample::GivenUp(latency) => {
                let unloaded = self.baselines.get(&operation)?.fastest().max(FAST);
                (latency > unloaded).then_some((latency, unloaded))
            }
        }
    }

    fn end_window(&mut self, now: Instant) {
        let most_in_flight = std::mem::take(&mut self.window.most_in_flight);
        let median = median(&mut self.window.ratios);
        self.window.ratios.clear();
        self.window.began = now;
        let gradient = (TOLERANCE / median).clamp(SMALLEST_GRADIENT, 1.0);
        // A role of which little was asked has not shown that it can do more.
        let is_used = as_f64(most_in_flight) >= self.limit / 2.0;
        let room = if is_used { self.limit.sqrt() } else { 0.0 };
        let Bounds { least, most } = self.bounds;
        self.limit = (self.limit * gradient + room).clamp(as_f64(least), as_f64(most));
    }
}

impl Baseline {
    fn add(&mut self, latency: Duration, now: Instant) {
        if now.saturating_duration_since(self.period_began) >= BASELINE_PERIOD {
            *self = Self { period_began: now, current: latency, previous: self.current };
        }
        self.current = self.current.min(latency);
    }

    fn fastest(&self) -> Duration {
        self.current.min(self.previous)
    }
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Returns the median; 1 of nothing.
fn median(ratios: &mut [f64]) -> f64 {
    let middle = ratios.len() / 2;
    if middle >= ratios.len() {
        return 1.0;
    }
    *ratios.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { least: 10, most: 1000 };

    /// Records windows in which each response of an operation takes so long.
    fn run(limit: &mut AdaptiveLimit, now: &mut Instant, windows: usize, operation: u64, milliseconds: u64) {
        for _ in 0..windows {
            for _ in 0..WINDOW_SAMPLES {
                *now += WINDOW / 20;
                let in_flight = limit.get();
                limit.record(operation, Sample::Done(Duration::from_millis(milliseconds)), in_flight, *now);
            }
        }
    }

    #[test]
    fn a_limit_shrinks_with_latency_and_grows_when_it_is_gone() {
        let mut now = Instant::now();
        let mut limit = AdaptiveLimit::new(BOUNDS, now);
        run(&mut limit, &mut now, 10, 1, 100);
        assert_eq!(limit.get(), 1000, "a slow operation is compared with itself");
        run(&mut limit, &mut now, 4, 1, 2000);
        let shrunken = limit.get();
        assert!(shrunken < 200, "{shrunken}");
        run(&mut limit, &mut now, 60, 1, 2000);
        assert!(limit.get() < 20, "{}", limit.get());
        run(&mut limit, &mut now, 100, 1, 110);
        assert_eq!(limit.get(), 1000);
    }

    #[test]
    fn what_was_given_up_early_is_no_fast_response() {
        let mut now = Instant::now();
        let mut limit = AdaptiveLimit::new(BOUNDS, now);
        run(&mut limit, &mut now, 1, 1, 100);
        let give_up = |limit: &mut AdaptiveLimit, mut now: Instant, milliseconds| {
            for _ in 0..2 * WINDOW_SAMPLES {
                now += WINDOW / 20;
                limit.record(1, Sample::GivenUp(Duration::from_millis(milliseconds)), 1, now);
            }
        };
        give_up(&mut limit, now, 1);
        run(&mut limit, &mut now, 4, 1, 110);
        assert_eq!(limit.get(), 1000);
        give_up(&mut limit, now, 30_000);
        assert!(limit.get() < 600, "{}", limit.get());
    }

    #[test]
    fn fast_responses_and_a_mixture_of_operations_are_no_overload() {
        let mut now = Instant::now();
        let mut limit = AdaptiveLimit::new(BOUNDS, now);
        run(&mut limit, &mut now, 1, 1, 1);
        run(&mut limit, &mut now, 20, 1, 40);
        run(&mut limit, &mut now, 20, 2, 4000);
        assert_eq!(limit.get(), 1000);
        assert!(limit.is_expensive(2) && !limit.is_expensive(1) && !limit.is_expensive(3));
        // A role that has become slower for good is measured anew.
        run(&mut limit, &mut now, 10, 1, 400);
        assert!(limit.get() < 200);
        now += BASELINE_PERIOD;
        run(&mut limit, &mut now, 1, 1, 400);
        now += BASELINE_PERIOD;
        run(&mut limit, &mut now, 100, 1, 400);
        assert_eq!(limit.get(), 1000);
        for operation in 0..10_000 {
            limit.record(operation, Sample::Done(FAST), 1, now);
        }
        assert_eq!(limit.baselines.len(), MAX_OPERATIONS);
        assert!(limit.window.ratios.len() <= MAX_SAMPLES);
    }
}
