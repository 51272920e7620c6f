//! A network between the processes and their engines that is late, slow, cut and silent.
//!
//! Invariant: bytes arrive as they were sent, or not at all.

use std::time::Duration;

use testkit::engines::Weather;
use testkit::fleet::Shape;

use super::form;
use super::judge::judge;
use super::load::Load;
use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_network_delays_and_loses_nothing() {
    let mut stage = Stage::set(&Shape::one_of_each().with("media", 2));
    let load = Load::start(&stage).await;
    let lasts = form(Duration::from_secs(3), Duration::from_secs(20));
    for _ in 0..form(1, 3) {
        for weather in [Weather::Late(Duration::from_millis(120)), Weather::Slow(128 * 1024)] {
            println!("{weather:?} everywhere");
            stage.roads.all().iter().for_each(|road| road.set(weather));
            tokio::time::sleep(lasts).await;
            stage.clear();
        }
        for (at, name) in ["PostgreSQL", "NATS", "S3"].into_iter().enumerate() {
            println!("connections to {name} are cut, then refused, then silent");
            for _ in 0..form(4, 20) {
                stage.roads.all()[at].cut_once();
                tokio::time::sleep(Duration::from_millis(rand::random_range(50..500))).await;
            }
            for weather in [Weather::Cut, Weather::Swallow] {
                stage.roads.all()[at].set(weather);
                tokio::time::sleep(lasts).await;
                stage.clear();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    judge(&mut stage, load).await;
}
