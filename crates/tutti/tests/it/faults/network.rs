//! A network between the processes and their engines, and between the processes, that is late, slow, cut and silent.
//!
//! Invariant: bytes arrive as they were sent, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::engines::{NetworkFault, Proxy};
use testkit::fleet::{Fleet, Topology};

use super::form;
use super::harness::Harness;
use super::load::Load;
use super::verify::verify;

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_network_delays_and_loses_nothing() {
    let mut harness = Harness::set(&Topology::one_of_each().with("media", 2));
    let load = Load::start(&harness).await;
    let lasts = form(Duration::from_secs(3), Duration::from_secs(20));
    for _ in 0..form(1, 3) {
        for weather in [NetworkFault::Delay(Duration::from_millis(120)), NetworkFault::Throttle(128 * 1024)] {
            println!("{weather:?} everywhere");
            harness.roads.all().iter().for_each(|road| road.set(weather));
            tokio::time::sleep(lasts).await;
            harness.clear();
        }
        for (at, name) in ["PostgreSQL", "NATS", "S3"].into_iter().enumerate() {
            println!("connections to {name} are cut, then refused, then silent");
            for _ in 0..form(4, 20) {
                harness.roads.all()[at].cut_once();
                tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
            }
            for weather in [NetworkFault::Cut, NetworkFault::Blackhole] {
                harness.roads.all()[at].set(weather);
                tokio::time::sleep(lasts).await;
                harness.clear();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    verify(&mut harness, load).await;
}

/// A proxy before every process that others knock at, by the process's own address.
fn roads_between(fleet: &Fleet) -> BTreeMap<String, (&'static str, Proxy)> {
    let inner = fleet.processes.iter().filter(|player| player.role != "gateway");
    let roads: BTreeMap<_, _> = inner.map(|player| (player.url.clone(), (player.role, Proxy::before(player.port())))).collect();
    fleet.set_peers(|player| roads.get(&player.url).map_or(player.url.clone(), |(_, road)| format!("http://127.0.0.1:{}", road.port())));
    roads
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_network_between_the_processes_loses_nothing() {
    let mut roads = BTreeMap::new();
    let mut harness = Harness::set_with(&Topology::one_of_each().with("media", 2).with("gateway", 2), |fleet| roads = roads_between(fleet));
    let load = Load::start(&harness).await;
    // A request that is on its way when a road falls silent waits for as long, and no member waits for longer than 20 s.
    let lasts = form(Duration::from_secs(3), Duration::from_secs(14));
    let to = |role: &'static str| roads.values().filter(move |(of, _)| *of == role).map(|(_, road)| road);
    for _ in 0..form(1, 3) {
        for weather in [NetworkFault::Delay(Duration::from_millis(120)), NetworkFault::Throttle(128 * 1024)] {
            println!("{weather:?} everywhere");
            roads.values().for_each(|(_, road)| road.set(weather));
            tokio::time::sleep(lasts).await;
            roads.values().for_each(|(_, road)| road.set(NetworkFault::None));
        }
        for role in ["accounts", "media", "delivery"] {
            println!("connections to {role} are cut, then refused, then silent");
            for _ in 0..form(4, 20) {
                to(role).for_each(Proxy::cut_once);
                tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
            }
            for weather in [NetworkFault::Cut, NetworkFault::Blackhole] {
                to(role).for_each(|road| road.set(weather));
                tokio::time::sleep(lasts).await;
                to(role).for_each(|road| road.set(NetworkFault::None));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    verify(&mut harness, load).await;
}
