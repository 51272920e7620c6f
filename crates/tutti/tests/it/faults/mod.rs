//! What is broken on purpose while people use the product: processes, engines, the network, the disk, the clock.
//!
//! Each test plays a load (`load`), breaks one kind of thing, and then lets `judge` say whether anything that was acknowledged is lost, anything
//! happened twice, or anything is left over. `make test` runs the short form, `make faults` the long one (`TUTTI_FAULTS=long`). Invariant: every
//! engine here is the test's own, so nobody else's tests notice.

mod client;
mod clock;
mod disk;
mod engines;
mod harness;
mod load;
mod network;
mod processes;
mod uploads;
mod verify;

use std::time::Duration;

/// Whether the long form was asked for.
fn is_long() -> bool {
    std::env::var("TUTTI_FAULTS").is_ok_and(|form| form == "long")
}

/// One thing in the short form, another in the long one.
fn short_or_long<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// How long an engine is away.
fn outage() -> Duration {
    short_or_long(Duration::from_secs(6), Duration::from_secs(30))
}
