//! Requests at a steady rate to the gateways that a load balancer would choose.
//!
//! Invariant: each request has a connection of its own, and every one without a 200 is kept with its reason.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Error;
use crate::http::Connection;

/// Tasks that send requests.
const WORKERS: usize = 8;
/// A worker's requests are so far apart, whether those before are answered or not.
const INTERVAL: Duration = Duration::from_millis(40);
/// The requests of all workers.
pub const PER_SECOND: usize = WORKERS * 1_000 / INTERVAL.as_millis() as usize;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// What is asked for, of accounts, media and chat in turns.
pub const PATHS: [&str; 3] = ["/v1/me", "/v1/media?limit=20", "/v1/conversations"];

/// What has become of the requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From when each request was due to its whole response, in milliseconds.
    pub times: Vec<f64>,
    /// Why requests failed.
    pub failures: Vec<String>,
}

/// Running requests.
#[derive(Debug)]
pub struct Traffic {
    /// The gateways in balance. Without any, the workers end.
    gateways: watch::Sender<Vec<SocketAddr>>,
    workers: JoinSet<Outcome>,
}

impl Traffic {
    /// Begins to send requests as the member with this token.
    pub fn start(gateways: Vec<SocketAddr>, token: &str) -> Self {
        let (gateways, in_balance) = watch::channel(gateways);
        let mut workers = JoinSet::new();
        for number in 0..WORKERS {
            workers.spawn(work(in_balance.clone(), token.to_owned(), number));
        }
        Self { gateways, workers }
    }

    /// Takes a gateway out of the balance.
    pub fn remove(&self, gateway: SocketAddr) {
        self.gateways.send_modify(|gateways| gateways.retain(|other| *other != gateway));
    }

    /// Brings it back.
    pub fn add(&self, gateway: SocketAddr) {
        self.gateways.send_modify(|gateways| gateways.push(gateway));
    }

    /// Ends the requests.
    pub async fn end(mut self) -> Result<Outcome, Error> {
        self.gateways.send_modify(Vec::clear);
        let mut all = Outcome::default();
        while let Some(ended) = self.workers.join_next().await {
            let own = ended?;
            all.times.extend(own.times);
            all.failures.extend(own.failures);
        }
        Ok(all)
    }
}

async fn work(gateways: watch::Receiver<Vec<SocketAddr>>, token: String, number: usize) -> Outcome {
    let (mut outcome, mut due) = (Outcome::default(), Instant::now());
    for at in number.. {
        sleep_until(due).await;
        let Some(gateway) = choose(&gateways, at) else { break };
        let path = PATHS[at % PATHS.len()];
        match timeout(REQUEST_TIMEOUT, request(gateway, &token, path)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => outcome.failures.push(format!("{path}: {error}")),
            Err(_) => outcome.failures.push(format!("{path}: no response in time")),
        }
        outcome.times.push(due.elapsed().as_secs_f64() * 1000.0);
        due += INTERVAL;
    }
    outcome
}

/// Returns one of the gateways in balance, in turns.
fn choose(gateways: &watch::Receiver<Vec<SocketAddr>>, at: usize) -> Option<SocketAddr> {
    let gateways = gateways.borrow();
    gateways.get(at % gateways.len().max(1)).copied()
}

async fn request(gateway: SocketAddr, token: &str, path: &str) -> Result<(), Error> {
    let response = Connection::of_member(gateway, token).await?.get(path).await?;
    response.expect(200).map(drop)
}
