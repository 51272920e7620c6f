//! Limits of memory, time and size, and the order in which the kernel ends processes.
//!
//! Invariant: a limit is never raised, only lowered, so none needs privileges.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

use crate::Confinement;

/// Address space beside a child's own memory: libraries, and what an allocator reserves and does not use.
const ADDRESSES: u64 = 3 << 30;
/// A thread's stack, which counts as its child's memory whether it is used or not. Systems with musl give ffmpeg as much.
const STACK: u64 = 2 << 20;
/// Open files: twenty excerpts of one source, eight renditions, and libraries while they are loaded.
const OPEN_FILES: u64 = 256;
/// From −1000 (never) to 1000 (first); the server is at 0.
const FIRST_TO_GO: &str = "900";

/// Sets the limits of this process and of the program that it becomes.
pub(crate) fn set(own: &Confinement) -> Result<(), String> {
    let wanted = [
        // What is private and can be written to: that is what a process can fill.
        (Resource::Data, own.memory_bytes),
        (Resource::As, own.memory_bytes.saturating_add(ADDRESSES)),
        (Resource::Stack, STACK),
        (Resource::Cpu, own.cpu_seconds.max(1)),
        (Resource::Fsize, own.file_bytes),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
        (Resource::Msgqueue, 0),
    ];
    for (resource, value) in wanted {
        let value = getrlimit(resource).maximum.map_or(value, |most| value.min(most));
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).map_err(|error| format!("{resource:?} can't be limited: {error}"))?;
    }
    if own.nice > 0 {
        // It may be nicer already.
        let _ = setpriority_process(None, own.nice.min(19));
    }
    Ok(())
}

/// Makes this process the one that the kernel ends before the server when memory runs out.
pub(crate) fn first_to_go() -> Result<(), String> {
    std::fs::write("/proc/self/oom_score_adj", FIRST_TO_GO).map_err(|error| format!("oom_score_adj can't be raised: {error}"))
}
