//! An HTTP/2 connection whose client has an allowance of control frames.
//!
//! Pings, settings, resets and window updates cost the server work and its client nothing; without a bound, one client
//! keeps a processor busy (CVE-2019-9512, CVE-2019-9515, CVE-2023-44487). What the server sends pays the client as
//! many window updates as it may need. Invariant: a client that has used up its allowance is read no further.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::frames::Frames;
use crate::tls::ListenerMetrics;

/// The most that an allowance grows to: a page that cancels all its hundred requests at once.
const MAX_ALLOWANCE: u64 = 1_200;
/// How much it grows by in a second.
const ALLOWANCE_PER_SECOND: u64 = 100;
/// Bytes sent that pay for one control frame. The HTTP/2 client of Go makes room twice for each 4 KiB that it takes.
const BYTES_PER_FRAME: u64 = 1024;

/// What a client may still cost.
#[derive(Debug)]
struct Allowance {
    left: u64,
    grown_at: Instant,
    /// Bytes sent that have paid for nothing yet.
    sent: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: MAX_ALLOWANCE, grown_at: now, sent: 0 }
    }

    fn deposit(&mut self, credit: u64) {
        self.left = self.left.saturating_add(credit).min(MAX_ALLOWANCE);
    }

    fn send(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.deposit(self.sent / BYTES_PER_FRAME);
        self.sent %= BYTES_PER_FRAME;
    }

    /// Spends; `false` if there is not enough left.
    fn withdraw(&mut self, cost: u64, now: Instant) -> bool {
        let seconds = now.duration_since(self.grown_at).as_secs();
        if seconds > 0 {
            self.grown_at = now;
            self.deposit(seconds.saturating_mul(ALLOWANCE_PER_SECOND));
        }
        let is_enough = self.left >= cost;
        self.left = self.left.saturating_sub(cost);
        is_enough
    }
}

/// The connection.
pub(super) struct MeteredStream<S> {
    stream: S,
    frames: Frames,
    allowance: Allowance,
    metrics: ListenerMetrics,
}

impl<S> MeteredStream<S> {
    pub(super) fn new(stream: S, metrics: ListenerMetrics) -> Self {
        Self { stream, frames: Frames::new(), allowance: Allowance::new(Instant::now()), metrics }
    }

    /// Counts bytes that were written.
    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.allowance.send(*bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let charge = this.frames.read(buffer.filled().get(before..).unwrap_or_default());
        this.allowance.deposit(charge.credit);
        if charge.cost > 0 && !this.allowance.withdraw(charge.cost, Instant::now()) {
            this.metrics.count_flood();
            let error = io::Error::new(io::ErrorKind::InvalidData, "the client sent too many control frames");
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_allowance_is_refilled_by_time_and_by_what_is_sent() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!(allowance.withdraw(MAX_ALLOWANCE, start) && !allowance.withdraw(1, start));
        assert!(!allowance.withdraw(1, start + Duration::from_millis(900)));
        assert!(allowance.withdraw(ALLOWANCE_PER_SECOND, start + Duration::from_secs(1)));
        assert!(!allowance.withdraw(1, start + Duration::from_secs(1)));
        // Small responses add up.
        (0..64).for_each(|_| allowance.send(BYTES_PER_FRAME as usize / 32));
        assert!(allowance.withdraw(2, start + Duration::from_secs(1)));
        assert!(!allowance.withdraw(1, start + Duration::from_secs(1)));
        allowance.deposit(u64::MAX);
        assert!(allowance.withdraw(MAX_ALLOWANCE, start) && !allowance.withdraw(1, start));
    }
}
