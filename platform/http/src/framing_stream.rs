//! A connection whose request framing is validated before hyper reads it.
//!
//! A head is withheld until it is complete and valid (see `framing`). Instead of an invalid one, hyper reads a small
//! placeholder request, so that the refusal is sent in order, after the responses to earlier requests on the same
//! connection. Invariant: hyper never reads an invalid head, and after an error nothing more from the client is read as
//! HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::{Framing, FramingError, Step};
use crate::problem::{Problem, every_role};

/// What hyper reads instead of an invalid head.
const PLACEHOLDER_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: malformed\r\nconnection: close\r\n\r\n";
const READ_BYTES: usize = 4096;
/// After a refusal this much, and for this long, is read and discarded: closing at once would reset the connection, and
/// lose the response.
const MAX_LINGER_BYTES: usize = 1 << 20;
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Shared between the stream and the service on it.
#[derive(Debug, Clone, Default)]
pub(super) struct FramingVerdict(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Which request of the connection is invalid, from 0, and why.
    error: Option<(u64, FramingError)>,
    /// Whether the connection switches to another protocol; `None` until the response to the upgrade request is known.
    switched: Option<bool>,
    waker: Option<Waker>,
}

impl FramingVerdict {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock()
    }

    /// Returns why this request is refused, if it is.
    pub(super) fn refusal(&self, request: u64) -> Option<Problem> {
        self.lock().error.filter(|(wrong, _)| *wrong == request).map(|(_, error)| error.into())
    }

    /// Sets whether an upgrade request was accepted.
    pub(super) fn set_switched(&self, switched: bool) {
        let mut inner = self.lock();
        inner.switched = Some(switched);
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Http,
    /// A request asked for another protocol: the bytes after it are not parsed before the response is known.
    Undecided,
    /// Another protocol than HTTP.
    Raw,
    /// Only the placeholder is still to be read.
    Refused,
    /// A body is malformed: it ends here with an error.
    Broken,
}

/// The stream.
pub(super) struct FramingStream<S> {
    stream: S,
    framing: Framing,
    mode: Mode,
    /// Bytes that arrived and were not read yet; the first `validated` of them may be read.
    buffered: BytesMut,
    validated: usize,
    /// Heads that were passed on.
    head_count: u64,
    verdict: FramingVerdict,
    /// The time and the bytes that are left for discarding input at the end.
    linger: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> FramingStream<S> {
    pub(super) fn new(stream: S, max_head: usize, verdict: FramingVerdict) -> Self {
        Self {
            stream,
            framing: Framing::new(max_head),
            mode: Mode::Http,
            buffered: BytesMut::new(),
            validated: 0,
            head_count: 0,
            verdict,
            linger: None,
        }
    }

    /// Returns how many of these bytes are valid; those after them must be buffered. Updates the mode.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut validated = 0;
        while self.mode == Mode::Http {
            let rest = bytes.get(validated..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let at_head = self.framing.is_at_head();
            match self.framing.step(rest) {
                Step::Pass(bytes) => validated += bytes,
                Step::Head { bytes, upgrade } => {
                    validated += bytes;
                    self.head_count += 1;
                    if upgrade {
                        self.mode = Mode::Undecided;
                    }
                }
                Step::NeedMore => break,
                Step::Invalid(error) => {
                    self.mode = if at_head { Mode::Refused } else { Mode::Broken };
                    let request = if at_head { self.head_count } else { self.head_count.saturating_sub(1) };
                    self.verdict.lock().error = Some((request, error));
                }
            }
        }
        validated
    }

    /// Updates the buffer after a scan, according to the mode.
    fn apply_mode(&mut self) {
        match self.mode {
            Mode::Refused => {
                self.buffered.truncate(self.validated);
                self.buffered.extend_from_slice(PLACEHOLDER_REQUEST);
                self.validated = self.buffered.len();
            }
            Mode::Broken => self.buffered.truncate(self.validated),
            Mode::Raw => self.validated = self.buffered.len(),
            Mode::Http | Mode::Undecided => {}
        }
    }

    /// Copies validated bytes to the reader.
    fn read_buffered(&mut self, buffer: &mut ReadBuf<'_>) {
        let bytes = self.validated.min(buffer.remaining());
        buffer.put_slice(self.buffered.get(..bytes).unwrap_or_default());
        self.buffered.advance(bytes);
        self.validated -= bytes;
        if self.buffered.is_empty() {
            // An idle connection needs no buffer.
            self.buffered = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> FramingStream<S> {
    /// Reads into the reader's buffer and validates there. Returns `true` if there is something for the reader.
    fn read_in_place(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let came = buffer.filled().get(before..).unwrap_or_default();
        if came.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let validated = self.scan(came);
        self.buffered.extend_from_slice(came.get(validated..).unwrap_or_default());
        buffer.set_filled(before + validated);
        self.apply_mode();
        Poll::Ready(Ok(validated > 0))
    }

    /// Reads more of an incomplete head. Returns `true` at the end of the stream.
    fn read_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut bytes = [0; READ_BYTES];
        let mut more = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut more))?;
        self.buffered.extend_from_slice(more.filled());
        let ended = more.filled().is_empty();
        self.scan_buffered();
        Poll::Ready(Ok(ended))
    }

    fn scan_buffered(&mut self) {
        let buffered = std::mem::take(&mut self.buffered);
        self.validated = self.scan(&buffered);
        self.buffered = buffered;
        self.apply_mode();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FramingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.validated > 0 {
                this.read_buffered(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.mode {
                Mode::Raw => return Pin::new(&mut this.stream).poll_read(context, buffer),
                Mode::Broken => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the body is malformed")));
                }
                // The response ends the connection; nothing wakes this before.
                Mode::Refused => return Poll::Pending,
                Mode::Undecided => {
                    let mut inner = this.verdict.lock();
                    let Some(switched) = inner.switched.take() else {
                        inner.waker = Some(context.waker().clone());
                        return Poll::Pending;
                    };
                    drop(inner);
                    this.mode = if switched { Mode::Raw } else { Mode::Http };
                    this.scan_buffered();
                }
                Mode::Http if this.buffered.is_empty() => {
                    if ready!(this.read_in_place(context, buffer))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Mode::Http => {
                    if ready!(this.read_more(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FramingStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !matches!(this.mode, Mode::Refused | Mode::Broken) {
                return Poll::Ready(Ok(()));
            }
        }
        let (timer, left) = this.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER_TIMEOUT)), MAX_LINGER_BYTES));
        while timer.as_mut().poll(context).is_pending() {
            let mut bytes = [0; READ_BYTES];
            let mut more = ReadBuf::new(&mut bytes);
            match Pin::new(&mut this.stream).poll_read(context, &mut more) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !more.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(more.filled().len());
                }
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl From<FramingError> for Problem {
    fn from(error: FramingError) -> Self {
        let malformed = |detail: &'static str| Self::of(every_role::MALFORMED, detail);
        match error {
            FramingError::LineEnd => malformed(
                "Each line of a request's head ends with a carriage return and a line feed, and has neither elsewhere.",
            ),
            FramingError::RequestLine => {
                malformed("A request begins with a method, a target and HTTP/1.1, with one space between them.")
            }
            FramingError::HeaderName => malformed("A header line has a name and a colon right after it."),
            FramingError::Folded => malformed("A header must be on one line: send it without a line break."),
            FramingError::HeaderValue => malformed("A header has no control characters."),
            FramingError::Length => malformed("A request has one Content-Length, and it is a plain number."),
            FramingError::Coding => malformed(
                "The only Transfer-Encoding that is supported is `chunked`, once, and without a Content-Length.",
            ),
            FramingError::Chunk => malformed(
                "A chunk of the body is malformed: send its size in hexadecimal, its bytes, and correct line ends.",
            ),
            FramingError::Trailer => malformed("The trailers of the body are malformed, or too many."),
            FramingError::TooLarge => Self::of(
                every_role::HEAD_TOO_LARGE,
                "The request's head is larger than this server accepts: send fewer or shorter headers.",
            ),
            FramingError::TooManyLines => {
                Self::of(every_role::TOO_MANY_HEADERS, "The request has more header lines than this server accepts.")
            }
        }
    }
}
