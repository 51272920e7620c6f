//! One connection to an instance, HTTP/1.1.
//!
//! Its user drives it: it has no task of its own, so nothing is handed between threads, and dropping a request closes
//! its connection. Invariant: a connection carries one request at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection as Http1Connection, Parts, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Within a fleet a connection takes a millisecond; a lost packet is sent again after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The bytes that may be buffered; hyper's default would be 400 KB for each of thousands of uploads that wait.
const BUFFER_BYTES: usize = 64 * 1024;

/// A connection. It is moved often (pool, request, response body), so its content is on the heap.
pub(super) struct Connection(Box<Http1>);

struct Http1 {
    sender: SendRequest<Body>,
    http: Http1Connection<TokioIo<TcpStream>, Body>,
    /// Whether another request may follow. None follows a handshake: what its ends still have to say is for no other
    /// request.
    reusable: bool,
}

/// The response to an upgrade request.
pub(super) enum HandshakeResponse {
    /// An ordinary response.
    Plain(Response<Incoming>, Option<Connection>),
    /// 101: the connection switches to another protocol, and these are its first bytes.
    Upgraded(http::response::Parts, TcpStream, Bytes),
}

/// A request without a response; `request` if nothing of it was sent.
pub(super) struct ExchangeError {
    pub(super) error: hyper::Error,
    pub(super) request: Option<Request<Body>>,
}

impl Connection {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection within 2 s"))??;
        stream.set_nodelay(true)?;
        let (sender, http) = Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        Ok(Self(Box::new(Http1 { sender, http, reusable: true })))
    }

    /// Drives the connection. Returns whether the other side still holds it.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) -> bool {
        Pin::new(&mut self.0.http).poll(context).is_pending()
    }

    /// Whether it can carry another request.
    pub(super) fn is_free(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context) && self.0.reusable && self.0.sender.is_ready()
    }

    /// Sends a request and waits for the head of the response. Returns the connection too, unless it has ended.
    pub(super) async fn send(
        mut self,
        request: Request<Body>,
    ) -> Result<(Response<Incoming>, Option<Self>), ExchangeError> {
        let (response, open) = self.0.exchange(request).await?;
        Ok((response, open.then_some(self)))
    }

    /// Sends a request after whose response the connection may switch to another protocol.
    pub(super) async fn upgrade(mut self, request: Request<Body>) -> Result<HandshakeResponse, ExchangeError> {
        self.0.reusable = false;
        let (response, open) = self.0.exchange(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(HandshakeResponse::Plain(response, open.then_some(self)));
        }
        let Parts { io, read_buf, .. } = self.0.http.into_parts();
        Ok(HandshakeResponse::Upgraded(response.into_parts().0, io.into_inner(), read_buf))
    }
}

impl Http1 {
    /// Returns the head of the response, and whether the connection is still open.
    ///
    /// A request without a body is sent without headers that announce one: hyper would write them as they are, and the
    /// instance would take the start of the next request on this connection for the body (request smuggling).
    async fn exchange(&mut self, mut request: Request<Body>) -> Result<(Response<Incoming>, bool), ExchangeError> {
        if request.body().is_end_stream() {
            for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
                request.headers_mut().remove(name);
            }
        }
        let mut open = true;
        let Self { sender, http, .. } = self;
        let mut response = pin!(sender.try_send_request(request));
        let response = std::future::poll_fn(|context| {
            // Not the plain `poll`, which would shut down the connection that the other protocol uses.
            if open && http.poll_without_shutdown(context).is_ready() {
                open = false;
            }
            response.as_mut().poll(context)
        });
        response.await.map(|response| (response, open)).map_err(|mut error| {
            let request = error.take_message();
            ExchangeError { error: error.into_error(), request }
        })
    }
}

/// Whether a connection can carry another request, without waiting.
pub(super) async fn is_free(connection: &mut Connection) -> bool {
    std::future::poll_fn(|context| Poll::Ready(connection.is_free(context))).await
}
