//! Wrong clocks: half of the processes a minute ahead, one a minute behind.
//!
//! Invariant: no token, signed URL, lease, slot or event depends on clocks that agree to the minute.

use std::time::Duration;

use testkit::fleet::{Fleet, Topology};

use super::harness::Harness;
use super::load::Load;
use super::verify::verify;

/// Processes with a wrong clock, and by how many seconds.
const CLOCK_SKEWS: [(&str, &str); 5] =
    [("accounts-1", "60"), ("accounts-2", "-60"), ("media-1", "60"), ("transcode-1", "60"), ("delivery-1", "-60")];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn clocks_that_are_a_minute_off_change_nothing() {
    let topology = Topology::one_of_each().with("accounts", 2).with("media", 2).with("transcode", 2);
    let mut harness = Harness::start_with(&topology, skew_clocks);
    let load = Load::start(&harness).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    interrupt_skewed(&mut harness).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    verify(&mut harness, load).await;
}

/// Sets the wrong clocks, before the processes start.
pub(super) fn skew_clocks(fleet: &mut Fleet) {
    for process in &mut fleet.processes {
        if let Some((_, seconds)) = CLOCK_SKEWS.iter().find(|(name, _)| *name == process.program.name()) {
            process.program.add_arguments(&["--set", &format!("server.clock_skew_seconds={seconds}")]);
        }
    }
}

/// Takes two processes whose clocks are fast away for two seconds.
pub(super) async fn interrupt_skewed(harness: &mut Harness) {
    // A process that is a minute behind takes over its leases, and what it left in the outbox is sent.
    tokio::task::block_in_place(|| {
        for process in &mut harness.fleet.processes {
            if ["media-1", "transcode-1"].contains(&process.program.name()) {
                process.program.kill();
            }
        }
        std::thread::sleep(Duration::from_secs(2));
        harness.fleet.ensure_running();
    });
}
