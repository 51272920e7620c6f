//! The description of the machine: cores, memory, kernel, and its load before the run. Never its name.
//!
//! Invariant: reading these never fails a run; what can't be read is called unknown.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Returns one line about the machine.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let memory_kib: u64 =
        field("/proc/meminfo", "MemTotal").and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Only the numbers: what follows them may be a name.
    let kernel: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!("{cores} cores ({processor}), {} GiB of memory, Linux {kernel}", (memory_kib + (1 << 19)) >> 20)
}

/// Returns the load average of the last minute.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Raises the limit of open files to the allowed maximum: thousands of connections need as many files.
pub fn raise_file_limit() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    // It fails only if the limit is that high already.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed });
}

/// Writes to `bytes` of memory and frees them (less if not so much is free).
///
/// A virtual machine returns memory that is idle for some seconds to its host, and its first use afterwards costs
/// several times a write's price (measured: 0.7 GB/s against 2.5). A side that is measured after a pause would pay for
/// that; so each side starts with memory that was just used.
pub fn touch_memory(bytes: u64) {
    let kib: u64 = field("/proc/meminfo", "MemAvailable")
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    let bytes = usize::try_from(bytes.min((kib << 10) / 2)).unwrap_or(0);
    std::hint::black_box(vec![1_u8; bytes]);
}

/// Returns the median time of fifty writes of 4 KiB with `fdatasync`, in the folder of temporary files; 0 if the folder
/// is in memory.
pub fn fdatasync_time() -> Duration {
    let path = std::env::temp_dir().join(format!("tutti-bench-sync-{}", std::process::id()));
    let mut took = Vec::new();
    if let Ok(mut file) = std::fs::File::create(&path) {
        for _ in 0..50 {
            let began = Instant::now();
            if file.write_all(&[1; 4096]).and_then(|()| file.sync_data()).is_ok() {
                took.push(began.elapsed());
            }
        }
    }
    let _ = std::fs::remove_file(&path);
    took.sort();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

/// Returns the value after `name:` in one of the kernel's tables.
pub fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
