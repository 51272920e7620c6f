//! Resource limits (memory, CPU time, file size) and the out-of-memory score.
//!
//! Invariant: limits are only lowered, never raised, so that setting them needs no privileges.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

use crate::Confinement;

/// Address space beyond a child's own memory: libraries, and what an allocator reserves and does not use.
const EXTRA_ADDRESS_SPACE_BYTES: u64 = 3 << 30;
/// The stack of a thread, which counts as memory of the child whether it is used or not. ffmpeg gets the same on
/// systems with musl.
const STACK_BYTES: u64 = 2 << 20;
/// Open files: twenty excerpts of one source, eight renditions, and libraries while they are being loaded.
const MAX_OPEN_FILES: u64 = 256;
/// The child's `oom_score_adj`, from −1000 (never killed) to 1000 (killed first). The server's is 0.
const OOM_SCORE_ADJ: &str = "900";

/// Sets the limits of this process and of the program that it executes.
pub(crate) fn set(confinement: &Confinement) -> Result<(), String> {
    let limits = [
        // Private writable memory: the part that a process can fill.
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
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
            .map_err(|error| format!("{resource:?} can't be limited: {error}"))?;
    }
    if confinement.nice > 0 {
        // Fails if the process is nicer already, which is fine.
        let _ = setpriority_process(None, confinement.nice.min(19));
    }
    Ok(())
}

/// Makes the kernel kill this process before the server when memory runs out.
pub(crate) fn raise_oom_score() -> Result<(), String> {
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ)
        .map_err(|error| format!("oom_score_adj can't be raised: {error}"))
}
