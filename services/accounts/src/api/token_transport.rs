//! How a refresh token is transported: in the JSON body, or, for the page, in a cookie that no script can read.
//!
//! The page requests the cookie with `Tutti-Session: cookie`. A form on another site can't send that header, a script
//! on another origin would need a CORS preflight that the gateway never allows, and the browser itself must declare
//! that the request comes from a page of this origin (decision 23). Invariant: only [`TokenTransport`] reads the
//! cookie, after these checks. The cookie authenticates nothing but its own exchange and sign-out.

use axum::extract::FromRequestParts;
use chrono::TimeDelta;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::client_info::is_of_operators;
use super::views::{NO_STORE, SignedInView};
use crate::error::Error;
use crate::state::Accounts;
use crate::tokens::SignedIn;

/// The cookie's name. Browsers accept `__Host-` only with `Secure`, `Path=/` and no `Domain`, so no other host can set
/// it (RFC 6265bis, section 4.1.3.2).
const COOKIE_NAME: &str = "__Host-tutti-session";
/// The cookie's name at the operators' listener, which may have the host of the site: cookies don't know ports.
const OPERATORS_COOKIE_NAME: &str = "__Host-tutti-operators";
/// The header that requests the cookie.
const TRANSPORT_HEADER: HeaderName = HeaderName::from_static("tutti-session");
const FETCH_SITE_HEADER: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The transport that a request asks for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum TokenTransport {
    /// Refresh tokens are in the request's and the response's body.
    Body,
    /// Refresh tokens are in the cookie of this name. Holds its value, if the request has one.
    Cookie(&'static str, Option<String>),
}

impl FromRequestParts<Accounts> for TokenTransport {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &Accounts) -> Result<Self, Error> {
        Self::from_headers(&parts.headers)
    }
}

impl TokenTransport {
    fn from_headers(headers: &HeaderMap) -> Result<Self, Error> {
        let Some(transport) = headers.get(TRANSPORT_HEADER) else { return Ok(Self::Body) };
        if transport != "cookie" {
            return Err(Error::UnknownTokenTransport);
        }
        if !is_same_origin(headers) {
            return Err(Error::CrossSite);
        }
        let name = if is_of_operators(headers) { OPERATORS_COOKIE_NAME } else { COOKIE_NAME };
        Ok(Self::Cookie(name, session_cookie(name, headers)))
    }

    /// Returns the headers and the body of the response to a sign-in or refresh. `idle` is how long the session lasts
    /// without use.
    pub(super) fn sign_in_response(&self, signed_in: SignedIn, idle: TimeDelta) -> (HeaderMap, SignedInView) {
        let mut headers = HeaderMap::from_iter(NO_STORE);
        let mut view = SignedInView::from(signed_in);
        if let Self::Cookie(name, _) = self
            && let Some(token) = view.take_refresh_token()
        {
            // 64 characters of base64url, which are valid in a header.
            headers.extend(set_cookie(name, &token, idle).map(|cookie| (header::SET_COOKIE, cookie)));
        }
        (headers, view)
    }

    /// Returns the headers that clear the cookie, if the request asks for the cookie transport.
    pub(super) fn clear_cookie(&self) -> HeaderMap {
        let cookie = match self {
            Self::Cookie(name, _) => set_cookie(name, "", TimeDelta::zero()),
            Self::Body => None,
        };
        cookie.map(|cookie| (header::SET_COOKIE, cookie)).into_iter().collect()
    }
}

fn set_cookie(name: &str, token: &str, max_age: TimeDelta) -> Option<HeaderValue> {
    format!("{name}={token}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", max_age.num_seconds()).parse().ok()
}

/// Returns the value of the session cookie. Two of them would mean that the browser ignores the `__Host-` rules, so
/// neither is accepted.
fn session_cookie(name: &str, headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut matching = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name);
    let (_, token) = matching.next()?;
    (matching.next().is_none() && !token.is_empty()).then(|| token.to_owned())
}

/// Whether the browser declares that a page of this origin sent the request. Scripts can't set either header.
///
/// `Sec-Fetch-Site` is decisive: the browser compared the whole origins, whatever host names the proxies use. Browsers
/// without it, and pages over plain HTTP, send `Origin`, whose host must be the request's host. A request with neither
/// header does not come from a browser.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(FETCH_SITE_HEADER).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin");
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let from = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")));
    matches!((from, host), (Some(from), Some(host)) if !host.is_empty() && from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(headers: &[(&'static str, &'static str)]) -> Result<TokenTransport, Error> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        TokenTransport::from_headers(&map)
    }

    const COOKIE_TRANSPORT: (&str, &str) = ("tutti-session", "cookie");
    const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
    const HOST: (&str, &str) = ("host", "tutti.example");

    fn is_cookie(transport: Result<TokenTransport, Error>, token: Option<&str>) -> bool {
        matches!(transport, Ok(TokenTransport::Cookie(_, found)) if found.as_deref() == token)
    }

    #[test]
    fn without_the_header_the_cookie_is_ignored() {
        assert!(matches!(parse(&[SAME_ORIGIN, ("cookie", "__Host-tutti-session=abc")]), Ok(TokenTransport::Body)));
        assert!(matches!(parse(&[SAME_ORIGIN, ("tutti-session", "yes")]), Err(Error::UnknownTokenTransport)));
    }

    #[test]
    fn only_a_page_of_this_origin_may_use_the_cookie() {
        assert!(is_cookie(
            parse(&[COOKIE_TRANSPORT, SAME_ORIGIN, ("cookie", "a=b; __Host-tutti-session=abc; c=d")]),
            Some("abc")
        ));
        // The browser compared the origins itself, so another host name behind a proxy does not matter.
        assert!(is_cookie(
            parse(&[COOKIE_TRANSPORT, SAME_ORIGIN, ("host", "127.0.0.1:8080"), ("origin", "https://tutti.example")]),
            None
        ));
        for site in ["cross-site", "same-site", "none", "SAME_ORIGIN-ORIGIN", ""] {
            assert!(
                matches!(
                    parse(&[COOKIE_TRANSPORT, HOST, ("origin", "https://tutti.example"), ("sec-fetch-site", site)]),
                    Err(Error::CrossSite)
                ),
                "{site}"
            );
        }
        assert!(matches!(
            parse(&[COOKIE_TRANSPORT, HOST, SAME_ORIGIN, ("sec-fetch-site", "cross-site")]),
            Err(Error::CrossSite)
        ));
    }

    #[test]
    fn an_older_browser_is_identified_by_origin() {
        for origin in ["https://tutti.example", "http://tutti.example", "https://TUTTI.example"] {
            assert!(is_cookie(parse(&[COOKIE_TRANSPORT, HOST, ("origin", origin)]), None), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://tutti.example.evil",
            "https://tutti.example:8443",
            "tutti.example",
            "https://tutti.example/",
        ] {
            assert!(matches!(parse(&[COOKIE_TRANSPORT, HOST, ("origin", origin)]), Err(Error::CrossSite)), "{origin}");
        }
        assert!(matches!(parse(&[COOKIE_TRANSPORT, HOST]), Err(Error::CrossSite)), "no browser");
        assert!(matches!(parse(&[COOKIE_TRANSPORT, ("host", ""), ("origin", "https://")]), Err(Error::CrossSite)));
    }

    #[test]
    fn one_cookie_of_our_name_is_read() {
        let with = |cookie| parse(&[COOKIE_TRANSPORT, SAME_ORIGIN, ("cookie", cookie)]);
        assert!(is_cookie(with("__Host-tutti-session=abc"), Some("abc")));
        for none in [
            "",
            "__Host-tutti-session=",
            "tutti-session=abc",
            "__host-tutti-session=abc",
            "x__Host-tutti-session=abc",
            "__Host-tutti-session=a; __Host-tutti-session=b",
        ] {
            assert!(is_cookie(with(none), None), "{none}");
        }
    }

    #[test]
    fn the_operators_listener_has_a_cookie_of_its_own() {
        let both = "__Host-tutti-session=abc; __Host-tutti-operators=def";
        let rows = [COOKIE_TRANSPORT, SAME_ORIGIN, ("cookie", both), ("x-tutti-listener", "operators")];
        assert!(is_cookie(parse(&rows), Some("def")));
        assert!(is_cookie(parse(&rows[..3]), Some("abc")));
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
        let set = set_cookie(COOKIE_NAME, "abc", TimeDelta::days(60)).unwrap();
        assert_eq!(set, "__Host-tutti-session=abc; Path=/; Max-Age=5184000; Secure; HttpOnly; SameSite=Strict");
        assert_eq!(TokenTransport::Body.clear_cookie(), HeaderMap::new());
        assert_eq!(
            TokenTransport::Cookie(COOKIE_NAME, None).clear_cookie()[header::SET_COOKIE],
            "__Host-tutti-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"
        );
    }
}
