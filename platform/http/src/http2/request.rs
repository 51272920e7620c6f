//! Makes a request over HTTP/2 what the same request over HTTP/1 is.
//!
//! Invariant: a request that passes names its host in `Host` and its length at most once, and its URL begins with its
//! path, as routers and roles expect.

use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderValue, Uri, uri};

use crate::problem::{Problem, every_role};
use crate::smuggling;

/// Changes a request in place. Returns why it is refused, if it is.
pub(super) fn prepare(parts: &mut Parts) -> Option<Problem> {
    // RFC 9113 §8.3.1: who passes a request on makes `Host` of the authority.
    if !parts.headers.contains_key(HOST) {
        let named = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let Some(host) = named else {
            return Some(Problem::of(every_role::MALFORMED, "The request names no host (`:authority`)."));
        };
        parts.headers.insert(HOST, host);
    }
    if let Some(problem) = smuggling::refusal(parts) {
        return Some(problem);
    }
    // `h2` accepts several that are equal. Over HTTP/1 a second one is refused (see `framing`), by the role too.
    if parts.headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Some(Problem::of(every_role::MALFORMED, "There is more than one Content-Length header."));
    }
    join_cookies(parts);
    let mut origin_form = uri::Parts::default();
    origin_form.path_and_query =
        parts.uri.path_and_query().cloned().or_else(|| Some(uri::PathAndQuery::from_static("/")));
    parts.uri = Uri::from_parts(origin_form).unwrap_or_default();
    None
}

/// Joins cookies that the client has sent in several lines, which compress better (RFC 9113 §8.2.3).
fn join_cookies(parts: &mut Parts) {
    let lines: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        parts.headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Request, Version};

    use super::*;

    fn prepared(request: http::request::Builder) -> Result<Parts, u16> {
        let mut parts = request.version(Version::HTTP_2).body(()).unwrap().into_parts().0;
        match prepare(&mut parts) {
            Some(problem) => Err(problem.status.as_u16()),
            None => Ok(parts),
        }
    }

    #[test]
    fn a_request_is_the_same_as_over_http_1() {
        let request = Request::get("https://a.example:8443/v1/me?x=1").header(COOKIE, "a=1").header(COOKIE, "b=2");
        let parts = prepared(request).unwrap();
        assert_eq!(parts.uri, "/v1/me?x=1");
        assert_eq!(
            (&parts.headers[HOST], &parts.headers[COOKIE]),
            (&"a.example:8443".parse().unwrap(), &"a=1; b=2".parse().unwrap())
        );
        assert_eq!(parts.headers.get_all(COOKIE).iter().count(), 1);
        assert_eq!(prepared(Request::get("https://a/").header(HOST, "a")).unwrap().uri, "/");
    }

    #[test]
    fn a_request_with_no_host_or_with_two_hosts_or_lengths_is_refused() {
        let lengths = Request::post("https://a/").header(CONTENT_LENGTH, "3").header(CONTENT_LENGTH, "3");
        assert_eq!(prepared(lengths).unwrap_err(), 400);
        assert!(prepared(Request::post("https://a/").header(CONTENT_LENGTH, "3")).is_ok());
        assert_eq!(prepared(Request::get("/")).unwrap_err(), 400);
        assert_eq!(prepared(Request::get("https://a/").header(HOST, "b")).unwrap_err(), 400);
        assert_eq!(prepared(Request::get("https://me@a/")).unwrap_err(), 400);
        assert_eq!(prepared(Request::builder().method(Method::CONNECT).uri("a:80")).unwrap_err(), 405);
    }
}
