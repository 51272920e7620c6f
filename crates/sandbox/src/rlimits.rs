//! Limits of memory, time and size, and the order in which the kernel ends processes.
//!
//! Invariant: a limit is never raised, only lowered, so none needs privileges.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

use crate::Confinement;

/// Address space beside a child's own memory: libraries, and what an allocator reserves and does not use.
const EXTRA_ADDRESS_SPACE_BYTES: u64 = 3 << 30;
/// A thread's stack, which counts as its child's memory whether it is used or not. Systems with musl give ffmpeg as much.
const STACK_BYTES: u64 = 2 << 20;
/// Open files: twenty excerpts of one source, eight renditions, and libraries while they are loaded.
const MAX_OPEN_FILES: u64 = 256;
/// From −1000 (never) to 1000 (first); the server is at 0.
const OOM_SCORE_ADJ: &str = "900";

/// Sets the limits of this process and of the program that it becomes.
pub(crate) fn set(confinement: &Confinement) -> Result<(), String> {
    let limits = [
        // What is private and can be written to: that is what a process can fill.
        (Resource::Data, confinement.memory_bytes),
        (Resource::As, confinement.memory_bytes.saturating_add(EXTRA_ADDRESS_SPACE_BYTES)),
        (Resource::Stack, STACK_BYTES),
        (Resource::Cpu, confinement.cpu_seconds.max(1)),
        (Resource::Fsize, confinement.file_bytes),
        (Resource::Nofile, MAX_OPEN_FILES),
        (Resource::Core, 0),
        (Resource::Msgqueue, 0),
    ];
    for (resource, value) in limits {
        let value = getrlimit(resource).maximum.map_or(value, |hard_limit| value.min(hard_limit));
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).map_err(|error| format!("{resource:?} can't be limited: {error}"))?;
    }
    if confinement.nice > 0 {
        // It may be nicer already.
        let _ = setpriority_process(None, confinement.nice.min(19));
    }
    Ok(())
}

/// Makes this process the one that the kernel ends before the server when memory runs out.
pub(crate) fn raise_oom_score() -> Result<(), String> {
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ).map_err(|error| format!("oom_score_adj can't be raised: {error}"))
}
