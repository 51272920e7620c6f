//! Clients that follow their notices, each on a connection of its own.
//!
//! Invariant: a notice counts when its whole event has arrived; a client that is cut off counts no more, so its notices
//! are missing.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Error;
use crate::installation::{Member, connect};

/// Clients that connect at once.
const OPENING_AT_ONCE: usize = 32;
/// After this time without a notice, those that are missing are lost.
const SILENCE: Duration = Duration::from_secs(10);
const PATH: &str = "/v1/notifications/stream";

/// Clients that are connected until this is dropped.
#[derive(Debug)]
pub struct Clients {
    received: UnboundedReceiver<f64>,
    _tasks: JoinSet<()>,
}

impl Clients {
    /// Connects a client for each member, and waits until each has received its first event, its counts.
    pub async fn open(gateway: SocketAddr, members: &[Member]) -> Result<Self, Error> {
        let (sender, received) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for some in members.chunks(OPENING_AT_ONCE) {
            let mut opening = JoinSet::new();
            for member in some {
                opening.spawn(open(gateway, member.clone()));
            }
            while let Some(opened) = opening.join_next().await {
                tasks.spawn(follow(opened??, sender.clone()));
            }
        }
        Ok(Self { received, _tasks: tasks })
    }

    /// Returns the milliseconds of the next notices, from when each got its id until its client had it: so many, or
    /// fewer if some are lost.
    pub async fn collect(&mut self, expected: usize) -> Vec<f64> {
        let mut times = Vec::with_capacity(expected);
        while times.len() < expected
            && let Ok(Some(time)) = timeout(SILENCE, self.received.recv()).await
        {
            times.push(time);
        }
        times
    }
}

/// One event of a stream.
#[derive(Debug, Default)]
struct ReceivedEvent {
    name: String,
    id: String,
}

/// Reads the next event. Lengths of chunks, data and comments are passed over. `None` at the end of the stream.
async fn next(lines: &mut BufReader<TcpStream>) -> Result<Option<ReceivedEvent>, Error> {
    let (mut event, mut line) = (ReceivedEvent::default(), String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if let Some(name) = text.strip_prefix("event:") {
            name.trim_start().clone_into(&mut event.name);
        } else if let Some(id) = text.strip_prefix("id:") {
            id.trim_start().clone_into(&mut event.id);
        } else if text.is_empty() && !event.name.is_empty() {
            return Ok(Some(event));
        }
    }
}

async fn open(gateway: SocketAddr, member: Member) -> Result<BufReader<TcpStream>, Error> {
    let mut lines = connect(gateway, &member).await?.follow(PATH).await?;
    let first = next(&mut lines).await?.map(|event| event.name).unwrap_or_default();
    if first == "counts" { Ok(lines) } else { Err(format!("a stream began with {first:?} instead of counts").into()) }
}

/// Reads events until the stream ends, and reports the time of each notice.
async fn follow(mut lines: BufReader<TcpStream>, sender: UnboundedSender<f64>) {
    while let Ok(Some(event)) = next(&mut lines).await {
        if event.name != "notice" {
            continue;
        }
        let Ok(id) = event.id.parse::<Uuid>() else { return };
        if sender.send(age_ms(id)).is_err() {
            return;
        }
    }
}

/// Returns the milliseconds since an id was drawn (RFC 9562, section 5.7).
fn age_ms(id: Uuid) -> f64 {
    Utc::now().timestamp_micros() as f64 / 1000.0 - (id.as_u128() >> 80) as f64
}
