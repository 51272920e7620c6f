//! Members who follow their conversations, each on a connection of its own.
//!
//! Invariant: a message counts when its whole event has arrived at a member who has not written it; a member who is cut
//! off counts no more, so what is sent to them is missing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::Error;
use crate::installation::{Member, connect};

/// Members who connect at once.
const OPENING_AT_ONCE: usize = 32;
/// After this time without a message, those that are missing are lost.
const SILENCE: Duration = Duration::from_secs(10);
const PATH: &str = "/v1/chat/stream";

/// A message that has arrived at one member, with times since the beginning of the measurement.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// When it was due to be sent.
    pub sent: Duration,
    /// When its event was read.
    pub arrived: Duration,
}

/// Members who are connected until this is dropped.
#[derive(Debug)]
pub struct Followers {
    received: UnboundedReceiver<Delivery>,
    _tasks: JoinSet<()>,
}

impl Followers {
    /// Connects each member, and waits until each has received its first event, the places.
    pub async fn open(gateway: SocketAddr, members: &[Member], began: Instant) -> Result<Self, Error> {
        let (sender, received) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for some in members.chunks(OPENING_AT_ONCE) {
            let mut opening = JoinSet::new();
            for member in some {
                opening.spawn(open(gateway, member.clone()));
            }
            while let Some(opened) = opening.join_next().await {
                let (events, account) = opened??;
                tasks.spawn(follow(events, account, began, sender.clone()));
            }
        }
        Ok(Self { received, _tasks: tasks })
    }

    /// Returns the next deliveries of what was sent since a moment: so many, or fewer if some are lost.
    pub async fn collect(&mut self, expected: usize, since: Duration) -> Vec<Delivery> {
        let mut deliveries = Vec::with_capacity(expected);
        while deliveries.len() < expected
            && let Ok(Some(delivery)) = timeout(SILENCE, self.received.recv()).await
        {
            if delivery.sent >= since {
                deliveries.push(delivery);
            }
        }
        deliveries
    }
}

/// The events of a stream. A long one comes in several chunks.
#[derive(Debug)]
struct Events {
    stream: BufReader<TcpStream>,
    unread: Vec<u8>,
}

impl Events {
    /// Returns the next event or comment; `None` at the end of the stream.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let rest = self.unread.split_off(at + 2);
                return Ok(Some(String::from_utf8(std::mem::replace(&mut self.unread, rest))?));
            }
            if !self.read_chunk().await? {
                return Ok(None);
            }
        }
    }

    /// Reads a chunk (RFC 9112, section 7.1). Returns whether there was one.
    async fn read_chunk(&mut self) -> Result<bool, Error> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let (bytes, at) = (usize::from_str_radix(line.trim(), 16)?, self.unread.len());
        self.unread.resize(at + bytes + 2, 0);
        self.stream.read_exact(&mut self.unread[at..]).await?;
        self.unread.truncate(at + bytes);
        Ok(bytes > 0)
    }
}

/// Returns the value of a field of an event; empty if it has none.
fn field<'e>(event: &'e str, name: &str) -> &'e str {
    event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim_start)
}

async fn open(gateway: SocketAddr, member: Member) -> Result<(Events, Uuid), Error> {
    let stream = connect(gateway, &member).await?.follow(PATH).await?;
    let mut events = Events { stream, unread: Vec::new() };
    let first = events.next().await?.unwrap_or_default();
    match field(&first, "event") {
        "places" => Ok((events, member.account)),
        name => Err(format!("a stream began with {name:?} instead of places").into()),
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    kind: String,
    member: Option<Uuid>,
    message: Option<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    text: String,
}

impl Change {
    /// Returns when the message of another member was due; `None` for any other change.
    fn sent_to(&self, account: Uuid) -> Option<Duration> {
        let message = self.message.as_ref().filter(|_| self.kind == "message" && self.member != Some(account))?;
        due(&message.text)
    }
}

/// Returns the text of a message, which says when it is due.
pub fn text(due: Duration) -> String {
    format!("{} µs in: shall we sing it a tone lower?", due.as_micros())
}

fn due(text: &str) -> Option<Duration> {
    text.split(' ').next()?.parse().ok().map(Duration::from_micros)
}

/// Reads events until the stream ends, and reports each message of others.
async fn follow(mut events: Events, account: Uuid, began: Instant, sender: UnboundedSender<Delivery>) {
    while let Ok(Some(event)) = events.next().await {
        if field(&event, "event") != "changes" {
            continue;
        }
        let arrived = began.elapsed();
        let Ok(page) = serde_json::from_str::<Page>(field(&event, "data")) else { return };
        for sent in page.changes.iter().filter_map(|change| change.sent_to(account)) {
            if sender.send(Delivery { sent, arrived }).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_others_say_when_they_were_due() {
        let [ada, bob] = [1, 2].map(Uuid::from_u128);
        let message = Some(Message { text: text(Duration::from_micros(1_500)) });
        let change = Change { kind: "message".into(), member: Some(ada), message };
        assert_eq!(change.sent_to(bob), Some(Duration::from_micros(1_500)));
        assert_eq!(change.sent_to(ada), None);
    }

    #[test]
    fn fields_of_events_are_read() {
        let event = "event: changes\ndata: {\"changes\":[]}\n\n";
        assert_eq!((field(event, "event"), field(event, "data")), ("changes", "{\"changes\":[]}"));
        assert_eq!(field(":\n\n", "event"), "");
    }
}
