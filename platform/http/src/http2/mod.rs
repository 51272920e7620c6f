//! Serves HTTP/2 on one connection.
//!
//! Does not own the socket, TLS, or what a request means: routers see the same as over HTTP/1. hyper and `h2` bound
//! what they keep for a client by the numbers here; what they would answer without end has an allowance (see
//! `metered`), and a response that its client does not take ends (see `stalls`). Invariant: what one connection holds
//! in memory is bounded, and a connection without a request ends.

mod frames;
mod metered;
mod request;
mod stalls;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use self::metered::MeteredStream;
use self::stalls::{Streams, WaitingBody};
use super::connection::{Connection, Limits, OverTls};
use super::connections::TrackedBody;
use super::layers;
use super::security_headers::Policy;
use super::tls::ListenerMetrics;

/// Requests at once (RFC 9113 §6.5.2 recommends at least 100).
const MAX_STREAMS: u32 = 100;
/// Streams that the client has reset before they were looked at (CVE-2023-44487): all that a page has cancelled at
/// once, where a lost packet makes their requests arrive together with their resets. The allowance bounds how many more
/// come after them (see `metered`).
const MAX_PENDING_RESETS: usize = MAX_STREAMS as usize;
/// What a client may send of a body, and of all bodies together, before a handler takes it. Uploads wait their turn
/// with their bodies untaken (decision 12). Where as many of them wait as fit into the second, here eight, no other
/// request of the connection can send its body.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 2048 * 1024;
/// The largest frame that a client may send; the least that is allowed.
const MAX_FRAME_BYTES: u32 = 16 * 1024;
/// Streams that the server has reset because of the client's errors (CVE-2025-8671), over the life of a connection.
/// Each frame of a body counts that arrives more than a second after its request was refused, so an honest client on a
/// slow network causes as many as fit into a window; these are sixteen such uploads.
const MAX_ERROR_RESETS: usize = 16 * (STREAM_WINDOW_BYTES / MAX_FRAME_BYTES) as usize;
/// What is kept of a response that its client has no room for, beside the chunk that its handler has sent last.
const SEND_BUFFER_BYTES: usize = 32 * 1024;
/// The table of headers that the client may refer to (RFC 7541).
const HEADER_TABLE_BYTES: u32 = 4096;
/// A client that is gone without a word is noticed after both.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection that ends may go on without a request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves requests until the connection ends, is evicted or idle, or the process stops; then the requests in progress
/// finish.
pub(super) async fn serve<S>(stream: S, metrics: ListenerMetrics, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection { address, permit, router, limits, tasks, is_tls: _ } = connection;
    let state = permit.state().clone();
    let evictable = state.clone();
    let is_used = Arc::new(AtomicBool::new(false));
    let streams = Streams::new(tasks.clone(), limits.write_timeout, metrics.clone());
    let builder = builder(streams.clone(), &limits);
    let first = is_used.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        first.store(true, Ordering::Relaxed);
        let (wait, in_progress) = (streams.begin(), state.begin_request());
        let (mut parts, body) = request.into_parts();
        let refusal = request::prepare(&mut parts);
        parts.extensions.insert(ConnectInfo(address));
        parts.extensions.insert(permit.clone());
        parts.extensions.insert(OverTls);
        let (router, body) = (router.clone(), axum::body::Body::new(body));
        async move {
            let mut response = match refusal {
                Some(problem) => layers::refusal(&problem),
                None => {
                    let Ok(response) = router.oneshot(hyper::Request::from_parts(parts, body)).await;
                    response
                }
            };
            Policy::Api.fill(response.headers_mut());
            // A handler that ends its connection means this request; there may be others.
            response.headers_mut().remove(CONNECTION);
            let tracked = |body| TrackedBody { body, _request: in_progress };
            Ok::<_, Infallible>(response.map(|body| WaitingBody::new(tracked(body), wait)))
        }
    });
    let connection = builder.serve_connection(TokioIo::new(MeteredStream::new(stream, metrics)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = first_is_late(&is_used, limits.header_timeout) => return,
        () = async {
            tokio::select! {
                () = tasks.stopping() => {}
                () = evictable.evicted() => {}
                () = evictable.idle_for(limits.http2_idle_timeout) => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                // The client has room for no response, or does not close the connection.
                () = async {
                    tokio::time::sleep(CLOSE_TIMEOUT).await;
                    evictable.idle_for(CLOSE_TIMEOUT).await;
                } => return,
            }
        }
    };
    if let Err(error) = ended {
        // Clients disconnect all the time, so this is logged only at debug.
        tracing::debug!(%error, "an HTTP/2 connection ended early");
    }
}

fn builder(streams: Streams, limits: &Limits) -> Builder<Streams> {
    let mut builder = Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.buffer_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .header_table_size(HEADER_TABLE_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Returns when the first request has not come in time.
async fn first_is_late(is_used: &AtomicBool, timeout: Duration) {
    tokio::time::sleep(timeout).await;
    if is_used.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
