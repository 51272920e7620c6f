//! How bytes leave: validators, ranges, cache rules and the headers that keep a browser from being fooled.
//!
//! Owns RFC 9110 §13 (conditions) and §14 (ranges) for everything this role answers. Invariant: every answer carries a strong ETag,
//! `nosniff`, a sandbox, and a Cache-Control that neither a private item's bytes nor a signature can outlive in a cache.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use contract::ObjectKey;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kit::http::{Policy, RESOURCE_POLICY};

use super::access::{Audience, Readable};
use crate::error::Error;
use crate::model::range::{RangeRequest, parse_range};
use crate::object_cache::{Content, ObjectCache, Overlays};

/// For how long an answer stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// What stands at this address never changes.
    Immutable,
    /// For these seconds.
    MaxAge(u32),
    /// Ask again each time; the ETag makes that cheap.
    Revalidate,
}

/// What is answered, apart from its bytes.
#[derive(Debug)]
pub(crate) struct ResponseMeta<'a> {
    pub readable: &'a Readable,
    /// Tells these bytes from all others ever at this address.
    pub etag: &'a str,
    pub content_type: &'a str,
    pub cache_policy: CachePolicy,
    pub disposition: Option<String>,
    /// Whether the bytes name further URLs, with the reader's signature in them where it needs one.
    pub contains_urls: bool,
    pub varies_by_accept: bool,
}

impl<'a> ResponseMeta<'a> {
    /// A sheet for something we made.
    pub fn new(readable: &'a Readable, etag: &'a str, content_type: &'a str, cache_policy: CachePolicy) -> Self {
        Self { readable, etag, content_type, cache_policy, disposition: None, contains_urls: false, varies_by_accept: false }
    }
}

/// Where the bytes are.
pub(crate) enum BodySource<'a> {
    /// In memory.
    Memory(Bytes),
    /// In an object of this many bytes.
    Object(&'a ObjectKey, u64, Option<Overlays>),
}

/// The request's parts that matter here.
#[derive(Debug)]
pub(crate) struct RequestParts {
    pub method: Method,
    pub headers: HeaderMap,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for RequestParts {
    type Rejection = std::convert::Infallible;
    /// Takes the headers with it: it stands last in a handler's signature.
    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self { method: parts.method.clone(), headers: std::mem::take(&mut parts.headers) })
    }
}

impl RequestParts {
    /// A header's text.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Answers a GET or HEAD.
pub(crate) async fn respond(cache: &ObjectCache, request: &RequestParts, meta: ResponseMeta<'_>, source: BodySource<'_>) -> Result<Response, Error> {
    let etag = format!("\"{}\"", meta.etag);
    if request.text(&header::IF_MATCH).is_some_and(|etags| !etag_matches(etags, &etag, false)) {
        return Err(Error::PreconditionFailed);
    }
    let mut response = Response::new(Body::empty());
    set_headers(response.headers_mut(), &meta, &etag);
    if request.text(&header::IF_NONE_MATCH).is_some_and(|etags| etag_matches(etags, &etag, true)) {
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
    let range = match requested_range(request, &etag, bytes)? {
        Some(range) => {
            headers.insert(header::CONTENT_RANGE, header_value(&format!("bytes {}-{}/{bytes}", range.start, range.end - 1)));
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

/// The part that is asked for; `None` means all of it.
fn requested_range(request: &RequestParts, etag: &str, bytes: u64) -> Result<Option<std::ops::Range<u64>>, Error> {
    // Ranges are defined for GET only (§14.2), and If-Range holds only for the very same bytes (§13.1.5); we send no dates.
    let if_range_matches = request.text(&header::IF_RANGE).is_none_or(|wants| wants == etag);
    if request.method != Method::GET || !if_range_matches {
        return Ok(None);
    }
    match parse_range(request.text(&header::RANGE), bytes) {
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
            // A row that is wrong about a size must not become a slice that panics.
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

/// Whether a list of entity tags (or `*`) names `etag`; weakly, `W/` counts too (RFC 9110 §8.8.3.2).
fn etag_matches(etags: &str, etag: &str, weak: bool) -> bool {
    etags.trim() == "*" || etags.split(',').map(str::trim).any(|tag| tag == etag || (weak && tag.strip_prefix("W/").is_some_and(|tag| tag == etag)))
}

fn set_headers(headers: &mut HeaderMap, meta: &ResponseMeta<'_>, etag: &str) {
    let public = meta.readable.audience == Audience::Everyone;
    let scope = if public { "public" } else { "private" };
    // A private address carries a signature that ends; nothing is kept longer than that holds.
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
    // An address that works alone works in any page; what took the owner's token is for the owner's page.
    let owner = meta.readable.audience == Audience::Owner;
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(if owner { "same-origin" } else { "cross-origin" }));
    if meta.varies_by_accept {
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
    }
    // Whether a member sent it or we made it from what they sent: in a tab of its own it runs nothing.
    Policy::Media.fill(headers);
}

/// Our own texts are plain ASCII; what is not leaves the header empty rather than wrong.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_as_the_standard_says() {
        assert!(etag_matches("\"a\"", "\"a\"", false));
        assert!(etag_matches("\"b\", \"a\"", "\"a\"", false));
        assert!(etag_matches("*", "\"a\"", false));
        assert!(etag_matches("W/\"a\"", "\"a\"", true));
        assert!(!etag_matches("W/\"a\"", "\"a\"", false));
        assert!(!etag_matches("a", "\"a\"", true));
    }
}
