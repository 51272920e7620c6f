//! How children are confined on this machine.
//!
//! Owns the way to the launcher (this binary itself, called by another name) and what it was found to be able to do. Does not own the
//! confinement: that is the crate `sandbox`. Invariant: what this machine lacks is said in the log, once, with what to do about it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sandbox::{Confinement, Report, Strictness};

use super::Command;

/// This process's own program, whatever happened to the file since it was started.
const ITSELF: &str = "/proc/self/exe";
/// How long the launcher may take to try everything out.
const CHECK: Duration = Duration::from_secs(20);

/// What the configuration says of it.
#[derive(Debug, Clone)]
pub(crate) struct LauncherOptions {
    /// The launcher; empty for this program itself.
    pub program: String,
    pub strictness: Strictness,
    /// The user that children become where this process is root.
    pub user: u32,
    /// Folders that children may read besides the system's own.
    pub readable: Vec<PathBuf>,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    program: PathBuf,
    options: LauncherOptions,
    /// `None` where the launcher itself can't be run.
    report: Option<Report>,
}

impl Launcher {
    /// Tries what this machine can do; `folder` is where children will work.
    pub async fn find(options: LauncherOptions, folder: &Path) -> Self {
        let program = if options.program.is_empty() { PathBuf::from(ITSELF) } else { PathBuf::from(&options.program) };
        let mut launcher = Self { program, options, report: None };
        let trial = folder.join(format!("trial-{:016x}", rand::random::<u64>()));
        if tokio::fs::create_dir_all(&trial).await.is_ok() {
            launcher.report = launcher.tried(&trial).await;
            let _ = tokio::fs::remove_dir_all(&trial).await;
        }
        launcher
    }

    async fn tried(&self, folder: &Path) -> Option<Report> {
        let limits = super::Limits { memory_bytes: 256 << 20, cpu: CHECK, file_bytes: 1 << 20, stall: CHECK, nice: 0 };
        let words = self.confinement(folder, &[], limits).check();
        let mut check = tokio::process::Command::new(&self.program);
        check.args(words).env_clear().current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(CHECK, check.output()).await.ok()?.ok()?;
        Report::read(&String::from_utf8_lossy(&output.stdout))
    }

    /// Says in the log what does not hold here.
    pub fn warn(&self) {
        if self.options.strictness == Strictness::Off {
            tracing::warn!("converters are not confined (transcode.confine = \"off\"): a file that takes one over can read and write what the server can");
            return;
        }
        match &self.report {
            None => tracing::warn!(launcher = %self.program.display(), "converters are not confined: the launcher can't be run; mount /proc, or name it in transcode.launcher"),
            Some(report) => {
                for (means, reason) in &report.missing {
                    tracing::warn!(missing = means.name(), reason, "converters are confined in part only: {}", means.without());
                }
            }
        }
    }

    /// The program to start for a command, and its arguments; `None` if it may not be started on this machine.
    pub fn command(&self, command: &Command) -> Option<(PathBuf, Vec<OsString>)> {
        match (&self.report, self.options.strictness) {
            (Some(_), _) => {
                let confinement = self.confinement(&command.folder, &command.reads, command.limits);
                Some((self.program.clone(), confinement.command(&command.program, &command.args)))
            }
            (None, Strictness::Strict) => None,
            (None, _) => Some((command.program.clone(), command.args.clone())),
        }
    }

    fn confinement(&self, folder: &Path, reads: &[PathBuf], limits: super::Limits) -> Confinement {
        Confinement {
            strictness: self.options.strictness,
            readable: reads.iter().chain(&self.options.readable).cloned().collect(),
            folder: folder.to_owned(),
            user: Some(self.options.user),
            memory_bytes: limits.memory_bytes,
            cpu_seconds: limits.cpu.as_secs(),
            file_bytes: limits.file_bytes,
            nice: limits.nice,
        }
    }
}
