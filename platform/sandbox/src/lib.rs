//! A sandbox for programs that read untrusted files, such as ffmpeg.
//!
//! Owns the confinement of one child process: Landlock, seccomp, its user, its resource limits, and the report of what
//! this machine does not support. Does not own which programs are started, nor when. A process confines itself and then
//! executes the program (`LAUNCHER confine run … -- PROGRAM …`), so no code runs between fork and exec and no code here
//! is unsafe. Invariant: the program can't lift any restriction.

mod landlock;
mod launcher;
mod rlimits;
mod seccomp;
mod user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use launcher::{ERROR_PREFIX, EXIT_NOT_STARTED, launch};

/// How much confinement is required of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Resource limits only. The program may open every file that its user may.
    Off,
    /// Every mechanism that this machine supports.
    #[default]
    Best,
    /// Every mechanism. The program is not started if one is missing.
    Strict,
}

/// The permissions and limits of one child process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Whether a missing mechanism prevents the start.
    pub strictness: Strictness,
    /// Files and folders that the child may read besides the system's programs and libraries.
    pub readable: Vec<PathBuf>,
    /// The only folder that the child may write to.
    pub folder: PathBuf,
    /// The user id that the child runs as if the launcher runs as root.
    pub user: Option<u32>,
    /// The most private memory, in bytes.
    pub memory_bytes: u64,
    /// The most CPU time, all threads together, in seconds.
    pub cpu_seconds: u64,
    /// The largest file that the child may write, in bytes.
    pub file_bytes: u64,
    /// The child's niceness, 0 to 19.
    pub nice: i32,
}

/// A mechanism of confinement, which a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Access to files: Landlock.
    Files,
    /// System calls: seccomp.
    Calls,
    /// A separate user, if the server runs as root.
    User,
    /// The kernel kills the child first when memory runs out, and kills it when the server ends.
    Process,
}

impl Mechanism {
    /// All mechanisms, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Files, Self::Calls, Self::User, Self::Process];

    /// Returns a short name, for reports between processes and for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "landlock",
            Self::Calls => "seccomp",
            Self::User => "user",
            Self::Process => "process",
        }
    }

    /// Returns what a child could do if this mechanism is missing, and how to enable it.
    pub fn without(self) -> &'static str {
        match self {
            Self::Files => {
                "Landlock is missing, so a converter that a malicious file has taken over could read and write what \
                 the server can: use Linux 6.2 or later with `landlock` in the kernel's `lsm=` list"
            }
            Self::Calls => {
                "seccomp is missing, so a converter that a malicious file has taken over could open connections and \
                 start programs: use a kernel with CONFIG_SECCOMP_FILTER"
            }
            Self::User => {
                "the server runs as root and its converters can't run as another user (this needs Landlock and the \
                 capabilities SETUID, SETGID, CHOWN): run the server as a separate user"
            }
            Self::Process => "a converter can't be killed with its server, or first when memory runs out: mount /proc",
        }
    }
}

/// The result of a check of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The missing mechanisms, each with the reason that the system gave.
    pub missing: Vec<(Mechanism, String)>,
}

impl Confinement {
    /// Returns the launcher's arguments that start `program` confined.
    pub fn command(&self, program: &Path, arguments: &[OsString]) -> Vec<OsString> {
        let mut all = self.arguments(launcher::RUN);
        all.push("--".into());
        all.push(program.into());
        all.extend(arguments.iter().cloned());
        all
    }

    /// Returns the launcher's arguments that try every mechanism and print a report for [`Report::read`].
    pub fn check(&self) -> Vec<OsString> {
        self.arguments(launcher::CHECK)
    }

    fn arguments(&self, action: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![launcher::COMMAND.into(), action.into()];
        let mut option = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        option("--strictness", self.strictness.as_str().into());
        option("--folder", self.folder.clone().into());
        option("--memory", self.memory_bytes.to_string().into());
        option("--cpu", self.cpu_seconds.to_string().into());
        option("--file", self.file_bytes.to_string().into());
        option("--nice", self.nice.to_string().into());
        option("--parent", std::process::id().to_string().into());
        if let Some(user) = self.user {
            option("--user", user.to_string().into());
        }
        for path in &self.readable {
            option("--readable", path.clone().into());
        }
        arguments
    }
}

impl Strictness {
    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Best => "best",
            Self::Strict => "strict",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Best, Self::Strict].into_iter().find(|strictness| strictness.as_str() == text)
    }
}

impl Report {
    /// Parses the output of a launcher for [`Confinement::check`]. Returns `None` if it is no report.
    pub fn read(printed: &str) -> Option<Self> {
        let mut lines = printed.lines();
        (lines.next() == Some(launcher::REPORT_HEADER)).then_some(())?;
        let mut report = Self::default();
        for line in lines {
            let (name, reason) = line.split_once(": ")?;
            let mechanism = Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)?;
            report.missing.push((mechanism, reason.to_owned()));
        }
        Some(report)
    }
}
