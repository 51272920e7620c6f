//! Processes that are killed and frozen in the middle of their work.
//!
//! Invariant: a killed process is restarted with the same arguments and nothing else.

use std::time::{Duration, Instant};

use testkit::fleet::Topology;

use super::harness::Harness;
use super::load::Load;
use super::short_or_long;
use super::uploads::upload_until_accepted;
use super::verify::verify;

/// One process of accounts, so that it is unavailable at times, and two of each other role.
fn topology() -> Topology {
    Topology::one_of_each().with("media", 2).with("transcode", 2).with("delivery", 2).with("gateway", 2)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn killed_processes_lose_nothing_and_leave_nothing() {
    let mut harness = Harness::start(&topology());
    let load = Load::start(&harness).await;
    kill_each(&mut harness, 12).await;
    verify(&mut harness, load).await;
}

/// Kills one process after the other, `rounds` times, and then all at once, as when a machine fails. The next one is
/// killed while the last one starts; the second process of a role after the first processes of all.
pub(super) async fn kill_each(harness: &mut Harness, rounds: usize) {
    let names = harness.fleet.processes.iter().map(|process| process.program.name().to_owned()).enumerate();
    let mut order: Vec<(usize, String)> = names.collect();
    order.sort_by_key(|(at, name)| (name.rsplit('-').next().map(str::to_owned), *at));
    for _ in 0..rounds {
        for (at, _) in &order {
            let pause = rand::random_range(short_or_long(150..700_u64, 200..1200));
            tokio::time::sleep(Duration::from_millis(pause)).await;
            tokio::task::block_in_place(|| {
                let program = &mut harness.fleet.processes[*at].program;
                program.kill();
                program.spawn();
            });
        }
        tokio::task::block_in_place(|| harness.fleet.ensure_running());
    }
    tokio::task::block_in_place(|| {
        harness.fleet.kill();
        harness.fleet.ensure_running();
    });
    println!("{} processes were killed", (rounds + 1) * harness.fleet.processes.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn frozen_processes_delay_no_request_and_do_no_harm_when_they_thaw() {
    let mut harness = Harness::start(&topology());
    let load = Load::start(&harness).await;
    freeze_half(&harness, &load, 8).await;
    verify(&mut harness, load).await;
}

/// Freezes one process of each role behind the gateways at the same moment, and thaws them, `rounds` times; the others
/// go on, whatever lock or lease the frozen ones hold. (A client of a frozen gateway waits: a load balancer before the
/// gateways has to notice that.)
pub(super) async fn freeze_half(harness: &Harness, load: &Load, rounds: usize) {
    for _ in 0..rounds {
        for role in ["media", "transcode", "delivery"] {
            tokio::time::sleep(Duration::from_millis(rand::random_range(100..400))).await;
            harness.fleet.with_role(role).next().unwrap().program.freeze();
        }
        for gateway in harness.fleet.with_role("gateway") {
            wait_for_one_healthy_instance(&gateway.operations_url, ["media", "delivery"]).await;
        }
        let noticed = Instant::now();
        // Requests to a frozen process time out after some ten seconds, or go to another one.
        while noticed.elapsed() < short_or_long(Duration::from_secs(3), Duration::from_secs(25)) {
            let (photo, began) = (load.samples.photo(), Instant::now());
            let id = upload_until_accepted(&load.client, &photo).await;
            assert!(load.client.get(&format!("/v1/media/{id}/original")).await.body == photo);
            assert!(
                began.elapsed() < Duration::from_secs(8),
                "an upload and its reading took {:?} while half of the processes were frozen",
                began.elapsed()
            );
            load.ledger.record(id, photo);
        }
        harness.fleet.processes.iter().for_each(|process| process.program.thaw());
        tokio::time::sleep(short_or_long(Duration::from_secs(1), Duration::from_secs(2))).await;
    }
}

/// Waits until a gateway's metrics count one healthy instance of two.
async fn wait_for_one_healthy_instance(operations_url: &str, roles: [&str; 2]) {
    let began = Instant::now();
    loop {
        let metrics = reqwest::get(format!("{operations_url}/metrics")).await.unwrap().text().await.unwrap();
        if roles.iter().all(|role| metrics.contains(&format!("tutti_peer_instances_healthy{{role=\"{role}\"}} 1\n"))) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{operations_url} has not noticed: {metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
