//! WebSockets: the connection of a client and the one to its role, tied together until either ends, or the gateway does.
//!
//! A gateway that ends says "going away" (1001) between two frames of the role's, so that a client connects again at once, to another one.
//! Invariant: a socket keeps the place of its connection at the door and one among the streams, and one over which nothing goes ends by itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures::future::{Either, select};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kit::http::Place;
use kit::peer::{Error, Peers, Switched, Tunnel};
use kit::tasks::Tasks;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::live::either;
use crate::streams::{StreamsOf, Ticket};

/// A close frame that says 1001, "going away" (RFC 6455 §5.5.1, §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];
/// Once one end has closed, the other may say its last words for this long.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// An end that takes nothing for this long is gone.
const STUCK: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 16 * 1024;

/// Passes a handshake on and, where the role agrees, ties the two connections together.
pub(crate) async fn pass(peers: &Peers, tasks: &Tasks, idle: Duration, role: &str, request: Request) -> Result<Response, Error> {
    let client = request.extensions().get::<OnUpgrade>().cloned();
    let place = request.extensions().get::<Place>().cloned();
    let streams = request.extensions().get::<StreamsOf>().cloned();
    match peers.switch(role, request).await? {
        Switched::Answered(response) => Ok(response),
        Switched::Tunnel(response, tunnel) => {
            let owner = tasks.clone();
            let ticket = match streams.as_ref().map(StreamsOf::enter).transpose() {
                Ok(ticket) => ticket,
                Err(problem) => return Ok(problem.into_response()),
            };
            tasks.spawn(async move {
                let _place = place;
                // Its answer may not have reached the client, who has then gone.
                if let Some(Ok(client)) = started(client).await {
                    tie(TokioIo::new(client), tunnel, idle, &Leaving { tasks: owner, ticket }).await;
                }
            });
            Ok(response)
        }
    }
}

async fn started(client: Option<OnUpgrade>) -> Option<Result<hyper::upgrade::Upgraded, hyper::Error>> {
    timeout(STUCK, client?).await.ok()
}

async fn tie(client: impl AsyncRead + AsyncWrite + Send, mut role: Tunnel, idle: Duration, leaving: &Leaving) {
    let (client_says, client_hears) = tokio::io::split(client);
    let (role_says, role_hears) = role.split();
    let last = Mutex::new(Instant::now());
    let both = async {
        let up = std::pin::pin!(up(client_says, role_hears, &last));
        let down = std::pin::pin!(down(role_says, client_hears, &last, leaving));
        let _ = match select(up, down).await {
            Either::Left(((), rest)) => timeout(LAST_WORDS, rest).await,
            Either::Right(((), rest)) => timeout(LAST_WORDS, rest).await,
        };
    };
    tokio::select! {
        () = both => {}
        () = silence(&last, idle) => tracing::debug!("a socket over which nothing went was ended"),
        // In the middle of a frame there is no place for a last word.
        () = async { leaving.begins().await; sleep(2 * LAST_WORDS).await } => {}
    }
}

/// Why a socket may have to end: with the process, or because its place is taken away.
struct Leaving {
    tasks: Tasks,
    ticket: Option<Ticket>,
}

impl Leaving {
    async fn begins(&self) {
        match &self.ticket {
            Some(ticket) => either(self.tasks.stopping(), ticket.evicted()).await,
            None => self.tasks.stopping().await,
        }
    }
}

/// From the client to the role, as it comes.
async fn up(mut client: impl AsyncRead + Unpin, mut role: impl AsyncWrite + Unpin, last: &Mutex<Instant>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(bytes) = next(&mut client, &mut buffer, last).await {
        if !brought(&mut role, bytes).await {
            return;
        }
    }
    let _ = role.shutdown().await;
}

/// From the role to the client, frame by frame as far as the end is concerned.
async fn down(mut role: impl AsyncRead + Unpin, mut client: impl AsyncWrite + Unpin, last: &Mutex<Instant>, leaving: &Leaving) {
    let (mut buffer, mut frames) = (vec![0; BUFFER_BYTES], Frames::default());
    loop {
        let bytes = tokio::select! {
            biased;
            () = leaving.begins(), if frames.is_between() => {
                brought(&mut client, &GOING_AWAY).await;
                // The client's own close goes up; what the role still says until it has heard it is for nobody.
                while next(&mut role, &mut buffer, last).await.is_some() {}
                break;
            }
            bytes = next(&mut role, &mut buffer, last) => bytes,
        };
        let Some(bytes) = bytes else { break };
        frames.pass(bytes);
        if !brought(&mut client, bytes).await {
            return;
        }
    }
    let _ = client.shutdown().await;
}

/// What comes next; `None` at the end.
async fn next<'b>(from: &mut (impl AsyncRead + Unpin), buffer: &'b mut [u8], last: &Mutex<Instant>) -> Option<&'b [u8]> {
    let read = from.read(buffer).await.ok().filter(|read| *read > 0)?;
    *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    buffer.get(..read)
}

async fn brought(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    let brought = async {
        to.write_all(bytes).await?;
        to.flush().await
    };
    matches!(timeout(STUCK, brought).await, Ok(Ok(())))
}

/// Returns when nothing has come from either end for `idle`.
async fn silence(last: &Mutex<Instant>, idle: Duration) {
    loop {
        let ends = *last.lock().unwrap_or_else(PoisonError::into_inner) + idle;
        if ends <= Instant::now() {
            return;
        }
        sleep_until(ends).await;
    }
}

/// Where in a stream of frames one is (RFC 6455 §5.2).
#[derive(Default)]
struct Frames {
    /// As much of a frame's header as has come.
    header: [u8; 14],
    have: usize,
    /// Bytes of its payload that are to come.
    left: u64,
}

impl Frames {
    /// Whether the last frame is whole and the next has not begun.
    fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.left > 0 {
                let taken = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.have) {
                *place = *first;
            }
            self.have += 1;
            bytes = rest;
            if let Some(payload) = self.payload() {
                (self.left, self.have) = (payload, 0);
            }
        }
    }

    /// The length of the payload, once the header is whole.
    fn payload(&self) -> Option<u64> {
        let [_, second, more @ ..] = &self.header;
        let (extended, mask) = match second & 0x7f {
            126 => (2, second >> 7),
            127 => (8, second >> 7),
            _ => (0, second >> 7),
        };
        if self.have < 2 + extended + usize::from(mask) * 4 {
            return None;
        }
        let long = more.iter().take(extended).fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(if extended == 0 { u64::from(second & 0x7f) } else { long })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_size_are_told_apart_however_they_come() {
        let frame = |payload: usize, masked: bool| {
            let mut frame = vec![0x82];
            let mask = u8::from(masked) << 7;
            match payload {
                0..126 => frame.push(mask + payload as u8),
                126..65_536 => {
                    frame.push(mask + 126);
                    frame.extend((payload as u16).to_be_bytes());
                }
                _ => {
                    frame.push(mask + 127);
                    frame.extend((payload as u64).to_be_bytes());
                }
            }
            frame.extend(vec![0x7f; payload + usize::from(masked) * 4]);
            frame
        };
        for size in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000] {
            for masked in [false, true] {
                let bytes = frame(size, masked);
                for step in [1, 2, 3, 7, 4096, bytes.len()] {
                    let mut frames = Frames::default();
                    let mut at = 0;
                    for piece in bytes.chunks(step) {
                        assert_eq!(frames.is_between(), at == 0, "{size} {masked} {step} {at}");
                        frames.pass(piece);
                        at += piece.len();
                    }
                    assert!(frames.is_between(), "{size} {masked} {step}");
                }
                let mut frames = Frames::default();
                frames.pass(&[bytes.clone(), bytes.clone(), GOING_AWAY.to_vec()].concat());
                assert!(frames.is_between());
            }
        }
    }
}
