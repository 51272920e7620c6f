//! Floods by anonymous clients, and the latencies of members meanwhile.
//!
//! Attackers have addresses of their own in 127.0.0.0/8, so that limits by address distinguish them from members, and
//! run on a runtime of their own. Invariant: a flood is bounded in connections and time, and ends when it is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::http::{Connection, connect_from, status};
use crate::{Error, cores};

/// The number of addresses of the attackers: one per connection in the smaller floods.
const ATTACKERS: u8 = 32;
/// The timeout of opening one stream, or one connection of a flood.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests that [`FloodPattern::Offer`] writes at once.
pub const BATCH: usize = 32;
/// A connection that takes no bytes for so long is opened again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// The number of streams that are opened at the same time.
const MAX_OPENING: usize = 64;

/// Latencies and refusals of members' requests.
#[derive(Debug, Clone, Copy)]
pub struct Latencies {
    /// The median time from the request to the last byte of the response.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// Requests that were refused with 503.
    pub unavailable: usize,
    /// All requests.
    pub requests: usize,
}

/// Requests `paths` in turns, as members do, over `connections` kept open, with a pause of 5 ms between a response and
/// the next request.
pub async fn members(
    address: SocketAddr,
    token: &str,
    paths: &[String],
    connections: usize,
    time: Duration,
) -> Result<Latencies, Error> {
    let until = Instant::now() + time;
    let tasks: Vec<_> = (0..connections)
        .map(|first| {
            let (token, paths) = (token.to_owned(), paths.to_vec());
            tokio::spawn(async move {
                let mut connection = Connection::of_member(address, &token).await.map_err(|error| error.to_string())?;
                let (mut took, mut unavailable) = (Vec::new(), 0);
                for path in paths.iter().cycle().skip(first) {
                    let began = Instant::now();
                    if began >= until {
                        break;
                    }
                    let answer = connection.get(path).await.map_err(|error| error.to_string())?;
                    took.push(began.elapsed());
                    match answer.status {
                        200 => {}
                        503 => unavailable += 1,
                        status => return Err(format!("{path} got {status}")),
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok((took, unavailable))
            })
        })
        .collect();
    let (mut took, mut unavailable) = (Vec::new(), 0);
    for task in tasks {
        let (times, refused) = task.await??;
        took.extend(times);
        unavailable += refused;
    }
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    Ok(Latencies { p50: at(50), p99: at(99), unavailable, requests: took.len() })
}

/// Running anonymous clients, on a thread of their own.
pub struct Flood {
    stop: Arc<AtomicBool>,
    /// Requests that were answered, aborted or, where answers are not waited for, sent so far.
    done: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread ends within its longest wait.
            let _ = thread.join();
        }
    }
}

/// How an attacker behaves.
#[derive(Debug, Clone)]
pub enum FloodPattern {
    /// Reads each response and sends the next request at once.
    Ask(Vec<String>),
    /// Sends a request on a new connection and closes it after this time.
    HangUp(Vec<String>, Duration),
    /// Sends [`BATCH`] requests for a path at each of these intervals, whether those before are answered or not.
    Offer(String, Duration),
    /// Sends a head that never ends, one line at each of these intervals.
    Drip(Duration),
}

impl Flood {
    /// Starts `connections` attackers; each ends after `max_time` at the latest.
    pub fn start(
        address: SocketAddr,
        connections: usize,
        pattern: FloodPattern,
        max_time: Duration,
    ) -> Result<Self, Error> {
        Self::start_on(None, address, connections, pattern, max_time)
    }

    /// The same with all attackers on this core alone.
    pub fn start_on(
        core: Option<usize>,
        address: SocketAddr,
        connections: usize,
        pattern: FloodPattern,
        max_time: Duration,
    ) -> Result<Self, Error> {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), done.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            if let Some(Err(error)) = core.map(cores::take) {
                // The figures would be of something else.
                eprintln!("the flood does not begin: it can't have a core of its own ({error})");
                return;
            }
            let until = Instant::now() + max_time;
            let is_running = move || !stopped.load(Ordering::Relaxed) && Instant::now() < until;
            let tasks: Vec<_> = (0..connections)
                .map(|number| {
                    let (pattern, is_running, counted) = (pattern.clone(), is_running.clone(), counted.clone());
                    runtime.spawn(async move {
                        while is_running() {
                            // A refused or broken connection is opened again.
                            if attack(address, number, &pattern, &is_running, &counted).await.is_err() {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                        }
                    })
                })
                .collect();
            runtime.block_on(async {
                for task in tasks {
                    let _ = task.await;
                }
            });
        });
        Ok(Self { stop, done, thread: Some(thread) })
    }

    /// Returns the number of requests that were answered, aborted or, where answers are not waited for, sent so far; of
    /// [`FloodPattern::Drip`], that of connections.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

async fn attack(
    address: SocketAddr,
    number: usize,
    pattern: &FloodPattern,
    is_running: &(impl Fn() -> bool + Sync),
    counted: &AtomicU64,
) -> Result<(), Error> {
    let source = attacker(number);
    match pattern {
        FloodPattern::Ask(paths) => {
            let mut connection = Connection::open_from(source, address).await?.accepting("gzip, br");
            for path in paths.iter().cycle().skip(number).take_while(|_| is_running()) {
                connection.get(path).await?;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
        FloodPattern::HangUp(paths, after) => {
            let count = counted.fetch_add(1, Ordering::Relaxed) as usize;
            let path = paths.get(count % paths.len().max(1)).ok_or("no path to ask for")?;
            let mut stream = connect_from(source, address).await?;
            stream
                .write_all(
                    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: image/avif,image/webp\r\n\r\n")
                        .as_bytes(),
                )
                .await?;
            tokio::time::sleep(*after).await;
        }
        FloodPattern::Offer(path, interval) => {
            let (reader, writer) = open(source, address).await?.into_split();
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip, br\r\n\r\n");
            let batch = request.repeat(BATCH);
            tokio::select! {
                ended = offer(writer, &batch, *interval, is_running, counted) => ended?,
                ended = discard(reader) => ended?,
            }
        }
        FloodPattern::Drip(interval) => {
            let mut stream = open(source, address).await?;
            counted.fetch_add(1, Ordering::Relaxed);
            stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n").as_bytes()).await?;
            while is_running() {
                tokio::time::sleep(*interval).await;
                stream.write_all(b"X-Slow: 1\r\n").await?;
            }
        }
    }
    Ok(())
}

/// Connects, unless the server accepts nothing for too long.
async fn open(source: Ipv4Addr, address: SocketAddr) -> Result<TcpStream, Error> {
    tokio::time::timeout(OPEN_TIMEOUT, connect_from(source, address)).await?
}

/// Writes a batch of requests at each interval.
async fn offer(
    mut writer: OwnedWriteHalf,
    batch: &str,
    interval: Duration,
    is_running: &(impl Fn() -> bool + Sync),
    counted: &AtomicU64,
) -> Result<(), Error> {
    let mut due = tokio::time::Instant::now();
    while is_running() {
        tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(batch.as_bytes())).await??;
        counted.fetch_add(BATCH as u64, Ordering::Relaxed);
        due += interval;
        tokio::time::sleep_until(due).await;
    }
    Ok(())
}

/// Reads responses until the connection ends, and keeps none.
async fn discard(mut reader: OwnedReadHalf) -> Result<(), Error> {
    let mut bytes = vec![0; 16 * 1024];
    while reader.read(&mut bytes).await? > 0 {}
    Ok(())
}

fn attacker(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 66, 1 + (number % usize::from(ATTACKERS)) as u8)
}

/// Open event streams.
#[derive(Debug)]
pub struct Streams {
    /// The streams that were opened.
    pub open: Vec<TcpStream>,
    /// The number of refused streams.
    pub refused: usize,
}

/// Opens `count` event streams at `path`, anonymously.
pub async fn streams(address: SocketAddr, path: &str, count: usize) -> Streams {
    let permits = Arc::new(tokio::sync::Semaphore::new(MAX_OPENING));
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (permits, path) = (permits.clone(), path.to_owned());
            tokio::spawn(async move {
                let _permit = permits.acquire().await;
                tokio::time::timeout(OPEN_TIMEOUT, stream(address, attacker(number), &path)).await.ok()?.ok()
            })
        })
        .collect();
    let mut streams = Streams { open: Vec::new(), refused: 0 };
    for task in tasks {
        match task.await {
            Ok(Some(stream)) => streams.open.push(stream),
            _ => streams.refused += 1,
        }
    }
    streams
}

async fn stream(address: SocketAddr, source: Ipv4Addr, path: &str) -> Result<TcpStream, Error> {
    let mut stream = connect_from(source, address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n").as_bytes())
        .await?;
    let mut head = vec![0; 64];
    let read = stream.read(&mut head).await?;
    let line = String::from_utf8_lossy(head.get(..read).unwrap_or_default()).into_owned();
    match status(&line)? {
        200 => Ok(stream),
        status => Err(format!("the stream got {status}").into()),
    }
}
