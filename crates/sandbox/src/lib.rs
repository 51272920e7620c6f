//! Starting a program that reads strangers' bytes so that it can do nothing but its work.
//!
//! Owns the confinement of one child process: Landlock, seccomp, its user, its limits, and the report of what this machine can't do. Does not own
//! which programs are started, nor when. A process confines itself before it becomes the program (`LAUNCHER confine run … -- PROGRAM …`), so no
//! code runs between fork and exec and nothing here is unsafe. Invariant: what was confined can't be widened again by the program.

mod landlock;
mod launcher;
mod rlimits;
mod seccomp;
mod user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The former name of [`ERROR_PREFIX`].
pub use launcher::ERROR_PREFIX as SAYS;
pub use launcher::{ERROR_PREFIX, EXIT_NOT_STARTED, launch};

/// How much is asked of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Only limits of memory, time and size; the program may read and open what its user may.
    Off,
    /// Everything that this machine can do.
    #[default]
    Best,
    /// Everything, or the program isn't started.
    Strict,
}

/// What one child may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confinement {
    /// See [`Strictness`].
    pub strictness: Strictness,
    /// Files and folders that it may read besides the system's programs and libraries.
    pub readable: Vec<PathBuf>,
    /// The one folder that it may write to.
    pub folder: PathBuf,
    /// The user that it becomes if the launcher runs as root.
    pub user: Option<u32>,
    /// Memory of its own, in bytes.
    pub memory_bytes: u64,
    /// CPU time, all threads together, in seconds.
    pub cpu_seconds: u64,
    /// The largest file that it may write, in bytes.
    pub file_bytes: u64,
    /// Its niceness, 0 to 19.
    pub nice: i32,
}

/// One thing that confines, and that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Files: Landlock.
    Files,
    /// System calls: seccomp.
    Calls,
    /// A user of its own, where the server is root.
    User,
    /// It is the first to be ended when memory runs out, and ends with the server.
    Process,
}

impl Mechanism {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Files, Self::Calls, Self::User, Self::Process];

    /// A short name, for reports between processes and for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "landlock",
            Self::Calls => "seccomp",
            Self::User => "user",
            Self::Process => "process",
        }
    }

    /// What a child can do where this is missing, and what to do about it.
    pub fn without(self) -> &'static str {
        match self {
            Self::Files => {
                "Landlock is missing, so a converter that a file has taken over could read and write what the server can: use Linux 6.2 or later with `landlock` in the kernel's `lsm=` list"
            }
            Self::Calls => "seccomp is missing, so a converter that a file has taken over could open connections and start programs: use a kernel with CONFIG_SECCOMP_FILTER",
            Self::User => {
                "the server is root and its converters can't become another user (this needs Landlock and the capabilities SETUID, SETGID, CHOWN): run the server as a user of its own"
            }
            Self::Process => "a converter can't be tied to its server or marked as the first to go when memory runs out: mount /proc",
        }
    }
}

/// What this machine can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What does not hold, each with the reason that the system gave.
    pub missing: Vec<(Mechanism, String)>,
}

impl Confinement {
    /// The arguments for the launcher that start `program` confined.
    pub fn command(&self, program: &Path, arguments: &[OsString]) -> Vec<OsString> {
        let mut all = self.arguments(launcher::RUN);
        all.push("--".into());
        all.push(program.into());
        all.extend(arguments.iter().cloned());
        all
    }

    /// The arguments for the launcher that make it try everything and tell what does not hold; [`Report::read`] reads what it prints.
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
    /// Reads what a launcher printed for [`Confinement::check`]; `None` if it isn't a launcher's report.
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
