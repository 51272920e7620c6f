//! HTTP responses: validators, ranges, cache rules, and headers that keep browsers from misinterpreting the bytes.
//!
//! Applies RFC 9110 §13 (conditions) and §14 (ranges) to all responses of delivery. Invariant: every response carries a
//! strong ETag, `nosniff`, a sandbox, and a Cache-Control under which no cache keeps the bytes of a private item, or a
//! signature, for longer than they are valid.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use contract::ObjectKey;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_server::conditional::{if_match_fails, is_unchanged, requested_range};
use http_server::range::RangeRequest;
use http_server::{Policy, RESOURCE_POLICY};

use super::access::{Audience, Readable};
use crate::error::Error;
use crate::object_cache::{Content, ObjectCache, Overlays};

/// How long a response may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// The bytes at this URL never change.
    Immutable,
    /// For this many seconds.
    MaxAge(u32),
    /// Revalidate each time; the ETag makes that cheap.
    Revalidate,
}

/// A response, apart from its bytes.
#[derive(Debug)]
pub(crate) struct ResponseMeta<'a> {
    pub readable: &'a Readable,
    /// Distinguishes these bytes from all others that were ever at this URL.
    pub etag: &'a str,
    pub content_type: &'a str,
    pub cache_policy: CachePolicy,
    pub disposition: Option<String>,
    /// Whether the bytes contain further URLs, which carry the signature of the request where they need one.
    pub contains_urls: bool,
    pub varies_by_accept: bool,
}

impl<'a> ResponseMeta<'a> {
    /// Returns the metadata of a file that Tutti made.
    pub fn new(readable: &'a Readable, etag: &'a str, content_type: &'a str, cache_policy: CachePolicy) -> Self {
        Self {
            readable,
            etag,
            content_type,
            cache_policy,
            disposition: None,
            contains_urls: false,
            varies_by_accept: false,
        }
    }
}

/// Where the bytes are.
pub(crate) enum BodySource<'a> {
    /// In memory.
    Memory(Bytes),
    /// In an object of this many bytes.
    Object(&'a ObjectKey, u64, Option<Overlays>),
}

/// The method and headers of a request.
#[derive(Debug)]
pub(crate) struct RequestParts {
    pub method: Method,
    pub headers: HeaderMap,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for RequestParts {
    type Rejection = std::convert::Infallible;
    /// Takes the headers out of the request, so it must be the last extractor of a handler.
    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self { method: parts.method.clone(), headers: std::mem::take(&mut parts.headers) })
    }
}

impl RequestParts {
    /// Returns the text of a header.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Responds to a GET or HEAD request.
pub(crate) async fn respond(
    cache: &ObjectCache,
    request: &RequestParts,
    meta: ResponseMeta<'_>,
    source: BodySource<'_>,
) -> Result<Response, Error> {
    let etag = format!("\"{}\"", meta.etag);
    if if_match_fails(&request.headers, &etag) {
        return Err(Error::PreconditionFailed);
    }
    let mut response = Response::new(Body::empty());
    set_headers(response.headers_mut(), &meta, &etag);
    if is_unchanged(&request.headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let bytes = match &source {
        BodySource::Memory(whole) => whole.len() as u64,
        BodySource::Object(_, bytes, _) => *bytes,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header_value(meta.content_type));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(disposition) = &meta.disposition {
        headers.insert(header::CONTENT_DISPOSITION, header_value(disposition));
    }
    let range = match find_range(request, &etag, bytes)? {
        Some(range) => {
            headers.insert(
                header::CONTENT_RANGE,
                header_value(&format!("bytes {}-{}/{bytes}", range.start, range.end - 1)),
            );
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            range
        }
        None => 0..bytes,
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if request.method != Method::HEAD {
        *response.body_mut() = body(cache, source, range).await?;
    }
    Ok(response)
}

/// Returns the requested range; `None` means the whole file.
fn find_range(request: &RequestParts, etag: &str, bytes: u64) -> Result<Option<std::ops::Range<u64>>, Error> {
    match requested_range(&request.method, &request.headers, etag, bytes) {
        RangeRequest::Whole => Ok(None),
        RangeRequest::Partial(range) => Ok(Some(range)),
        RangeRequest::Unsatisfiable => Err(Error::RangeNotSatisfiable(bytes)),
    }
}

async fn body(cache: &ObjectCache, source: BodySource<'_>, range: std::ops::Range<u64>) -> Result<Body, Error> {
    match source {
        BodySource::Memory(whole) => Ok(slice(whole, &range)),
        BodySource::Object(key, _, overlays @ Some(_)) => cache.stream(key, range, overlays).await,
        BodySource::Object(key, bytes, None) => match cache.get(key, bytes).await? {
            // A row with a wrong size must not become a slice that panics.
            Content::Whole(whole) if whole.len() as u64 == bytes => Ok(slice(whole, &range)),
            _ => cache.stream(key, range, None).await,
        },
    }
}

fn slice(whole: Bytes, range: &std::ops::Range<u64>) -> Body {
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    match (start, end) {
        (Ok(start), Ok(end)) if start <= end && end <= whole.len() => Body::from(whole.slice(start..end)),
        _ => Body::from(whole),
    }
}

fn set_headers(headers: &mut HeaderMap, meta: &ResponseMeta<'_>, etag: &str) {
    let public = meta.readable.audience == Audience::Everyone;
    let scope = if public { "public" } else { "private" };
    // The signature of a private URL expires; nothing is cached for longer than it is valid.
    let capped = |seconds: u64| meta.readable.remaining.map_or(seconds, |remaining| remaining.as_secs().min(seconds));
    let cache_control = match meta.cache_policy {
        _ if meta.contains_urls && !meta.readable.query.is_empty() => HeaderValue::from_static("private, no-store"),
        CachePolicy::Immutable if public => HeaderValue::from_static("public, max-age=31536000, immutable"),
        CachePolicy::Immutable => header_value(&format!("private, max-age={}, immutable", capped(3600))),
        CachePolicy::MaxAge(seconds) => header_value(&format!("{scope}, max-age={}", capped(seconds.into()))),
        CachePolicy::Revalidate if public => HeaderValue::from_static("public, no-cache"),
        CachePolicy::Revalidate => HeaderValue::from_static("private, no-cache"),
    };
    headers.insert(header::ETAG, header_value(etag));
    headers.insert(header::CACHE_CONTROL, cache_control);
    // A URL that works without a token may be embedded in any page. A response to the token of the owner is for pages
    // of the same origin.
    let owner = meta.readable.audience == Audience::Owner;
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(if owner { "same-origin" } else { "cross-origin" }));
    if meta.varies_by_accept {
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
    }
    // A member may have sent it, or Tutti made it from what they sent: in a tab of its own it runs no code.
    Policy::Media.fill(headers);
}

/// Returns a header value. The values are plain ASCII; anything else becomes an empty header rather than a wrong one.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
