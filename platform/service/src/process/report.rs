//! What a process tells of itself, as types.
//!
//! Invariant: they are read by processes of the release before and after, so fields are only ever added.

use base::config::Setting;
use base::log_ring::LogLine;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a process is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// A random id, new with each start.
    pub id: String,
    /// The roles that it runs.
    pub roles: Vec<String>,
    /// The release.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Whether it can serve: all required checks are passed.
    pub ready: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// How busy it is.
    pub load: Load,
}

/// A check of what a process depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProcessCheck)]
pub struct Check {
    /// What is checked, such as `database media` or `event bus`.
    pub name: String,
    /// Whether it responds.
    pub ok: bool,
    /// What is wrong; `null` if nothing is.
    #[schema(required)]
    pub detail: Option<String>,
    /// Whether the process can't serve without it.
    pub required: bool,
}

impl Check {
    /// Returns a check of something that the process can't serve without. `detail` says what is wrong.
    pub fn required(name: impl Into<String>, detail: Option<String>) -> Self {
        Self { name: name.into(), ok: detail.is_none(), detail, required: true }
    }

    /// Returns a check of something that the process can serve without for a while.
    pub fn optional(name: impl Into<String>, detail: Option<String>) -> Self {
        Self { required: false, ..Self::required(name, detail) }
    }

    /// Returns a required check that failed.
    pub fn failed(name: &str, detail: &str) -> Self {
        Self::required(name, Some(detail.to_owned()))
    }
}

/// How busy a process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ProcessLoad)]
pub struct Load {
    /// Open connections of its public listener, or of its private one without a gateway.
    pub connections: i64,
    /// The memory that it uses, in bytes; `null` where the system does not say.
    #[schema(required)]
    pub memory_bytes: Option<u64>,
}

/// The effective configuration of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessConfiguration {
    /// The process.
    pub id: String,
    /// Its settings, without secrets.
    pub settings: Vec<Setting>,
}

/// Lines of a process's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLogs {
    /// The process.
    pub id: String,
    /// The lines, newest first.
    pub lines: Vec<LogLine>,
}

/// Returns the memory that this process uses, as Linux says it.
pub(super) fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
