//! WebSocket proxying: copies bytes between a client's connection and the one to its role, until one of them or the
//! gateway ends.
//!
//! A gateway that stops sends "going away" (1001) between two frames of the role, with the time after which the client
//! connects again, to another gateway: each has a time of its own. Invariant: a WebSocket holds its connection permit
//! and a stream permit, and one without traffic is closed.

mod frames;

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base::Random;
use base::tasks::Tasks;
use futures::future::{Either, select};
use http_server::ConnectionPermit;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use peer::{Error, Peers, Tunnel, UpgradeOutcome};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::frames::FrameParser;
use crate::sse::first_of;
use crate::stream_budget::{StreamAdmission, StreamPermit};

/// The first byte of a close frame (RFC 6455 §5.2, §5.5.1).
const CLOSE: u8 = 0x88;
/// The code "going away" (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;
/// After how many milliseconds a client of a gateway that stops connects again, at most.
const MAX_DRAIN_WAIT_MS: u64 = 5_000;
/// After how many milliseconds one whose socket was evicted does, at least: at once, it would evict the next.
const EVICTION_WAIT_MS: u64 = 30_000;
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
    (tasks, random): (&Tasks, &Random),
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
            let (owner, random) = (tasks.clone(), random.clone());
            let permit = match admission.as_ref().map(StreamAdmission::acquire).transpose() {
                Ok(permit) => permit,
                Err(problem) => return Ok(problem.into_response()),
            };
            tasks.spawn(async move {
                let _connection_permit = connection_permit;
                // The upgrade fails if the client has disconnected before the response reached it.
                if let Some(Ok(client)) = upgraded(client).await {
                    let close_signal = CloseSignal { tasks: owner, random, permit };
                    copy_both_ways(TokioIo::new(client), tunnel, idle_timeout, &close_signal).await;
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
    random: Random,
    permit: Option<StreamPermit>,
}

impl CloseSignal {
    async fn received(&self) {
        match &self.permit {
            Some(permit) => first_of(self.tasks.stopping(), permit.evicted()).await,
            None => self.tasks.stopping().await,
        }
    }

    /// Returns the close frame after the signal.
    fn frame(&self) -> Vec<u8> {
        let jitter_ms = self.random.below(MAX_DRAIN_WAIT_MS + 1);
        if self.tasks.is_stopping() {
            close_frame("draining", jitter_ms)
        } else {
            close_frame("evicted", EVICTION_WAIT_MS + jitter_ms)
        }
    }
}

/// Returns a close frame. Its reason is JSON with the fields that the last frame of chat (`bye`) has too.
fn close_frame(reason: &str, reconnect_ms: u64) -> Vec<u8> {
    let text = format!(r#"{{"reason":"{reason}","reconnect_ms":{reconnect_ms}}}"#);
    let payload = [&GOING_AWAY.to_be_bytes()[..], text.as_bytes()].concat();
    // A close frame has at most 125 bytes: a word and a number are less.
    let len = u8::try_from(payload.len()).unwrap_or_default();
    [&[CLOSE, len][..], payload.as_slice()].concat()
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
                write_all(&mut client, &close_signal.frame()).await;
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
