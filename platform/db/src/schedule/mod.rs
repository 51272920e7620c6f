//! Scheduled jobs: each slot of a job runs once, however many processes try.
//!
//! A run is a row `(job, slot)` with a unique key, a lease that a heartbeat extends, and a fencing token that grows
//! when another process takes over (decision 67). The rule of a job (`rule`) and what a process does about it
//! (`decision`) do no I/O; `rows` decides and writes in one transaction in the job's lane, by the database's time.
//! Invariant: a write under [`Run::fence`] commits only while the run still has its owner.

mod control;
mod decision;
mod history;
mod job;
mod local_time;
mod rows;
mod rule;
mod runner;
mod time;

pub use control::{JobRow, find_job, list_jobs, pause, register, request, resume};
pub use decision::{Decision, JobRows, OpenRun, decide};
pub use history::{RunRow, list_runs, recent_runs};
pub use job::{Job, JobError, Run};
pub use local_time::LocalTime;
pub use rows::{LEASE, claim, end_leases, lane};
pub use rule::{CatchUp, Rule, Timing};
pub use runner::{HEARTBEAT_INTERVAL, run_once, start};
pub use time::now;
