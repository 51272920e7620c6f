//! The accept loop: connections with limits, TLS where the listener has a certificate, and a graceful end.
//!
//! Owns connections, from accepting to closing. Does not own what is said on them (see `http1` and `http2`) or what a
//! request means. Invariant: there are never more connections than the limit, and a client that does not finish its
//! handshake is closed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

use super::connection::{Connection, ConnectionPermit, Limits};
use super::connections::ConnectionsByIp;
use super::tls::{HandshakeOutcome, Protocol, Tls};
use super::write_timeout::WriteTimeout;
use super::{http1, http2};
use base::tasks::Tasks;

/// A listening socket and its limits.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Its limits.
    pub limits: Limits,
    /// Counts its open connections.
    pub open: Gauge,
}

/// How often idle connections are looked for while the listener is full.
const EVICTION_INTERVAL: Duration = Duration::from_millis(500);

/// Serves `router` over plain HTTP/1 until the process stops, then lets requests in progress finish.
pub fn serve(listener: Listener, router: Router, tasks: &Tasks) {
    accept(listener, None, router, tasks);
}

/// As [`serve`], over TLS: HTTP/2 with clients that offer it, HTTP/1 with all others. The certificate's files are
/// watched.
pub fn serve_tls(listener: Listener, tls: Tls, router: Router, tasks: &Tasks) {
    tls.reload_on_change(tasks);
    accept(listener, Some(tls), router, tasks);
}

fn accept(listener: Listener, tls: Option<Tls>, router: Router, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let permits = Arc::new(Semaphore::new(listener.limits.max_connections));
        let connections = ConnectionsByIp::default();
        loop {
            let permit = match permits.clone().try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    connections.evict_idle(listener.limits.idle_timeout);
                    tokio::select! {
                        Ok(permit) = permits.clone().acquire_owned() => permit,
                        () = owner.stopping() => return,
                        () = tokio::time::sleep(EVICTION_INTERVAL) => continue,
                    }
                }
            };
            let accepted = tokio::select! {
                accepted = listener.socket.accept() => accepted,
                () = owner.stopping() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                // The file table is full, or the client is gone: pause, then go on.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    owner.sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Some(ip_permit) =
                connections.admit(address.ip(), listener.limits.max_per_prefix, listener.limits.idle_timeout)
            else {
                continue;
            };
            let connection = Connection {
                address,
                permit: ConnectionPermit::new(permit, ip_permit, listener.open.clone()),
                router: router.clone(),
                limits: listener.limits.clone(),
                tasks: owner.clone(),
                is_tls: tls.is_some(),
            };
            match tls.clone() {
                None => owner.spawn(serve_plain(stream, connection)),
                Some(tls) => owner.spawn(serve_over_tls(stream, tls, connection)),
            }
        }
    });
}

async fn serve_plain(stream: TcpStream, connection: Connection) {
    let stream = with_timeout(stream, &connection.limits);
    http1::serve(stream, connection).await;
}

async fn serve_over_tls(stream: TcpStream, tls: Tls, connection: Connection) {
    let Some(stream) = shake_hands(stream, &tls, &connection).await else { return };
    match Protocol::of(&stream) {
        Protocol::Http1 => http1::serve(stream, connection).await,
        Protocol::Http2 => http2::serve(stream, tls.metrics().clone(), connection).await,
    }
}

/// Completes the TLS handshake; `None` if the client didn't in time, or the connection had to make room.
async fn shake_hands(
    stream: TcpStream,
    tls: &Tls,
    connection: &Connection,
) -> Option<TlsStream<WriteTimeout<TcpStream>>> {
    let stream = with_timeout(stream, &connection.limits);
    let outcome = tokio::select! {
        accepted = tokio::time::timeout(connection.limits.handshake_timeout, tls.accept(stream)) => match accepted {
            Ok(Ok(stream)) => {
                tls.metrics().count_handshake(HandshakeOutcome::Completed);
                return Some(stream);
            }
            Ok(Err(error)) => {
                // Scanners and clients that don't trust the certificate are common.
                tracing::debug!(%error, "a TLS handshake failed");
                HandshakeOutcome::Failed
            }
            Err(_) => HandshakeOutcome::TimedOut,
        },
        () = connection.permit.state().evicted() => HandshakeOutcome::Evicted,
        () = connection.tasks.stopping() => return None,
    };
    tls.metrics().count_handshake(outcome);
    None
}

fn with_timeout(stream: TcpStream, limits: &Limits) -> WriteTimeout<TcpStream> {
    // Small responses should not wait for more data.
    let _ = stream.set_nodelay(true);
    WriteTimeout::new(stream, limits.write_timeout)
}
