//! Requests of many members at a steady rate: open arrival, so that a slow response delays no other request.
//!
//! Invariant: a time counts from when its request was due, and a response other than the expected one fails the run.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::http::Connection;

/// Times in milliseconds, ascending.
#[derive(Debug, Clone)]
pub struct Times(Vec<f64>);

impl Times {
    /// Returns the time that so many percent of the requests do not exceed.
    pub fn percentile(&self, percent: usize) -> f64 {
        self.0.get(self.0.len() * percent / 100).or(self.0.last()).copied().unwrap_or_default()
    }

    /// Returns the longest time.
    pub fn worst(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// Returns the number of requests.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl From<Vec<f64>> for Times {
    fn from(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self(times)
    }
}

/// A request, and the status of its success.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// A JSON body; empty for none.
    pub body: Vec<u8>,
    /// The status.
    pub status: u16,
}

impl Exchange {
    /// Returns a GET.
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), body: Vec::new(), status: 200 }
    }

    /// Sends it and returns the response's body.
    pub async fn run(&self, connection: &mut Connection) -> Result<Vec<u8>, Error> {
        let kind = if self.body.is_empty() { "" } else { "application/json" };
        let response = connection.send(self.method, &self.path, kind, &self.body).await?;
        Ok(response.expect(self.status)?.body)
    }
}

/// Lets each connection send its requests in turn, so that all together begin `per_second`, evenly. Returns the times
/// once all are done.
pub async fn run(connections: Vec<(Connection, Vec<Exchange>)>, per_second: f64) -> Result<Times, Error> {
    let interval = Duration::from_secs_f64(connections.len() as f64 / per_second);
    let began = Instant::now() + Duration::from_millis(50);
    let mut clients = JoinSet::new();
    for (at, (connection, exchanges)) in connections.into_iter().enumerate() {
        let first = began + Duration::from_secs_f64(at as f64 / per_second);
        clients.spawn(send_each(connection, exchanges, first, interval));
    }
    let mut times = Vec::new();
    while let Some(ended) = clients.join_next().await {
        times.extend(ended??);
    }
    Ok(Times::from(times))
}

async fn send_each(
    mut connection: Connection,
    exchanges: Vec<Exchange>,
    first: Instant,
    interval: Duration,
) -> Result<Vec<f64>, Error> {
    let (mut times, mut due) = (Vec::new(), first);
    for exchange in exchanges {
        sleep_until(due).await;
        exchange.run(&mut connection).await?;
        times.push(due.elapsed().as_secs_f64() * 1000.0);
        due += interval;
    }
    Ok(times)
}

/// Lets each connection send its requests one after the other without a pause until `window` is over. Returns how many
/// were done a second.
pub async fn flat_out(connections: Vec<(Connection, Vec<Exchange>)>, window: Duration) -> Result<f64, Error> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for (mut connection, exchanges) in connections {
        clients.spawn(async move {
            for (done, exchange) in (0_u32..).zip(exchanges) {
                if began.elapsed() >= window {
                    return Ok(done);
                }
                exchange.run(&mut connection).await?;
            }
            Err::<u32, Error>("a client had too few requests for the window".into())
        });
    }
    let mut done = 0;
    while let Some(ended) = clients.join_next().await {
        done += ended??;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_sorted_times() {
        let times = Times::from((0..200).rev().map(f64::from).collect::<Vec<_>>());
        assert!((times.percentile(99) - 198.0).abs() < 1e-9 && (times.worst() - 199.0).abs() < 1e-9);
        assert!(times.count() == 200 && Times::from(Vec::new()).percentile(99).abs() < 1e-9);
    }
}
