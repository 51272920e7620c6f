//! A request's fingerprint, which tells a repeated request from another one with the same key without storing or
//! reading all of it.
//!
//! It is a SHA-256 of the headers that describe the body and of its first [`MAX_BYTES`], computed while the body
//! streams. A form is hashed without its boundary, which browsers choose anew each time. Invariant: a repeated request
//! has the same fingerprint, however its bytes are split into chunks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::problem::{Problem, every_role};

/// Bytes of a body that are compared: enough for the header of any file.
const MAX_BYTES: u64 = 16 * 1024;
/// How long a repeated request may take to send them.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// The headers that describe a body.
const BODY_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("upload-length"),
    HeaderName::from_static("upload-metadata"),
];

/// The stored fingerprint of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    /// In hexadecimal.
    pub digest: String,
    /// How many bytes of the body it covers, at most.
    pub bytes: u64,
}

/// A fingerprint that is being computed.
#[derive(Debug)]
struct FingerprintHasher {
    hash: Sha256,
    /// The boundary of a form; empty for other bodies.
    boundary: Vec<u8>,
    /// The last bytes, which may be the beginning of a boundary.
    carry: Vec<u8>,
    hashed: u64,
    left: u64,
    ended: bool,
}

impl FingerprintHasher {
    fn of(head: &Parts, bytes: u64) -> Self {
        let boundary = boundary(&head.headers);
        let mut hash = Sha256::new();
        let mut add_part = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        let text =
            |name: &HeaderName| head.headers.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        add_part(head.uri.query().unwrap_or_default().as_bytes());
        let content_type = text(&header::CONTENT_TYPE);
        add_part(content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii());
        // Boundaries may differ in length.
        add_part(&if boundary.is_empty() { text(&header::CONTENT_LENGTH) } else { Vec::new() });
        BODY_HEADERS.iter().for_each(|name| add_part(&text(name)));
        Self { hash, boundary, carry: Vec::new(), hashed: 0, left: bytes, ended: false }
    }

    fn push(&mut self, data: &[u8]) {
        if self.left == 0 {
            return;
        }
        if self.boundary.is_empty() {
            return self.add(data);
        }
        let mut text = std::mem::take(&mut self.carry);
        text.extend_from_slice(data);
        let length = self.boundary.len();
        let mut from = 0;
        while let Some(at) =
            text.get(from..).and_then(|rest| rest.windows(length).position(|window| window == self.boundary))
        {
            self.add(text.get(from..from + at).unwrap_or_default());
            from += at + length;
        }
        let rest = text.get(from..).unwrap_or_default();
        let (certain, carry) = rest.split_at(rest.len().saturating_sub(length - 1));
        self.add(certain);
        carry.clone_into(&mut self.carry);
    }

    fn add(&mut self, data: &[u8]) {
        let length = usize::try_from(self.left).map_or(data.len(), |left| left.min(data.len()));
        self.hash.update(data.get(..length).unwrap_or_default());
        self.hashed += length as u64;
        self.left -= length as u64;
    }

    fn end(&mut self) {
        let carry = std::mem::take(&mut self.carry);
        self.add(&carry);
        self.ended = true;
    }

    /// Returns the fingerprint. Of a body that was not read to its end, it covers the bytes that were read.
    fn finish(&self) -> Fingerprint {
        let mut hash = self.hash.clone();
        let short = self.ended && self.left > 0;
        hash.update([u8::from(short)]);
        Fingerprint {
            digest: hex::encode(hash.finalize()),
            bytes: if self.ended { self.hashed + self.left } else { self.hashed },
        }
    }
}

/// Returns the boundary of a form; empty for anything else.
fn boundary(headers: &HeaderMap) -> Vec<u8> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.to_ascii_lowercase().starts_with("multipart/")) {
        return Vec::new();
    }
    let found =
        parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary")));
    // RFC 2046 §5.1.1: 1 to 70 characters.
    found
        .map(|(_, value)| value.trim().trim_matches('"').as_bytes().to_vec())
        .filter(|value| value.len() <= 70)
        .unwrap_or_default()
}

/// The fingerprint of a request whose body is being streamed.
#[derive(Debug, Clone)]
pub(super) struct FingerprintWatch(Arc<Mutex<FingerprintHasher>>);

impl FingerprintWatch {
    /// Wraps the body of a request.
    pub(super) fn wrap(head: &Parts, body: Body) -> (Self, Body) {
        let hasher = Arc::new(Mutex::new(FingerprintHasher::of(head, MAX_BYTES)));
        (Self(hasher.clone()), Body::new(FingerprintedBody { body, hasher }))
    }

    /// Returns the fingerprint of what was streamed so far.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.0.lock().finish()
    }
}

struct FingerprintedBody {
    body: Body,
    hasher: Arc<Mutex<FingerprintHasher>>,
}

impl http_body::Body for FingerprintedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let mut hasher = self.hasher.lock();
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    hasher.push(data);
                }
            }
            None => hasher.end(),
            Some(Err(_)) => {}
        }
        drop(hasher);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a repeated request has this `fingerprint`. Also returns its body, as if it had not been read.
pub(super) async fn compare(head: &Parts, body: Body, fingerprint: &Fingerprint) -> Result<(bool, Body), Problem> {
    let mut hasher = FingerprintHasher::of(head, fingerprint.bytes);
    let (mut body, mut read) = (body, Vec::new());
    while hasher.left > 0 && !hasher.ended {
        let late = |_| Problem::of(every_role::TOO_SLOW, "The body did not arrive in time. Send it again.");
        match timeout(READ_TIMEOUT, body.frame()).await.map_err(late)? {
            None => hasher.end(),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    hasher.push(&data);
                    read.push(Ok::<_, axum::Error>(data));
                }
            }
            Some(Err(_)) => {
                return Err(Problem::of(
                    every_role::INCOMPLETE,
                    "The body ended before all of it had arrived. Send it again.",
                ));
            }
        }
    }
    let same = hasher.finish().digest == fingerprint.digest;
    Ok((same, Body::from_stream(futures::stream::iter(read).chain(body.into_data_stream()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(content_type: &str, query: &str) -> Parts {
        http::Request::post(format!("/things?{query}"))
            .header("content-type", content_type)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn in_chunks(data: &[u8], size: usize) -> Body {
        let chunks: Vec<_> =
            data.chunks(size).map(|chunk| Ok::<_, axum::Error>(Bytes::copy_from_slice(chunk))).collect();
        Body::from_stream(futures::stream::iter(chunks))
    }

    async fn fingerprint(head: &Parts, data: &[u8], size: usize) -> Fingerprint {
        let (watch, body) = FingerprintWatch::wrap(head, in_chunks(data, size));
        body.collect().await.unwrap();
        watch.fingerprint()
    }

    async fn is_same(head: &Parts, data: &[u8], size: usize, fingerprint: &Fingerprint) -> bool {
        let (same, body) = compare(head, in_chunks(data, size), fingerprint).await.unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), data, "the body is whole again");
        same
    }

    #[tokio::test]
    async fn the_same_bytes_are_the_same_request_however_they_arrive() {
        let head = head("text/plain", "a=1");
        for length in [0, 1, 5000, 16 * 1024, 16 * 1024 + 1, 100_000] {
            let data: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let fingerprint = fingerprint(&head, &data, 977).await;
            assert!(is_same(&head, &data, 4096, &fingerprint).await, "{length}");
            assert!(
                !is_same(&head, &[&data[..], b"x"].concat(), 977, &fingerprint).await || length >= 16 * 1024,
                "{length} and one more"
            );
            if length > 0 {
                let mut other = data.clone();
                other[length.min(16 * 1024) - 1] ^= 1;
                assert!(!is_same(&head, &other, 977, &fingerprint).await, "{length}, one differs");
            }
        }
    }

    #[tokio::test]
    async fn the_headers_that_describe_a_body_count() {
        let fingerprint = fingerprint(&head("text/plain", "a=1"), b"x", 1).await;
        assert!(is_same(&head("text/plain; charset=utf-8", "a=1"), b"x", 1, &fingerprint).await);
        assert!(!is_same(&head("text/plain", "a=2"), b"x", 1, &fingerprint).await);
        assert!(!is_same(&head("text/html", "a=1"), b"x", 1, &fingerprint).await);
    }

    #[tokio::test]
    async fn a_form_is_the_same_with_another_boundary() {
        let form = |boundary: &str, text: &str| {
            format!("--{boundary}\r\nname: a\r\n\r\n{text}\r\n--{boundary}--\r\n").into_bytes()
        };
        let head = |boundary: &str| head(&format!("multipart/form-data; boundary={boundary}"), "");
        let fingerprint = fingerprint(&head("abc"), &form("abc", "hello"), 3).await;
        for size in [1, 2, 7, 1000] {
            assert!(is_same(&head("-----4711"), &form("-----4711", "hello"), size, &fingerprint).await, "{size}");
            assert!(!is_same(&head("-----4711"), &form("-----4711", "hullo"), size, &fingerprint).await, "{size}");
        }
    }

    #[tokio::test]
    async fn a_body_that_was_not_read_is_not_compared() {
        let head = head("text/plain", "");
        let (watch, mut body) = FingerprintWatch::wrap(&head, in_chunks(b"hello world", 5));
        body.frame().await.unwrap().unwrap();
        assert!(is_same(&head, b"hello", 2, &watch.fingerprint()).await);
        assert!(is_same(&head, b"hello there", 2, &watch.fingerprint()).await);
        assert!(!is_same(&head, b"hullo there", 2, &watch.fingerprint()).await);
    }
}
