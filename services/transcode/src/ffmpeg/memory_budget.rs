//! The memory budget of all child processes of this process.
//!
//! Owns the total and the shares of it. A child waits until its estimate fits, first come, first served, and its limit
//! is that estimate; so all of them together cannot use more than the budget. Small children (probes, audio, the first
//! seconds) have a pool of their own, so none waits behind a video in 8K; and children of a member that is busy here
//! already (recognized by their nice level) leave some of it to others. Invariant: the shares in use never exceed the
//! budget.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::memory_estimate::MB;

/// The fraction of the machine's memory for children, unless the configuration sets it …
const DEFAULT_FRACTION: u64 = 4;
/// … but on small machines this much, in bytes, as long as it is no more than half.
const MIN_DEFAULT_BYTES: u64 = 1 << 30;
/// The largest share in bytes of a small child.
const SMALL: u64 = 320 * MB;
/// The memory of shared libraries, which the limit does not count: 46 MB were measured.
const LIBRARIES: u64 = 48 * MB;
/// From these nice levels on, a child leaves some of the pool to others: of small ones, background tasks and those of a
/// busy member other than its first; of large ones the latter.
const YIELDS_SMALL: i32 = 5;
const YIELDS_LARGE: i32 = 15;
/// How long a child waits for its share. Children that hold one are killed much earlier when they make no progress.
const SHARE_TIMEOUT: Duration = Duration::from_mins(30);

/// The memory budget; see the module.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget {
    small: Pool,
    large: Pool,
}

/// A pool of the budget.
#[derive(Debug, Clone)]
struct Pool {
    bytes: u64,
    all: Arc<Semaphore>,
    /// What yielding children may have of it together.
    yielding: Arc<Semaphore>,
    yielding_megabytes: u32,
    yields: i32,
}

/// A share; it is returned when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Share {
    /// The child's limit in bytes.
    pub bytes: u64,
    _permits: OwnedSemaphorePermit,
    _yielding: Option<OwnedSemaphorePermit>,
}

impl Pool {
    fn new(bytes: u64, yields: i32) -> Self {
        let reserved = (SMALL + LIBRARIES).min(bytes / 2);
        let megabytes = |bytes: u64| u32::try_from(bytes / MB).unwrap_or(u32::MAX);
        let permits = |bytes: u64| {
            Arc::new(Semaphore::new(usize::try_from(bytes / MB).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)))
        };
        Self {
            bytes,
            all: permits(bytes),
            yielding: permits(bytes - reserved),
            yielding_megabytes: megabytes(bytes - reserved),
            yields,
        }
    }

    /// Waits for so many megabytes.
    async fn take(&self, megabytes: u32, nice: i32) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
        // First here, so that yielding children are never ahead of others in the queue for the whole pool.
        let yielding = if nice >= self.yields {
            // A child that needs more than that may have it when it is alone.
            Some(self.yielding.clone().acquire_many_owned(megabytes.min(self.yielding_megabytes)).await.ok()?)
        } else {
            None
        };
        // The semaphores are never closed.
        Some((self.all.clone().acquire_many_owned(megabytes).await.ok()?, yielding))
    }
}

impl MemoryBudget {
    /// Returns a budget of `bytes`; 0 means a fraction of the machine's memory.
    pub fn new(bytes: u64) -> Self {
        let whole = if bytes == 0 { default_budget(available_memory()) } else { bytes };
        // A quarter for the small ones, and never less than one of them needs.
        let small_bytes = (whole / 4).max((SMALL + LIBRARIES).min(whole / 2));
        Self { small: Pool::new(small_bytes, YIELDS_SMALL), large: Pool::new(whole - small_bytes, YIELDS_LARGE) }
    }

    /// Returns the largest limit of a child, in bytes.
    pub fn max_share_bytes(&self) -> u64 {
        self.large.bytes.saturating_sub(LIBRARIES)
    }

    /// Waits for a share of `bytes` (or of the most that one child can have, if that is less) for a child at this nice
    /// level; returns `None` if that took too long.
    pub async fn share(&self, bytes: u64, nice: i32) -> Option<Share> {
        let bytes = bytes.min(self.max_share_bytes());
        let weight = bytes + LIBRARIES;
        let pool = if bytes <= SMALL && weight <= self.small.bytes { &self.small } else { &self.large };
        let permits = u32::try_from(weight.div_ceil(MB))
            .unwrap_or(u32::MAX)
            .min(u32::try_from(self.large.bytes / MB).unwrap_or(u32::MAX))
            .max(1);
        let (permits, yielding) = tokio::time::timeout(SHARE_TIMEOUT, pool.take(permits, nice)).await.ok()??;
        Some(Share { bytes, _permits: permits, _yielding: yielding })
    }
}

fn default_budget(machine: u64) -> u64 {
    (machine / DEFAULT_FRACTION).max(MIN_DEFAULT_BYTES.min(machine / 2)).max(64 * MB)
}

/// Returns the memory available to this process: the machine's, or the limit of its control group.
fn available_memory() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let whole = read("/proc/meminfo").and_then(|text| mem_total(&text)).unwrap_or(4 << 30);
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let limits = group_limits(&groups).into_iter().filter_map(|path| read(&path)?.trim().parse::<u64>().ok());
    limits.fold(whole, u64::min)
}

/// Returns `MemTotal` in bytes.
fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Returns the files that may hold this process's limits: its group's and those of all groups above it, in cgroup v1
/// and v2.
fn group_limits(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, Some(path)) = (fields.next(), fields.next().unwrap_or_default(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            files.push(format!("{root}{path}/{file}"));
            let Some((above, _)) = path.rsplit_once('/') else { break };
            path = above;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_quarter_of_the_machine_and_not_too_little() {
        assert_eq!(default_budget(24 << 30), 6 << 30);
        assert_eq!(default_budget(3 << 30), 1 << 30);
        assert_eq!(default_budget(1 << 30), 512 << 20);
        assert_eq!(mem_total("MemTotal:       24684440 kB\nMemFree: 1 kB"), Some(24_684_440 * 1024));
        assert_eq!(
            group_limits("0::/a/b\n"),
            ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]
        );
        assert_eq!(
            group_limits("4:cpu,memory:/x"),
            ["/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn all_shares_together_never_exceed_the_budget() {
        let memory = MemoryBudget::new(2 << 30);
        let mut out = Vec::new();
        let mut sum = 0;
        // Paused time advances when all tasks wait, so a wait that cannot succeed ends at once.
        for wanted in [100, 900, 300, 5000, 400, 200, 250, 700, 50].map(|megabytes: u64| megabytes * MB) {
            if let Some(share) = memory.share(wanted, 0).await {
                assert!(share.bytes <= wanted);
                sum += share.bytes + LIBRARIES;
                out.push(share);
            }
        }
        assert!(sum <= 2 << 30 && out.len() >= 3, "{sum}");
        out.clear();
        assert_eq!(memory.share(u64::MAX, 0).await.unwrap().bytes, memory.max_share_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_never_waits_behind_a_large_video() {
        let memory = MemoryBudget::new(2 << 30);
        let large = memory.share(memory.max_share_bytes(), 0).await;
        assert!(large.is_some() && memory.share(memory.max_share_bytes(), 0).await.is_none());
        assert!(memory.share(150 * MB, 0).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn children_of_a_busy_member_leave_a_share_for_others() {
        let memory = MemoryBudget::new(6 << 30);
        let mut busy = Vec::new();
        while let Some(share) = memory.share(150 * MB, 5).await {
            busy.push(share);
        }
        assert!(busy.len() > 3, "it gets most of it");
        assert!(memory.share(300 * MB, 0).await.is_some(), "another member's child waits behind it");
        let large = memory.share(memory.max_share_bytes(), 15).await;
        assert!(large.is_some(), "a lone child gets everything");
    }
}
