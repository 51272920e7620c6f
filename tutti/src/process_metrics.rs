//! Metrics of the process itself: when it started, its processor time, memory and open files, and room on its disk.
//!
//! They are read at each scrape. Invariant: what the system does not tell is left out, and is never reported as zero.

use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Reads the metrics of this process.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    /// When the process started, in seconds since 1970.
    started_at: i64,
    /// The data folder, whose disk is measured.
    data: PathBuf,
}

impl ProcessMetrics {
    /// Returns a reader for a process that started at `started_at`, in seconds since 1970.
    pub(crate) fn new(started_at: i64, data: PathBuf) -> Self {
        Self { started_at, data }
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let disk = rustix::fs::statvfs(&self.data).ok();
        let free = disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let size = disk.as_ref().map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize));
        let gauges = [
            ("process_start_time_seconds", "When the process started, since 1970", u64::try_from(self.started_at).ok()),
            ("process_resident_memory_bytes", "Memory of the process that is resident", resident_memory()),
            ("process_open_fds", "Open files and sockets of the process", open_files()),
            ("process_max_fds", "The most files and sockets that it may open", getrlimit(Resource::Nofile).current),
            ("data_free_bytes", "Room on the disk of the data folder", free),
            ("data_size_bytes", "Size of the disk of the data folder", size),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
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
        let collector = ProcessMetrics::new(1_700_000_000, "/".into());
        metrics.register(|registry| registry.register_collector(Box::new(collector)));
        let text = metrics.text();
        assert!(text.contains("tutti_process_start_time_seconds 1700000000\n"), "{text}");
        for name in [
            "tutti_process_resident_memory_bytes ",
            "tutti_process_open_fds ",
            "tutti_process_max_fds ",
            "tutti_process_cpu_seconds_total ",
            "tutti_data_size_bytes ",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
            assert!(value.is_some_and(|value| value > 0.0), "{name}: {text}");
        }
    }

    #[test]
    fn what_the_system_does_not_tell_is_left_out() {
        assert_eq!(resident_bytes("VmPeak:\t  99 kB\nVmRSS:\t   12345 kB\nThreads:\t9\n"), Some(12_345 * 1024));
        assert_eq!(resident_bytes("VmPeak:\t  99 kB\n"), None);
        let metrics = Metrics::default();
        let collector = ProcessMetrics::new(-1, "/no/such/folder".into());
        metrics.register(|registry| registry.register_collector(Box::new(collector)));
        let text = metrics.text();
        assert!(!text.contains("tutti_data_") && !text.contains("start_time"), "{text}");
    }
}
