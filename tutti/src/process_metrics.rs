//! Metrics of the process itself: when and how often it started, its processor time, memory and open files, and room in
//! its memory and on its disk.
//!
//! They are read at each scrape. Invariant: what the system does not tell is left out, and is never reported as zero.

use std::path::{Path, PathBuf};

use base::Clock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::start_log::Starts;

/// Reads the metrics of this process.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    /// When the process started, in seconds since 1970.
    started_at: i64,
    /// The data folder, whose disk is measured.
    data: PathBuf,
    /// The starts of this process and of those before it.
    starts: Starts,
    clock: Clock,
}

impl ProcessMetrics {
    /// Returns a reader for a process that started at `started_at`, in seconds since 1970, as the last of `starts`.
    pub(crate) fn new(started_at: i64, data: PathBuf, starts: Starts, clock: Clock) -> Self {
        Self { started_at, data, starts, clock }
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let disk = rustix::fs::statvfs(&self.data).ok();
        let free = disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let size = disk.as_ref().map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize));
        let memory = memory_room();
        let (recent_starts, recent_crashes) = self.starts.recent(self.clock.now());
        let gauges = [
            ("process_start_time_seconds", "When the process started, since 1970", u64::try_from(self.started_at).ok()),
            ("process_resident_memory_bytes", "Memory of the process that is resident", resident_memory()),
            ("process_open_fds", "Open files and sockets of the process", open_files()),
            ("process_max_fds", "The most files and sockets that it may open", getrlimit(Resource::Nofile).current),
            ("process_recent_starts", "Starts within the last hour, this one included", Some(recent_starts)),
            ("process_recent_crashes", "Those of them before which it crashed or was killed", Some(recent_crashes)),
            ("memory_available_bytes", "Memory that the process can still get", memory.map(|room| room.available)),
            ("memory_size_bytes", "Memory of its container, or of its machine", memory.map(|room| room.size)),
            ("data_free_bytes", "Room on the disk of the data folder", free),
            ("data_size_bytes", "Size of the disk of the data folder", size),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        let counters = [
            ("process_starts", "Starts of the process on its data folder", self.starts.total),
            ("process_crashes", "Starts before which it crashed or was killed", self.starts.crashes),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        let spent = ConstCounter::new(spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9);
        let help = "Processor time of the process, without converters";
        spent.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, spent.metric_type())?)
    }
}

/// Returns the resident memory of this process in bytes.
fn resident_memory() -> Option<u64> {
    resident_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Returns the resident memory in bytes that a text of `/proc/self/status` tells (proc_pid_status(5)).
fn resident_bytes(status: &str) -> Option<u64> {
    let text = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = text.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Room in memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MemoryRoom {
    available: u64,
    size: u64,
}

/// Returns the room in the memory of this process's control group if that is limited, else in the machine's.
fn memory_room() -> Option<MemoryRoom> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let of_group = group.and_then(|group| room_of_group(&Path::new("/sys/fs/cgroup").join(group)));
    of_group.or_else(|| room_of_machine(&std::fs::read_to_string("/proc/meminfo").ok()?))
}

/// Returns the room in a control group (cgroups(7), version 2); `None` if it has no limit. Pages of files that the
/// kernel can drop at once are room.
fn room_of_group(folder: &Path) -> Option<MemoryRoom> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
    let size: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let statistics = read("memory.stat").unwrap_or_default();
    let of_files = statistics.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok());
    Some(MemoryRoom { available: size.saturating_sub(used.saturating_sub(of_files.unwrap_or(0))), size })
}

/// Returns the room that a text of `/proc/meminfo` tells (proc_meminfo(5)).
fn room_of_machine(text: &str) -> Option<MemoryRoom> {
    let bytes = |name: &str| {
        let text = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        text.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(MemoryRoom { available: bytes("MemAvailable")?, size: bytes("MemTotal")? })
}

/// Returns how many files this process has open, without the folder that is read for it.
fn open_files() -> Option<u64> {
    let files = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(files.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use base::telemetry::Metrics;

    use super::*;

    #[test]
    fn a_process_tells_what_it_uses() {
        let metrics = Metrics::default();
        let collector = ProcessMetrics::new(1_700_000_000, "/".into(), Starts::default(), Clock::system());
        metrics.register(|registry| registry.register_collector(Box::new(collector)));
        let text = metrics.text();
        assert!(text.contains("tutti_process_start_time_seconds 1700000000\n"), "{text}");
        assert!(text.contains("tutti_process_starts_total 0\n"), "{text}");
        for name in [
            "tutti_process_resident_memory_bytes ",
            "tutti_process_open_fds ",
            "tutti_process_max_fds ",
            "tutti_process_cpu_seconds_total ",
            "tutti_data_size_bytes ",
            "tutti_memory_size_bytes ",
            "tutti_memory_available_bytes ",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
            assert!(value.is_some_and(|value| value > 0.0), "{name}: {text}");
        }
    }

    #[test]
    fn a_limit_of_the_container_counts_before_the_machines_memory() {
        let group = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(group.path().join(file), text).unwrap();
        write("memory.max", "max\n");
        write("memory.current", "700\n");
        assert_eq!(room_of_group(group.path()), None, "it has no limit");
        write("memory.max", "1000\n");
        assert_eq!(room_of_group(group.path()), Some(MemoryRoom { available: 300, size: 1000 }));
        write("memory.stat", "anon 500\ninactive_file 200\n");
        assert_eq!(room_of_group(group.path()), Some(MemoryRoom { available: 500, size: 1000 }));
        let machine = "MemTotal:       2048 kB\nMemFree:          10 kB\nMemAvailable:    512 kB\n";
        assert_eq!(room_of_machine(machine), Some(MemoryRoom { available: 512 * 1024, size: 2048 * 1024 }));
        assert_eq!(room_of_machine("MemTotal: 2048 kB\n"), None);
    }

    #[test]
    fn what_the_system_does_not_tell_is_left_out() {
        assert_eq!(resident_bytes("VmPeak:\t  99 kB\nVmRSS:\t   12345 kB\nThreads:\t9\n"), Some(12_345 * 1024));
        assert_eq!(resident_bytes("VmPeak:\t  99 kB\n"), None);
        let metrics = Metrics::default();
        let collector = ProcessMetrics::new(-1, "/no/such/folder".into(), Starts::default(), Clock::system());
        metrics.register(|registry| registry.register_collector(Box::new(collector)));
        let text = metrics.text();
        assert!(!text.contains("tutti_data_") && !text.contains("start_time"), "{text}");
    }
}
