//! The short form of the fault tests: one fleet, one load, and each kind of fault in turn.
//!
//! What `make test` runs. To start a fleet and to compare everything at the end takes longer than most faults, so the
//! faults share them, and each lasts as long as the time-outs that it meets; in `make faults` each has a fleet of its
//! own, and many rounds. Invariant: nothing is repaired between two faults.

use testkit::fleet::Topology;

use super::clock::{interrupt_skewed, skew_clocks};
use super::engines::interrupt_each;
use super::harness::Harness;
use super::load::Load;
use super::network::{ProxiesBetween, disturb_engines, disturb_processes, proxies_between};
use super::processes::{freeze_half, kill_each};
use super::short_or_long;
use super::verify::verify;

/// Roles of which the short form has two processes: those of which one is frozen or has a wrong clock, and gateways, so
/// that a client has another one to go to. A process takes a second of processor time at each of its four starts.
const TWICE: [&str; 5] = ["accounts", "media", "transcode", "delivery", "gateway"];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_in_turn_loses_nothing_and_leaves_nothing() {
    let twice = short_or_long::<&[&str]>(&TWICE, &Topology::ROLES);
    let topology = twice.iter().fold(Topology::one_of_each(), |topology, role| topology.with(role, 2));
    let mut proxies = ProxiesBetween::new();
    let mut harness = Harness::start_with(&topology, |fleet| {
        proxies = proxies_between(fleet);
        skew_clocks(fleet);
    });
    let load = Load::start(&harness).await;
    freeze_half(&harness, &load, 1).await;
    interrupt_skewed(&mut harness).await;
    disturb_processes(&proxies, 1).await;
    disturb_engines(&harness, 1).await;
    interrupt_each(&mut harness, &load, 1).await;
    kill_each(&mut harness, 1).await;
    verify(&mut harness, load).await;
}
