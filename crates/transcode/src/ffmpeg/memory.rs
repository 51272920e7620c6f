//! One budget of memory for all children of this process.
//!
//! Owns how much there is and who has which share. A child waits until its estimate fits, first come, first served, and its limit is that
//! estimate; so all of them together can't use more than the budget. Small children (probes, sound, the first seconds) have a part of their own,
//! so none waits behind a film in 8K. Invariant: the shares that are out never exceed the budget.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cost::MB;

/// The part of the machine that children get, unless the configuration says otherwise …
const PART: u64 = 4;
/// … but on small machines this much, in bytes, as long as it is no more than half.
const USUAL_LEAST: u64 = 1 << 30;
/// Up to this much memory a child is small.
const SMALL: u64 = 320 * MB;
/// Libraries in memory, which its limit doesn't count: 46 MB were measured.
const LIBRARIES: u64 = 48 * MB;
/// How long a child waits for its share. Those that have theirs are ended long before when they stand still.
const WAIT: Duration = Duration::from_mins(30);

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    small_most: u64,
    large_most: u64,
}

/// A share; given back when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Share {
    /// The limit that the child gets, in bytes.
    pub bytes: u64,
    _permits: OwnedSemaphorePermit,
}

impl Memory {
    /// A budget of `bytes`; 0 means a part of the machine.
    pub fn new(bytes: u64) -> Self {
        let whole = if bytes == 0 { default_budget(machine()) } else { bytes };
        // A quarter for the small ones, and never less than one of them needs.
        let small_most = (whole / 4).max((SMALL + LIBRARIES).min(whole / 2));
        let large_most = whole - small_most;
        let permits = |bytes: u64| Arc::new(Semaphore::new(usize::try_from(bytes / MB).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)));
        Self { small: permits(small_most), large: permits(large_most), small_most, large_most }
    }

    /// The largest limit that a child can get, in bytes.
    pub fn most(&self) -> u64 {
        self.large_most.saturating_sub(LIBRARIES)
    }

    /// Waits for a share of `bytes` (or of all that one child can have, if that is less); `None` if that took too long.
    pub async fn share(&self, bytes: u64) -> Option<Share> {
        let bytes = bytes.min(self.most());
        let weight = bytes + LIBRARIES;
        let pool = if bytes <= SMALL && weight <= self.small_most { &self.small } else { &self.large };
        let permits = u32::try_from(weight.div_ceil(MB)).unwrap_or(u32::MAX).min(u32::try_from(self.large_most / MB).unwrap_or(u32::MAX)).max(1);
        let taken = tokio::time::timeout(WAIT, pool.clone().acquire_many_owned(permits)).await;
        // The semaphores are never closed.
        Some(Share { bytes, _permits: taken.ok()?.ok()? })
    }
}

fn default_budget(machine: u64) -> u64 {
    (machine / PART).max(USUAL_LEAST.min(machine / 2)).max(64 * MB)
}

/// How much memory there is for this process: the machine's, or what its control group lets it have.
fn machine() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let whole = read("/proc/meminfo").and_then(|text| total(&text)).unwrap_or(4 << 30);
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let limits = group_limits(&groups).into_iter().filter_map(|path| read(&path)?.trim().parse::<u64>().ok());
    limits.fold(whole, u64::min)
}

/// `MemTotal` in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The files that may hold this process's limits: its group's and those of all groups above it, in both kinds of control groups.
fn group_limits(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, Some(path)) = (fields.next(), fields.next().unwrap_or_default(), fields.next()) else { continue };
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
    fn a_quarter_of_the_machine_and_not_too_little() {
        assert_eq!(default_budget(24 << 30), 6 << 30);
        assert_eq!(default_budget(3 << 30), 1 << 30);
        assert_eq!(default_budget(1 << 30), 512 << 20);
        assert_eq!(total("MemTotal:       24684440 kB\nMemFree: 1 kB"), Some(24_684_440 * 1024));
        assert_eq!(group_limits("0::/a/b\n"), ["/sys/fs/cgroup/a/b/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/memory.max"]);
        assert_eq!(group_limits("4:cpu,memory:/x"), ["/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_shares_together_never_exceed_the_budget() {
        let memory = Memory::new(2 << 30);
        let mut out = Vec::new();
        let mut sum = 0;
        // Paused time runs on when all wait, so a wait in vain ends at once.
        for wanted in [100, 900, 300, 5000, 400, 200, 250, 700, 50].map(|megabytes: u64| megabytes * MB) {
            if let Some(share) = memory.share(wanted).await {
                assert!(share.bytes <= wanted);
                sum += share.bytes + LIBRARIES;
                out.push(share);
            }
        }
        assert!(sum <= 2 << 30 && out.len() >= 3, "{sum}");
        out.clear();
        assert_eq!(memory.share(u64::MAX).await.unwrap().bytes, memory.most());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_never_waits_behind_a_film() {
        let memory = Memory::new(2 << 30);
        let film = memory.share(memory.most()).await;
        assert!(film.is_some() && memory.share(memory.most()).await.is_none());
        assert!(memory.share(150 * MB).await.is_some());
    }
}
