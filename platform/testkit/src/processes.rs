//! The memory that a process and its descendants use, as the kernel counts it.
//!
//! Invariant: only `/proc` is read; a process that ends meanwhile counts as 0.

use std::collections::BTreeMap;

/// Returns the resident memory of all descendants of a process, in bytes, without the process itself.
pub fn descendants_rss_bytes(pid: u32) -> u64 {
    descendants(pid).into_iter().map(rss_bytes).sum()
}

/// Returns the resident memory of one process, in bytes.
pub fn rss_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Returns the process ids of all descendants of a process.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for process in std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    {
        if let Some(parent) = parent(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = Vec::new();
    let mut left = vec![pid];
    while let Some(next) = left.pop() {
        let own = children.remove(&next).unwrap_or_default();
        left.extend(&own);
        found.extend(own);
    }
    found
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so the fields after its last bracket are read: state, parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
