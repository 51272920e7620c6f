//! One connection to an instance, HTTP/1.1.
//!
//! It is driven by whoever uses it: no task of its own, so nothing is handed between threads, and a request that is dropped takes its
//! connection along. Invariant: a line carries one request at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Within a fleet a connection is there in a millisecond; one that was lost on its way is sent anew after a second.
const CONNECT: Duration = Duration::from_secs(2);
/// What waits to be written or was read at most; hyper's own would be 400 KB for each of thousands of uploads that wait for their turn.
const BUFFER_BYTES: usize = 64 * 1024;

/// It passes through many hands (the pool, the request, the answer's body), so what it holds lies on the heap.
pub(super) struct Line(Box<Ends>);

struct Ends {
    sender: SendRequest<Body>,
    connection: Connection<TokioIo<TcpStream>, Body>,
}

/// A request that got no answer; `request` if nothing of it was sent.
pub(super) struct Broken {
    pub(super) error: hyper::Error,
    pub(super) request: Option<Request<Body>>,
}

impl Line {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection within 2 s"))??;
        stream.set_nodelay(true)?;
        let (sender, connection) = Builder::new().max_buf_size(BUFFER_BYTES).handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        Ok(Self(Box::new(Ends { sender, connection })))
    }

    /// Does what there is to do; answers whether the other side still holds the connection.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) -> bool {
        Pin::new(&mut self.0.connection).poll(context).is_pending()
    }

    /// Whether it can carry another request.
    pub(super) fn is_free(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context) && self.0.sender.is_ready()
    }

    /// Sends a request and waits for the head of the answer. The line comes back unless the connection has ended.
    pub(super) async fn send(mut self, request: Request<Body>) -> Result<(Response<Incoming>, Option<Self>), Broken> {
        let mut open = true;
        let answer = {
            let Ends { sender, connection } = &mut *self.0;
            let mut answer = pin!(sender.try_send_request(request));
            std::future::poll_fn(|context| {
                if open && Pin::new(&mut *connection).poll(context).is_ready() {
                    open = false;
                }
                answer.as_mut().poll(context)
            })
            .await
        };
        match answer {
            Ok(answer) => Ok((answer, open.then_some(self))),
            Err(mut error) => {
                let request = error.take_message();
                Err(Broken { error: error.into_error(), request })
            }
        }
    }
}

/// Asks without waiting whether a line can carry another request.
pub(super) async fn is_free(line: &mut Line) -> bool {
    std::future::poll_fn(|context| Poll::Ready(line.is_free(context))).await
}
