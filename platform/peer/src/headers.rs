//! Which headers are passed on to the next connection, and which end at each (RFC 9110 §7.6.1).
//!
//! Invariant: no header about a connection, or about how a body is framed on it, is ever passed on; the next connection
//! has its own framing.

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, uri};

use base::Trace;
use http_server::{Deadline, write_trace};

/// Hop-by-hop headers, besides those that `Connection` names. `TE` is removed even with `trailers`, because trailers
/// are not passed on. `Upgrade` is removed too, which counts as ignoring it (RFC 9110 §7.8). WebSockets are handled by
/// `upgrade`.
const HOP_BY_HOP: [HeaderName; 8] = [
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
];
/// Headers that `Connection` can't remove: a client must not be able to hide them from the role.
const PROTECTED: [HeaderName; 8] = [
    HOST,
    CONTENT_LENGTH,
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("x-tutti-client"),
    HeaderName::from_static("x-tutti-listener"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-request-id"),
];

/// Removes the headers that belong to the connection that the message came over.
pub(super) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .filter(|name| !PROTECTED.contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Prepares a request for `host` in origin form, with a span of its own and the remaining time.
pub(super) fn outgoing(parts: &mut Parts, host: &HeaderValue) {
    strip(&mut parts.headers);
    if parts.uri.authority().is_some() || parts.uri.scheme().is_some() {
        let mut origin = uri::Parts::default();
        origin.path_and_query =
            parts.uri.path_and_query().cloned().or_else(|| Some(uri::PathAndQuery::from_static("/")));
        parts.uri = Uri::from_parts(origin).unwrap_or_default();
    }
    if !parts.headers.contains_key(HOST) {
        parts.headers.insert(HOST, host.clone());
    }
    parts.version = Version::HTTP_11;
    // A request of our own belongs to what this task works at.
    let trace = parts.extensions.get::<Trace>().copied().or_else(Trace::current).unwrap_or_else(Trace::begin);
    write_trace(&trace, &mut parts.headers);
    Deadline::write(parts.extensions.get(), &mut parts.headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_ends_with_it() {
        let rows = [
            ("connection", "keep-alive, X-Private , host, content-length, authorization, x-request-id"),
            ("connection", "close"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("host", "tutti.example"),
            ("content-length", "3"),
            ("authorization", "Bearer x"),
            ("x-request-id", "1"),
            ("x-public", "2"),
        ];
        let mut headers: HeaderMap = HeaderMap::new();
        for (name, value) in rows {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "content-length", "host", "x-public", "x-request-id"]);
    }
}
