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

use crate::api::{Audience, Readable};
use crate::error::Error;
use crate::model::range::{Wanted, wanted};
use crate::shelf::{Content, Overlays, Shelf};

/// For how long an answer stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// What stands at this address never changes.
    Ever,
    /// For these seconds.
    Seconds(u32),
    /// Ask again each time; the ETag makes that cheap.
    Now,
}

/// What is answered, apart from its bytes.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub readable: &'a Readable,
    /// Tells these bytes from all others ever at this address.
    pub etag: &'a str,
    pub content_type: &'a str,
    pub lasts: Lasts,
    pub disposition: Option<String>,
    /// Whether the bytes name further URLs, with the reader's signature in them where it needs one.
    pub names_urls: bool,
    pub varies_by_accept: bool,
}

impl<'a> Sheet<'a> {
    /// A sheet for something we made.
    pub fn ours(readable: &'a Readable, etag: &'a str, content_type: &'a str, lasts: Lasts) -> Self {
        Self { readable, etag, content_type, lasts, disposition: None, names_urls: false, varies_by_accept: false }
    }
}

/// Where the bytes are.
pub(crate) enum Source<'a> {
    /// In memory.
    Whole(Bytes),
    /// In an object of this many bytes.
    Object(&'a ObjectKey, u64, Option<Overlays>),
}

/// The request's parts that matter here.
#[derive(Debug)]
pub(crate) struct Asking {
    pub method: Method,
    pub headers: HeaderMap,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Asking {
    type Rejection = std::convert::Infallible;
    /// Takes the headers with it: it stands last in a handler's signature.
    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self { method: parts.method.clone(), headers: std::mem::take(&mut parts.headers) })
    }
}

impl Asking {
    /// A header's text.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Answers a GET or HEAD.
pub(crate) async fn respond(shelf: &Shelf, asking: &Asking, sheet: Sheet<'_>, source: Source<'_>) -> Result<Response, Error> {
    let etag = format!("\"{}\"", sheet.etag);
    if asking.text(&header::IF_MATCH).is_some_and(|listed| !lists(listed, &etag, false)) {
        return Err(Error::Precondition);
    }
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), &sheet, &etag);
    if asking.text(&header::IF_NONE_MATCH).is_some_and(|listed| lists(listed, &etag, true)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let bytes = match &source {
        Source::Whole(whole) => whole.len() as u64,
        Source::Object(_, bytes, _) => *bytes,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(sheet.content_type));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(disposition) = &sheet.disposition {
        headers.insert(header::CONTENT_DISPOSITION, value(disposition));
    }
    let part = match part(asking, &etag, bytes)? {
        Some(part) => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{}/{bytes}", part.start, part.end - 1)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            part
        }
        None => 0..bytes,
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if asking.method != Method::HEAD {
        *response.body_mut() = body(shelf, source, part).await?;
    }
    Ok(response)
}

/// The part that is asked for; `None` means all of it.
fn part(asking: &Asking, etag: &str, bytes: u64) -> Result<Option<std::ops::Range<u64>>, Error> {
    // Ranges are defined for GET only (§14.2), and If-Range holds only for the very same bytes (§13.1.5); we send no dates.
    let holds = asking.text(&header::IF_RANGE).is_none_or(|wants| wants == etag);
    if asking.method != Method::GET || !holds {
        return Ok(None);
    }
    match wanted(asking.text(&header::RANGE), bytes) {
        Wanted::Whole => Ok(None),
        Wanted::Part(part) => Ok(Some(part)),
        Wanted::Nothing => Err(Error::BadRange(bytes)),
    }
}

async fn body(shelf: &Shelf, source: Source<'_>, part: std::ops::Range<u64>) -> Result<Body, Error> {
    match source {
        Source::Whole(whole) => Ok(slice(whole, &part)),
        Source::Object(key, _, overlays @ Some(_)) => shelf.stream(key, part, overlays).await,
        Source::Object(key, bytes, None) => match shelf.get(key, bytes).await? {
            // A row that is wrong about a size must not become a slice that panics.
            Content::Whole(whole) if whole.len() as u64 == bytes => Ok(slice(whole, &part)),
            _ => shelf.stream(key, part, None).await,
        },
    }
}

fn slice(whole: Bytes, part: &std::ops::Range<u64>) -> Body {
    let (start, end) = (usize::try_from(part.start), usize::try_from(part.end));
    match (start, end) {
        (Ok(start), Ok(end)) if start <= end && end <= whole.len() => Body::from(whole.slice(start..end)),
        _ => Body::from(whole),
    }
}

/// Whether a list of entity tags (or `*`) names `etag`; weakly, `W/` counts too (RFC 9110 §8.8.3.2).
fn lists(listed: &str, etag: &str, weakly: bool) -> bool {
    listed.trim() == "*" || listed.split(',').map(str::trim).any(|tag| tag == etag || (weakly && tag.strip_prefix("W/").is_some_and(|tag| tag == etag)))
}

fn describe(headers: &mut HeaderMap, sheet: &Sheet<'_>, etag: &str) {
    let public = sheet.readable.audience == Audience::Everyone;
    let who = if public { "public" } else { "private" };
    // A private address carries a signature that ends; nothing is kept longer than that holds.
    let at_most = |seconds: u64| sheet.readable.remaining.map_or(seconds, |remaining| remaining.as_secs().min(seconds));
    let cache = match sheet.lasts {
        _ if sheet.names_urls && !sheet.readable.query.is_empty() => HeaderValue::from_static("private, no-store"),
        Lasts::Ever if public => HeaderValue::from_static("public, max-age=31536000, immutable"),
        Lasts::Ever => value(&format!("private, max-age={}, immutable", at_most(3600))),
        Lasts::Seconds(seconds) => value(&format!("{who}, max-age={}", at_most(seconds.into()))),
        Lasts::Now if public => HeaderValue::from_static("public, no-cache"),
        Lasts::Now => HeaderValue::from_static("private, no-cache"),
    };
    headers.insert(header::ETAG, value(etag));
    headers.insert(header::CACHE_CONTROL, cache);
    // An address that works alone works in any page; what took the owner's token is for the owner's page.
    let owner = sheet.readable.audience == Audience::Owner;
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(if owner { "same-origin" } else { "cross-origin" }));
    if sheet.varies_by_accept {
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
    }
    // Whether a member sent it or we made it from what they sent: in a tab of its own it runs nothing.
    Policy::Media.fill(headers);
}

/// Our own texts are plain ASCII; what is not leaves the header empty rather than wrong.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_as_the_standard_says() {
        assert!(lists("\"a\"", "\"a\"", false));
        assert!(lists("\"b\", \"a\"", "\"a\"", false));
        assert!(lists("*", "\"a\"", false));
        assert!(lists("W/\"a\"", "\"a\"", true));
        assert!(!lists("W/\"a\"", "\"a\"", false));
        assert!(!lists("a", "\"a\"", true));
    }
}
