//! WebSocket proxying: copies bytes between a client's connection and the one to its role, until one of them or the
//! gateway ends.
//!
//! A gateway that stops sends "going away" (1001) between two frames of the role, so that the client reconnects at
//! once, to another gateway. Invariant: a WebSocket holds its connection permit and a stream permit, and one without
//! traffic is closed.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base::tasks::Tasks;
use futures::future::{Either, select};
use http_server::ConnectionPermit;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use peer::{Error, Peers, Tunnel, UpgradeOutcome};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::sse::first_of;
use crate::stream_budget::{StreamAdmission, StreamPermit};

/// A close frame with code 1001, "going away" (RFC 6455 §5.5.1, §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];
/// How long one end may go on sending after the other has closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write may block before that end counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the client's side of the upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 16 * 1024;

/// Forwards a handshake and, if the role accepts it, copies bytes between the two connections.
pub(crate) async fn forward(
    peers: &Peers,
    tasks: &Tasks,
    idle_timeout: Duration,
    role: &str,
    request: Request,
) -> Result<Response, Error> {
    let client = request.extensions().get::<OnUpgrade>().cloned();
    let connection_permit = request.extensions().get::<ConnectionPermit>().cloned();
    let admission = request.extensions().get::<StreamAdmission>().cloned();
    match peers.upgrade(role, request).await? {
        UpgradeOutcome::Responded(response) => Ok(response),
        UpgradeOutcome::Tunnel(response, tunnel) => {
            let owner = tasks.clone();
            let permit = match admission.as_ref().map(StreamAdmission::acquire).transpose() {
                Ok(permit) => permit,
                Err(problem) => return Ok(problem.into_response()),
            };
            tasks.spawn(async move {
                let _connection_permit = connection_permit;
                // The upgrade fails if the client has disconnected before the response reached it.
                if let Some(Ok(client)) = upgraded(client).await {
                    copy_both_ways(TokioIo::new(client), tunnel, idle_timeout, &CloseSignal { tasks: owner, permit })
                        .await;
                }
            });
            Ok(response)
        }
    }
}

async fn upgraded(client: Option<OnUpgrade>) -> Option<Result<hyper::upgrade::Upgraded, hyper::Error>> {
    timeout(UPGRADE_TIMEOUT, client?).await.ok()
}

async fn copy_both_ways(
    client: impl AsyncRead + AsyncWrite + Send,
    mut role: Tunnel,
    idle_timeout: Duration,
    close_signal: &CloseSignal,
) {
    let (client_reader, client_writer) = tokio::io::split(client);
    let (role_reader, role_writer) = role.split();
    let last_read = Mutex::new(Instant::now());
    let both = async {
        let upstream = std::pin::pin!(client_to_role(client_reader, role_writer, &last_read));
        let downstream = std::pin::pin!(role_to_client(role_reader, client_writer, &last_read, close_signal));
        let _ = match select(upstream, downstream).await {
            Either::Left(((), rest)) => timeout(CLOSE_TIMEOUT, rest).await,
            Either::Right(((), rest)) => timeout(CLOSE_TIMEOUT, rest).await,
        };
    };
    tokio::select! {
        () = both => {}
        () = wait_until_idle(&last_read, idle_timeout) => tracing::debug!("an idle WebSocket was closed"),
        // In the middle of a frame no close frame can be sent, so the connection ends without one.
        () = async { close_signal.received().await; sleep(2 * CLOSE_TIMEOUT).await } => {}
    }
}

/// The reasons for the gateway to close a WebSocket: the process stops, or the stream permit is revoked.
struct CloseSignal {
    tasks: Tasks,
    permit: Option<StreamPermit>,
}

impl CloseSignal {
    async fn received(&self) {
        match &self.permit {
            Some(permit) => first_of(self.tasks.stopping(), permit.evicted()).await,
            None => self.tasks.stopping().await,
        }
    }
}

/// Copies bytes from the client to the role, unchanged.
async fn client_to_role(
    mut client: impl AsyncRead + Unpin,
    mut role: impl AsyncWrite + Unpin,
    last_read: &Mutex<Instant>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(bytes) = read_some(&mut client, &mut buffer, last_read).await {
        if !write_all(&mut role, bytes).await {
            return;
        }
    }
    let _ = role.shutdown().await;
}

/// Copies bytes from the role to the client, and sends a close frame at a frame boundary when the close signal comes.
async fn role_to_client(
    mut role: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    last_read: &Mutex<Instant>,
    close_signal: &CloseSignal,
) {
    let (mut buffer, mut frames) = (vec![0; BUFFER_BYTES], FrameParser::default());
    loop {
        let bytes = tokio::select! {
            biased;
            () = close_signal.received(), if frames.is_at_boundary() => {
                write_all(&mut client, &GOING_AWAY).await;
                // The client's own close frame is forwarded to the role. Data that the role sends until then is
                // discarded.
                while read_some(&mut role, &mut buffer, last_read).await.is_some() {}
                break;
            }
            bytes = read_some(&mut role, &mut buffer, last_read) => bytes,
        };
        let Some(bytes) = bytes else { break };
        frames.advance(bytes);
        if !write_all(&mut client, bytes).await {
            return;
        }
    }
    let _ = client.shutdown().await;
}

/// Reads the next bytes. Returns `None` at the end.
async fn read_some<'b>(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &'b mut [u8],
    last_read: &Mutex<Instant>,
) -> Option<&'b [u8]> {
    let read = from.read(buffer).await.ok().filter(|read| *read > 0)?;
    *last_read.lock() = Instant::now();
    buffer.get(..read)
}

/// Writes and flushes all bytes. Returns whether it succeeded within [`WRITE_TIMEOUT`].
async fn write_all(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    let write = async {
        to.write_all(bytes).await?;
        to.flush().await
    };
    matches!(timeout(WRITE_TIMEOUT, write).await, Ok(Ok(())))
}

/// Returns when neither end has sent anything for `idle_timeout`.
async fn wait_until_idle(last_read: &Mutex<Instant>, idle_timeout: Duration) {
    loop {
        let deadline = *last_read.lock() + idle_timeout;
        if deadline <= Instant::now() {
            return;
        }
        sleep_until(deadline).await;
    }
}

/// Tracks frame boundaries in a stream of bytes (RFC 6455 §5.2).
#[derive(Default)]
struct FrameParser {
    /// The bytes of the current frame's header that have been received.
    header: [u8; 14],
    header_len: usize,
    /// Bytes of the payload that are still to come.
    payload_left: u64,
}

impl FrameParser {
    /// Whether the last frame is complete and the next one has not begun.
    fn is_at_boundary(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0
    }

    fn advance(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.payload_left > 0 {
                let taken = bytes.len().min(usize::try_from(self.payload_left).unwrap_or(usize::MAX));
                self.payload_left -= taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(byte) = self.header.get_mut(self.header_len) {
                *byte = *first;
            }
            self.header_len += 1;
            bytes = rest;
            if let Some(payload) = self.payload_len() {
                (self.payload_left, self.header_len) = (payload, 0);
            }
        }
    }

    /// Returns the length of the payload in bytes, once the header is complete.
    fn payload_len(&self) -> Option<u64> {
        let [_, second, more @ ..] = &self.header;
        let (extended, mask) = match second & 0x7f {
            126 => (2, second >> 7),
            127 => (8, second >> 7),
            _ => (0, second >> 7),
        };
        if self.header_len < 2 + extended + usize::from(mask) * 4 {
            return None;
        }
        let extended_len = more.iter().take(extended).fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(if extended == 0 { u64::from(second & 0x7f) } else { extended_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_boundaries_are_found_in_chunks_of_any_size() {
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
                    let mut frames = FrameParser::default();
                    let mut at = 0;
                    for piece in bytes.chunks(step) {
                        assert_eq!(frames.is_at_boundary(), at == 0, "{size} {masked} {step} {at}");
                        frames.advance(piece);
                        at += piece.len();
                    }
                    assert!(frames.is_at_boundary(), "{size} {masked} {step}");
                }
                let mut frames = FrameParser::default();
                frames.advance(&[bytes.clone(), bytes.clone(), GOING_AWAY.to_vec()].concat());
                assert!(frames.is_at_boundary());
            }
        }
    }
}
