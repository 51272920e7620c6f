//! Network faults between the processes and their engines, and between the processes: delay, low throughput, cuts and
//! silence.
//!
//! Invariant: bytes arrive as they were sent, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::engines::{NetworkFault, Proxy};
use testkit::fleet::{Fleet, Topology};

use super::harness::Harness;
use super::load::Load;
use super::short_or_long;
use super::verify::verify;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn a_faulty_network_delays_and_loses_nothing() {
    let mut harness = Harness::start(&Topology::one_of_each().with("media", 2));
    let load = Load::start(&harness).await;
    disturb_engines(&harness, 3).await;
    verify(&mut harness, load).await;
}

/// How long each fault lasts. Silence is as long as a time-out for connecting; what is slow or refused shows at once.
struct Durations {
    slow: Duration,
    refused: Duration,
    silent: Duration,
    /// Between two faults.
    pause: Duration,
}

impl Durations {
    /// Those of the short form, or so many seconds of each fault.
    fn short_or(long_seconds: u64) -> Self {
        let (second, long) = (Duration::from_secs(1), Duration::from_secs(long_seconds));
        let short =
            Self { slow: second, refused: second, silent: Duration::from_secs(2), pause: Duration::from_millis(300) };
        short_or_long(short, Self { slow: long, refused: long, silent: long, pause: second })
    }
}

/// Makes the network before the engines slow, cut and silent, `rounds` times.
pub(super) async fn disturb_engines(harness: &Harness, rounds: usize) {
    let durations = Durations::short_or(20);
    for _ in 0..rounds {
        for fault in [NetworkFault::Delay(Duration::from_millis(120)), NetworkFault::Throttle(128 * 1024)] {
            println!("{fault:?} everywhere");
            harness.proxies.all().iter().for_each(|proxy| proxy.set(fault));
            tokio::time::sleep(durations.slow).await;
            harness.clear_faults();
        }
        for (at, name) in ["PostgreSQL", "NATS", "S3"].into_iter().enumerate() {
            println!("connections to {name} are cut, then refused, then silent");
            for _ in 0..short_or_long(2, 20) {
                harness.proxies.all()[at].cut_once();
                tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
            }
            for (fault, duration) in
                [(NetworkFault::Cut, durations.refused), (NetworkFault::Blackhole, durations.silent)]
            {
                harness.proxies.all()[at].set(fault);
                tokio::time::sleep(duration).await;
                harness.clear_faults();
                tokio::time::sleep(durations.pause).await;
            }
        }
    }
}

/// A proxy before each process that a gateway or another role calls, by the process's own URL, with its role.
pub(super) type ProxiesBetween = BTreeMap<String, (&'static str, Proxy)>;

/// Starts a proxy before every process except the gateways; the key is the process's own URL.
pub(super) fn proxies_between(fleet: &Fleet) -> ProxiesBetween {
    let inner = fleet.processes.iter().filter(|process| process.role != "gateway");
    let proxies: ProxiesBetween =
        inner.map(|process| (process.url.clone(), (process.role, Proxy::before(process.port())))).collect();
    fleet.set_peers(|process| {
        proxies.get(&process.url).map_or(process.url.clone(), |(_, proxy)| format!("http://127.0.0.1:{}", proxy.port()))
    });
    proxies
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn a_faulty_network_between_the_processes_loses_nothing() {
    let mut proxies = ProxiesBetween::new();
    let mut harness = Harness::start_with(&Topology::one_of_each().with("media", 2).with("gateway", 2), |fleet| {
        proxies = proxies_between(fleet);
    });
    let load = Load::start(&harness).await;
    disturb_processes(&proxies, 3).await;
    verify(&mut harness, load).await;
}

/// Makes the network between the processes slow, cut and silent, `rounds` times.
pub(super) async fn disturb_processes(proxies: &ProxiesBetween, rounds: usize) {
    // A request in flight waits as long as the proxy is silent, and no client waits for longer than 20 s.
    let durations = Durations::short_or(14);
    let proxies_to = |role: &'static str| proxies.values().filter(move |(of, _)| *of == role).map(|(_, proxy)| proxy);
    for _ in 0..rounds {
        for fault in [NetworkFault::Delay(Duration::from_millis(120)), NetworkFault::Throttle(128 * 1024)] {
            println!("{fault:?} everywhere");
            proxies.values().for_each(|(_, proxy)| proxy.set(fault));
            tokio::time::sleep(durations.slow).await;
            proxies.values().for_each(|(_, proxy)| proxy.set(NetworkFault::None));
        }
        for role in ["accounts", "media", "delivery"] {
            println!("connections to {role} are cut, then refused, then silent");
            for _ in 0..short_or_long(2, 20) {
                proxies_to(role).for_each(Proxy::cut_once);
                tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
            }
            for (fault, duration) in
                [(NetworkFault::Cut, durations.refused), (NetworkFault::Blackhole, durations.silent)]
            {
                proxies_to(role).for_each(|proxy| proxy.set(fault));
                tokio::time::sleep(duration).await;
                proxies_to(role).for_each(|proxy| proxy.set(NetworkFault::None));
                tokio::time::sleep(durations.pause).await;
            }
        }
    }
}
