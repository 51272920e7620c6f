//! The load generator: uploads that arrive on a schedule, each on its own connection.
//!
//! Open arrival: upload `i` of `n` starts at `i / n` of the window whether or not earlier ones are done, as guests at a
//! wedding do, and its time counts from then. Invariant: nothing is sent twice; an upload that is not accepted counts
//! as refused.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::Error;
use crate::http;
use crate::photos::Photos;

/// The timeout of one upload.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);

/// The uploads of one run.
pub struct Load {
    /// The server's address.
    pub address: SocketAddr,
    /// The number of uploads.
    pub uploads: usize,
    /// The window in which they arrive.
    pub window: Duration,
    /// The photos.
    pub photos: Arc<Photos>,
    /// Returns the request line and the headers of upload `number`, without the last empty line and the length.
    pub head: Arc<dyn Fn(usize) -> String + Send + Sync>,
}

/// The results of one run.
#[derive(Debug)]
pub struct Outcome {
    /// Uploads with the response 201 (or 204, nginx's for an existing file).
    pub accepted: usize,
    /// Reasons of refusals, and the count of each.
    pub refused: BTreeMap<String, usize>,
    /// Bytes of the accepted photos.
    pub bytes: u64,
    /// From the first arrival to the last response.
    pub wall: Duration,
    /// The median time from arrival to response.
    pub median: Duration,
    /// The 99th percentile of the same.
    pub p99: Duration,
}

impl Load {
    /// Sends all uploads.
    pub async fn run(self) -> Outcome {
        let began = Instant::now() + Duration::from_millis(100);
        let load = Arc::new(self);
        let tasks: Vec<_> = (0..load.uploads)
            .map(|number| {
                let load = load.clone();
                tokio::spawn(async move {
                    let arrival = began + load.window.mul_f64(number as f64 / load.uploads as f64);
                    tokio::time::sleep_until(arrival).await;
                    let sent = tokio::time::timeout(UPLOAD_TIMEOUT, load.upload(number)).await;
                    let sent = sent
                        .unwrap_or_else(|_| Err(format!("no response within {} s", UPLOAD_TIMEOUT.as_secs()).into()));
                    (arrival, Instant::now(), sent.map_err(|error| error.to_string()))
                })
            })
            .collect();
        let mut outcome = Outcome {
            accepted: 0,
            refused: BTreeMap::new(),
            bytes: 0,
            wall: Duration::ZERO,
            median: Duration::ZERO,
            p99: Duration::ZERO,
        };
        let mut times = Vec::new();
        for task in tasks {
            let refusal = match task.await {
                Ok((arrival, answered, Ok(bytes))) => {
                    outcome.accepted += 1;
                    outcome.bytes += bytes;
                    outcome.wall = outcome.wall.max(answered - began);
                    times.push(answered - arrival);
                    continue;
                }
                Ok((_, _, Err(refusal))) => refusal,
                Err(error) => error.to_string(),
            };
            *outcome.refused.entry(refusal).or_insert(0) += 1;
        }
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        (outcome.median, outcome.p99) = (at(50), at(99));
        outcome
    }

    async fn upload(&self, number: usize) -> Result<u64, Error> {
        let photo = self.photos.get(number);
        let head = format!(
            "{}Host: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            (self.head)(number),
            self.address,
            photo.bytes
        );
        let mut stream = TcpStream::connect(self.address).await?;
        let mut slices = vec![IoSlice::new(head.as_bytes())];
        slices.extend(photo.pieces.iter().map(|piece| IoSlice::new(piece)));
        let mut left = &mut slices[..];
        while !left.is_empty() {
            match stream.write_vectored(left).await {
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                // The server may have refused early: its response, if there is one, has the reason.
                Err(_) => break,
            }
        }
        let mut answer = Vec::new();
        let read = stream.take(64 * 1024).read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        let status = match (http::status(text.lines().next().unwrap_or_default()), read) {
            (Ok(status), _) => status,
            (Err(_), Err(error)) => return Err(error.into()),
            (Err(error), Ok(_)) => return Err(error),
        };
        match status {
            201 | 204 => Ok(photo.bytes),
            _ => {
                let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                let code = serde_json::from_str(body)
                    .ok()
                    .and_then(|problem: serde_json::Value| Some(problem["code"].as_str()?.to_owned()));
                Err(format!("{status} {}", code.unwrap_or_default()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a server that reads each request whole and responds with `201` or a refusal.
    async fn accepting_server() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut sent = Vec::new();
                    let mut chunk = vec![0; 1 << 16];
                    loop {
                        let text = String::from_utf8_lossy(&sent[..sent.len().min(400)]).into_owned();
                        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, _)| {
                            let length = head.split_once("Content-Length: ").unwrap().1.lines().next().unwrap();
                            sent.len() == head.len() + 4 + length.parse::<usize>().unwrap()
                        });
                        if whole {
                            let refused = text.starts_with("POST /3 ");
                            let answer = if refused {
                                "HTTP/1.1 503 No\r\n\r\n{\"code\":\"server.busy\"}"
                            } else {
                                "HTTP/1.1 201 Yes\r\n\r\n"
                            };
                            return stream.write_all(answer.as_bytes()).await;
                        }
                        let read = stream.read(&mut chunk).await?;
                        sent.extend(&chunk[..read]);
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn every_byte_arrives_and_refusals_are_counted() {
        let folder = std::env::temp_dir().join(format!("tutti-bench-load-{}", std::process::id()));
        let photos = Arc::new(Photos::make(&folder).await.unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
        let head = Arc::new(|number: usize| format!("POST /{number} HTTP/1.1\r\n"));
        let outcome =
            Load { address: accepting_server().await, uploads: 8, window: Duration::from_millis(50), photos, head }
                .run()
                .await;
        assert_eq!(outcome.accepted, 7);
        assert_eq!(outcome.refused, BTreeMap::from([("503 server.busy".to_owned(), 1)]));
    }
}
