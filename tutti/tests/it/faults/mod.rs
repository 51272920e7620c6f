//! Faults under load: of processes, engines, the network, the disk and the clock.
//!
//! Each test starts a load (`load`), injects faults, and then calls `verify`, which fails if anything that was
//! acknowledged is lost, anything happened twice, or anything is left over. `make test` runs the short form (`in_turn`:
//! all kinds on one fleet; `disk`), `make faults` the long one (`TUTTI_FAULTS=long`: each kind on its own). Invariant:
//! every engine here is the test's own, so no other test is disturbed.

mod chat;
mod client;
mod clock;
mod disk;
mod engines;
mod harness;
mod in_turn;
mod load;
mod network;
mod notify;
mod processes;
mod release;
mod social;
mod uploads;
mod verify;

use std::time::Duration;

/// Whether the long form was asked for.
fn is_long() -> bool {
    std::env::var("TUTTI_FAULTS").is_ok_and(|form| form == "long")
}

/// Returns `short` in the short form and `long` in the long one.
pub(crate) fn short_or_long<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Returns how long an engine is unavailable.
fn outage() -> Duration {
    short_or_long(Duration::from_secs(2), Duration::from_secs(30))
}
