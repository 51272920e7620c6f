//! What a child process may use.
//!
//! Invariant: every child process has limits.

use std::time::Duration;

/// The limits of a child process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Memory of its own in bytes: its estimate, see `memory_estimate`.
    pub memory_bytes: u64,
    /// CPU time, all threads together.
    pub cpu: Duration,
    /// The largest single file that it may write, in bytes.
    pub file_bytes: u64,
    /// How long it may go without progress; time in which it got no processor counts less (see `stall`).
    pub stall_timeout: Duration,
    /// 0 for tasks that a member waits for, up to 19 for background tasks.
    pub nice: i32,
}
