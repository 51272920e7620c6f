//! Child processes: started, measured through `/proc`, and stopped when they go out of scope.
//!
//! Invariant: no child outlives its [`ChildProcess`].

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::{Error, machine};

/// The kernel counts CPU time in hundredths of a second on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that runs until it is stopped.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    /// Its process id.
    pub pid: u32,
}

/// Memory in KiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// The current resident memory.
    pub resident_kib: u64,
    /// The maximum so far.
    pub peak_kib: u64,
}

impl ChildProcess {
    /// Starts `command`; its output goes to `log`.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, Error> {
        let log = std::fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("{program} can't be started: {error}"))?;
        let pid = child.id().ok_or("the process ended at once")?;
        Ok(Self { child, pid })
    }

    /// Returns its exit status once it has ended.
    pub fn exit_status(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Sends SIGTERM.
    pub fn send_sigterm(&self) {
        signal(self.pid, Signal::TERM);
    }

    /// Sends SIGTERM, and SIGKILL after `timeout`.
    pub async fn stop(mut self, timeout: Duration) {
        self.send_sigterm();
        if tokio::time::timeout(timeout, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Returns its memory.
    pub fn memory(&self) -> Memory {
        memory(self.pid)
    }

    /// Returns the CPU time of it and its ended children.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        parse_cpu(&stat, 0..4)
    }
}

/// Returns the memory of a process; zeros if it has ended.
pub fn memory(pid: u32) -> Memory {
    let read = |name| {
        let text = machine::field(&format!("/proc/{pid}/status"), name)?;
        text.split_whitespace().next()?.parse().ok()
    };
    Memory { resident_kib: read("VmRSS").unwrap_or(0), peak_kib: read("VmHWM").unwrap_or(0) }
}

/// Lets the peak of a process's memory begin anew, at what it has now (proc_pid_clear_refs(5)).
pub fn forget_peak(pid: u32) -> Result<(), Error> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Sends a signal; a process that has ended meanwhile needs none.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Returns a process and its descendants.
pub fn with_descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        at += 1;
        // The parent of a child is one of the threads (proc_pid_task_children(5)).
        let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        let children =
            threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        found.extend(
            children.flat_map(|pids| pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()),
        );
    }
    found
}

/// Returns the CPU time that these processes and their ended children used so far.
pub fn total_cpu(pids: &[u32]) -> Duration {
    pids.iter()
        .map(|pid| parse_cpu(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default(), 0..4))
        .sum()
}

/// Returns the CPU time of our own ended children.
fn children_cpu() -> Duration {
    parse_cpu(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default(), 2..4)
}

/// Returns the sum of these of utime, stime, cutime and cstime, fields 14 to 17 (proc_pid_stat(5)). The second field is
/// a name in brackets that may contain anything.
fn parse_cpu(stat: &str, fields: std::ops::Range<usize>) -> Duration {
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        rest.split(' ').skip(11 + fields.start).take(fields.len()).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND)
}

/// What a command cost.
#[derive(Debug)]
pub struct ProcessCost {
    /// CPU time of it and its children.
    pub cpu: Duration,
    /// From start to end.
    pub wall: Duration,
    /// Its output.
    pub output: String,
}

/// Runs `program` to its end. Returns an error unless it succeeds within `timeout`. Two calls at once would mix their
/// CPU times.
pub async fn run<S: AsRef<std::ffi::OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
    timeout: Duration,
) -> Result<ProcessCost, Error> {
    let before = children_cpu();
    let began = std::time::Instant::now();
    let child = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(timeout, child)
        .await
        .map_err(|_| format!("{program} took longer than {} s", timeout.as_secs()))?;
    let output = output.map_err(|error| format!("{program} can't be started ({error}); install it"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} failed ({}): {}", output.status, complaint.trim()).into());
    }
    Ok(ProcessCost {
        cpu: children_cpu().saturating_sub(before),
        wall: began.elapsed(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_read_behind_any_name() {
        let stat = "1 (a) b) S 2 3 4 5 6 7 8 9 10 11 100 20 3000 1 20 0";
        assert_eq!(parse_cpu(stat, 0..4), Duration::from_millis(31_210));
        assert_eq!(parse_cpu(stat, 2..4), Duration::from_millis(30_010));
        assert_eq!(parse_cpu("", 0..4), Duration::ZERO);
    }
}
