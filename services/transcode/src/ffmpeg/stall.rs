//! How long a child process has gone without progress, counted by the processor time that it got.
//!
//! Invariant: a child that a busy machine keeps from running is not taken for one that makes no progress; but none goes
//! without progress for longer than its timeout and [`MAX_GRACE`] together.

use std::time::Duration;

use rustix::process::Pid;
use tokio::time::Instant;

/// How much longer than its timeout a child may take that got little processor time.
const MAX_GRACE: Duration = Duration::from_secs(60);
/// A child that got this part of the time, or more, had a fair chance: all of the time counts.
const FAIR_PART: u32 = 4;
/// The timeout is counted in so many steps.
const STEPS: u32 = 4;
/// Clock ticks per second in `/proc/PID/stat` (`USER_HZ`, proc(5)); 100 on every architecture that this runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Counts the time without progress of one child.
pub(super) struct Stall {
    pid: Option<Pid>,
    timeout: Duration,
    /// The last progress.
    progress: Instant,
    /// The end of the last step, and the child's processor time then.
    step: Instant,
    cpu: Option<Duration>,
    /// The time without progress that counts.
    counted: Duration,
}

impl Stall {
    pub(super) fn new(pid: Option<Pid>, timeout: Duration) -> Self {
        let now = Instant::now();
        Self { pid, timeout, progress: now, step: now, cpu: pid.and_then(cpu_time), counted: Duration::ZERO }
    }

    /// When to call [`Self::is_over`] if there is no progress until then.
    pub(super) fn next_step(&self) -> Instant {
        self.step + self.timeout / STEPS
    }

    /// Counts from now on.
    pub(super) fn progress(&mut self) {
        let now = Instant::now();
        (self.progress, self.step, self.cpu, self.counted) = (now, now, None, Duration::ZERO);
    }

    /// Counts the time since the last step; returns whether the child has gone without progress for too long.
    pub(super) fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next_step() {
            return false;
        }
        let cpu = self.pid.and_then(cpu_time);
        let wall = now - self.step;
        self.counted += match (self.cpu, cpu) {
            (Some(before), Some(after)) => wall.min(after.saturating_sub(before) * FAIR_PART),
            // Nothing is known of this step.
            _ => wall,
        };
        (self.step, self.cpu) = (now, cpu);
        let grace = MAX_GRACE.min(self.timeout * 5);
        self.counted >= self.timeout || now - self.progress >= self.timeout + grace
    }
}

/// Returns the processor time that a process used, with all its threads; `None` where there is no `/proc`.
fn cpu_time(pid: Pid) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name, the second field, may contain spaces and parentheses; `utime` and `stime` are the 14th and 15th.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND)))
}
