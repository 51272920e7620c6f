//! Serves HTTP/1 on one connection.
//!
//! Does not own the socket, TLS, or what a request means. `axum::serve` installs no timer, so hyper's header timeout
//! would never fire; here it does. Invariant: a connection that sends nothing, or its header too slowly, is closed; no
//! router sees a request that could be read in two ways.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ConnectInfo;
use http::StatusCode;
use http::header::UPGRADE;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use super::connection::{Connection, OverTls};
use super::connections::TrackedBody;
use super::framing_stream::{FramingStream, FramingVerdict};
use super::linger::LingeringBody;
use super::security_headers::Policy;
use super::{layers, smuggling};

/// Serves requests until the connection ends, is evicted, or the process stops; then the request in progress finishes.
pub(super) async fn serve<S>(stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection { address, permit, router, limits, tasks, is_tls } = connection;
    let owner = tasks.clone();
    let (verdict, requests) = (FramingVerdict::default(), AtomicU64::new(0));
    let state = permit.state().clone();
    let evictable = state.clone();
    let stream = FramingStream::new(stream, limits.buffer_bytes, verdict.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let is_upgrade = parts.headers.contains_key(UPGRADE) && body.is_end_stream();
        let body = axum::body::Body::new(LingeringBody::new(body, &parts.headers, &owner));
        let (number, in_progress) = (requests.fetch_add(1, Ordering::Relaxed), state.begin_request());
        let refusal = verdict.refusal(number).or_else(|| smuggling::refusal(&parts));
        parts.extensions.insert(ConnectInfo(address));
        parts.extensions.insert(permit.clone());
        if is_tls {
            parts.extensions.insert(OverTls);
        }
        let (router, verdict) = (router.clone(), verdict.clone());
        // On the heap of its own: hyper keeps room for it as long as the connection, and a stream that waits, or an
        // idle connection, has no use for that.
        Box::pin(async move {
            let mut response = match refusal {
                Some(problem) => layers::refusal(&problem),
                None => {
                    let Ok(response) = router.oneshot(hyper::Request::from_parts(parts, body)).await;
                    // If the client broke off its body, the role's response to that is of no use.
                    verdict.refusal(number).map_or(response, |problem| layers::refusal(&problem))
                }
            };
            Policy::Api.fill(response.headers_mut());
            let is_switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            if is_upgrade {
                verdict.set_switched(is_switched);
            }
            if is_switched {
                in_progress.keep_until_close();
            }
            Ok::<_, Infallible>(response.map(|body| TrackedBody { body, _request: in_progress }))
        })
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.buffer_bytes)
        .half_close(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = tasks.stopping() => {}, () = evictable.evicted() => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients disconnect all the time, so this is logged only at debug.
        tracing::debug!(%error, "a connection ended early");
    }
}
