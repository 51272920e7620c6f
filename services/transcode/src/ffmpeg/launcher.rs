//! Runs child processes in the sandbox of this machine.
//!
//! Owns the path of the launcher (this binary itself, called by another name) and its detected capabilities. Does not
//! own the sandbox itself: that is the crate `sandbox`. Invariant: what this machine lacks is logged once, with what to
//! do about it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sandbox::{Confinement, Report, Strictness};

use super::{Command, Limits};

/// This process's own program, even if its file was replaced after the start.
pub(crate) const OWN_BINARY: &str = "/proc/self/exe";
/// The search path of child processes.
pub(crate) const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";
/// The timeout of the launcher's self-test, and of a program that prints its version.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
const CHECK_LIMITS: Limits =
    Limits { memory_bytes: 256 << 20, cpu: CHECK_TIMEOUT, file_bytes: 1 << 20, stall_timeout: CHECK_TIMEOUT, nice: 0 };

/// The launcher's configuration.
#[derive(Debug, Clone)]
pub(crate) struct LauncherOptions {
    /// The launcher; empty for this program itself.
    pub program: String,
    pub strictness: Strictness,
    /// The user of child processes where this process is root.
    pub user: u32,
    /// Folders that child processes may read besides the system's own.
    pub readable: Vec<PathBuf>,
}

/// The launcher and its capabilities; see the module.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    program: PathBuf,
    options: LauncherOptions,
    /// `None` where the launcher itself cannot be run.
    report: Option<Report>,
}

impl Launcher {
    /// Tests what this machine supports, in `folder`.
    pub async fn find(options: LauncherOptions, folder: &Path) -> Self {
        let program =
            if options.program.is_empty() { PathBuf::from(OWN_BINARY) } else { PathBuf::from(&options.program) };
        let mut launcher = Self { program, options, report: None };
        if tokio::fs::create_dir_all(folder).await.is_ok() {
            launcher.report = launcher.run_check(folder).await;
        }
        launcher
    }

    async fn run_check(&self, folder: &Path) -> Option<Report> {
        let words = self.confinement(folder, &[], CHECK_LIMITS).check();
        let mut check = tokio::process::Command::new(&self.program);
        check.args(words).env_clear().current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(CHECK_TIMEOUT, check.output()).await.ok()?.ok()?;
        Report::read(&String::from_utf8_lossy(&output.stdout))
    }

    /// Returns the output of a program that prints its version, run in the same sandbox as later; empty if it cannot be
    /// run so.
    pub async fn output_of(&self, program: &Path, args: &[&str], folder: &Path) -> String {
        let args = args.iter().map(OsString::from).collect();
        let command = Command {
            program: program.to_owned(),
            args,
            folder: folder.to_owned(),
            reads: Vec::new(),
            limits: CHECK_LIMITS,
        };
        let Some((program, args)) = self.command(&command) else { return String::new() };
        let mut asked = tokio::process::Command::new(program);
        asked
            .args(args)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .env("LC_ALL", "C")
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(CHECK_TIMEOUT, asked.output()).await {
            Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
            _ => String::new(),
        }
    }

    /// Logs what is missing here.
    pub fn warn(&self) {
        if self.options.strictness == Strictness::Off {
            tracing::warn!(
                "converters are not sandboxed (transcode.sandbox = \"off\"): a file that exploits one can read and \
                 write whatever the server can"
            );
            return;
        }
        match &self.report {
            None => {
                tracing::warn!(
                    launcher = %self.program.display(),
                    "converters are not sandboxed: the launcher cannot be run; mount /proc, or set transcode.launcher"
                );
            }
            Some(report) => {
                for (means, reason) in &report.missing {
                    tracing::warn!(
                        missing = means.name(),
                        reason,
                        "converters are only partly sandboxed: {}",
                        means.without()
                    );
                }
            }
        }
    }

    /// Returns the program to start for a command, and its arguments; `None` if it may not be started on this machine.
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

    fn confinement(&self, folder: &Path, reads: &[PathBuf], limits: Limits) -> Confinement {
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
