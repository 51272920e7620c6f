//! Cores: one that a generator of load has for itself, while all else runs on the others.
//!
//! Invariant: the threads of this process may run everywhere again once a [`Reserved`] is dropped.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Error;

/// A core on which nothing of this process runs but threads that have taken it, nor what it starts meanwhile.
pub struct Reserved {
    /// The number of the core.
    pub core: usize,
    all: CpuSet,
}

impl Reserved {
    /// Reserves the last of the cores that this process may use.
    pub fn last() -> Result<Self, Error> {
        let all = sched_getaffinity(None)?;
        let core = (0..CpuSet::MAX_CPU).rev().find(|core| all.is_set(*core)).ok_or("there is no core to run on")?;
        let mut others = all;
        others.unset(core);
        if others.count() == 0 {
            return Err("a generator on a core of its own needs two cores".into());
        }
        let reserved = Self { core, all };
        restrict_all(&others)?;
        Ok(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = restrict_all(&self.all);
    }
}

/// Lets the calling thread run on this core alone.
pub fn take(core: usize) -> Result<(), Error> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

/// Lets each thread of this process run on these cores. Threads and processes that they start inherit it.
fn restrict_all(cores: &CpuSet) -> Result<(), Error> {
    // The caller first: what it starts next inherits it in any case.
    sched_setaffinity(None, cores)?;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let id = thread?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            // A thread that has ended meanwhile needs no core.
            let _ = sched_setaffinity(Some(id), cores);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_runs_on_the_core_that_it_takes() {
        let taken = std::thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            let core = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).unwrap();
            take(core).unwrap();
            let now = sched_getaffinity(None).unwrap();
            now.count() == 1 && now.is_set(core)
        });
        assert!(taken.join().unwrap());
    }
}
