//! Refuses ambiguous requests at every listener.
//!
//! Request smuggling exploits requests that a proxy and the server behind it read differently. What the bytes alone
//! show is refused before (see `framing`: line ends, lengths, codings, chunks); this file checks the parsed head.
//! Invariant: a request that passes has one host, and at most one of each header that says who the caller is, what it
//! asks for, or how much of it.

use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT, HOST, IF_RANGE, ORIGIN, PROXY_AUTHORIZATION,
    RANGE, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Version};

use crate::problem::{Problem, every_role};

/// Headers that would be ambiguous if there were two.
const SINGLE_HEADERS: [HeaderName; 16] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    CONTENT_RANGE,
    EXPECT,
    IF_RANGE,
    ORIGIN,
    PROXY_AUTHORIZATION,
    RANGE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("tus-resumable"),
    HeaderName::from_static("upload-checksum"),
    HeaderName::from_static("upload-length"),
    HeaderName::from_static("upload-metadata"),
    HeaderName::from_static("upload-offset"),
    HeaderName::from_static("x-http-method-override"),
];

/// Returns why a request is refused, if it is.
pub(super) fn refusal(parts: &Parts) -> Option<Problem> {
    let headers = &parts.headers;
    let refuse = |detail: &'static str| Some(Problem::of(every_role::MALFORMED, detail));
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        // A second coding below `chunked` would be lost with the header (RFC 9112 §6.1).
        if headers.get_all(TRANSFER_ENCODING).iter().count() != 1 || !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
        {
            return refuse("The only Transfer-Encoding that is supported is `chunked`.");
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return refuse("A request has a Content-Length or a Transfer-Encoding, not both.");
        }
    }
    // Most requests repeat no header and need no further check.
    if headers.len() != headers.keys_len()
        && SINGLE_HEADERS.iter().any(|name| headers.get_all(name).iter().nth(1).is_some())
    {
        return refuse("A header that may come only once came twice, such as Authorization.");
    }
    if parts.method == Method::CONNECT {
        return Some(Problem::of(every_role::METHOD_NOT_ALLOWED, "This server opens no tunnels."));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    // RFC 9112 §3.2: one Host, and no other in an absolute-form target.
    match (host, parts.uri.authority()) {
        (None, _) if parts.version == Version::HTTP_11 => return refuse("The Host header is missing."),
        _ if hosts.next().is_some() => return refuse("There is more than one Host header."),
        (Some(host), Some(authority)) if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            return refuse("The Host header and the URL name different hosts.");
        }
        (Some(host), _)
            if host.as_bytes().iter().any(|byte| matches!(byte, b',' | b'/' | b'@' | b' ' | b'\t' | b'\\'))
                || is_invalid_host(host) =>
        {
            return refuse("The Host header is not a valid host.");
        }
        _ => {}
    }
    None
}

/// Whether a host is invalid, such as an IPv6 address without its bracket.
fn is_invalid_host(host: &HeaderValue) -> bool {
    !host.is_empty() && Authority::try_from(host.as_bytes()).is_err()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn refused(request: http::request::Builder) -> Option<u16> {
        refusal(&request.body(()).unwrap().into_parts().0).map(|problem| problem.status.as_u16())
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        let post = || Request::post("/").header(HOST, "a");
        assert_eq!(refused(post().header(TRANSFER_ENCODING, "Chunked")), None);
        assert_eq!(refused(post().header(CONTENT_LENGTH, "3")), None);
        assert_eq!(refused(post().header(TRANSFER_ENCODING, "gzip, chunked")), Some(400));
        assert_eq!(
            refused(post().header(TRANSFER_ENCODING, "chunked").header(TRANSFER_ENCODING, "chunked")),
            Some(400)
        );
        assert_eq!(refused(post().header(TRANSFER_ENCODING, "chunked").header(CONTENT_LENGTH, "3")), Some(400));
        assert_eq!(refused(post().header(HOST, "a")), Some(400));
        assert_eq!(refused(post().header(AUTHORIZATION, "Bearer a").header(AUTHORIZATION, "Bearer a")), Some(400));
        assert_eq!(
            refused(post().header("accept", "a").header("accept", "b").header("cookie", "a=1").header("cookie", "b=2")),
            None
        );
        assert_eq!(refused(Request::get("/")), Some(400));
        assert_eq!(refused(Request::get("/").version(Version::HTTP_10)), None);
        assert_eq!(refused(Request::get("http://a/").header(HOST, "A")), None);
        assert_eq!(refused(Request::get("http://b/").header(HOST, "a")), Some(400));
        assert_eq!(refused(Request::get("/").header(HOST, "a, b")), Some(400));
        assert_eq!(refused(Request::get("/").header(HOST, "[::1]:80")), None);
        assert_eq!(refused(Request::get("/").header(HOST, "[::1")), Some(400));
        assert_eq!(refused(Request::get("/").header(HOST, "::1")), Some(400));
        assert_eq!(refused(Request::builder().method(Method::CONNECT).uri("a:80").header(HOST, "a:80")), Some(405));
    }
}
