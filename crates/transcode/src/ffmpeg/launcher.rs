//! How children are confined on this machine.
//!
//! Owns the way to the launcher (this binary itself, called by another name) and what it was found to be able to do. Does not own the
//! confinement: that is the crate `sandbox`. Invariant: what this machine lacks is said in the log, once, with what to do about it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sandbox::{Confinement, Report, Strictness};

use super::{Command, Limits};

/// This process's own program, whatever happened to the file since it was started.
const OWN_BINARY: &str = "/proc/self/exe";
/// Where children find programs by name.
pub(crate) const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";
/// How long the launcher may take to try everything out, and a program to say what it is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
const CHECK_LIMITS: Limits = Limits { memory_bytes: 256 << 20, cpu: CHECK_TIMEOUT, file_bytes: 1 << 20, stall: CHECK_TIMEOUT, nice: 0 };

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
    /// Tries what this machine can do, in `folder`.
    pub async fn find(options: LauncherOptions, folder: &Path) -> Self {
        let program = if options.program.is_empty() { PathBuf::from(OWN_BINARY) } else { PathBuf::from(&options.program) };
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

    /// What a program prints that is asked what it is, as confined as it will be at work; nothing if it can't be run so.
    pub async fn output_of(&self, program: &Path, args: &[&str], folder: &Path) -> String {
        let args = args.iter().map(OsString::from).collect();
        let command = Command { program: program.to_owned(), args, folder: folder.to_owned(), reads: Vec::new(), limits: CHECK_LIMITS };
        let Some((program, args)) = self.command(&command) else { return String::new() };
        let mut asked = tokio::process::Command::new(program);
        asked.args(args).env_clear().env("PATH", SEARCH_PATH).env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(CHECK_TIMEOUT, asked.output()).await {
            Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
            _ => String::new(),
        }
    }

    /// Says in the log what does not hold here.
    pub fn warn(&self) {
        if self.options.strictness == Strictness::Off {
            tracing::warn!("converters are not confined (transcode.sandbox = \"off\"): a file that takes one over can read and write what the server can");
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
