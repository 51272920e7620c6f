//! The client's address, and the headers that only our own processes or a trusted proxy may set.
//!
//! Invariant: values that a client itself writes into `X-Forwarded-For` or `X-Tutti-*` are never used.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts as _};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_server::CLIENT_IP;

/// The prefix of headers that only internal requests may have.
const INTERNAL_HEADER_PREFIX: &str = "x-tutti-";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxy headers that Tutti does not read. They are removed so that no role takes them for checked.
const UNTRUSTED_HEADERS: [&str; 7] =
    ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-original-url", "x-rewrite-url", "x-http-method"];
/// Proxy headers that are accepted from trusted proxies only.
const PROXY_HEADERS: [&str; 4] = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"];

/// Returns the client's address, and replaces the headers that could claim another one.
pub(super) async fn identify(parts: &mut Parts, trusted_hops: usize) -> IpAddr {
    let address = client_address(parts, trusted_hops).await;
    strip_internal_headers(&mut parts.headers, trusted_hops > 0);
    if let Ok(value) = HeaderValue::from_str(&address.to_string()) {
        // An earlier value was an unchecked claim of the client.
        parts.headers.insert(X_FORWARDED_FOR, value.clone());
        parts.headers.insert(CLIENT_IP, value);
    }
    address
}

/// Returns the address of the client in front of the trusted proxies. An IPv4-mapped IPv6 address is returned as IPv4.
pub(super) async fn client_address(parts: &mut Parts, trusted_hops: usize) -> IpAddr {
    let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, &())
        .await
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    if trusted_hops == 0 {
        return peer.to_canonical();
    }
    // An element that is not text stays an element: without it, the elements before it would move to another position.
    let values = parts.headers.get_all(&X_FORWARDED_FOR).iter();
    let lines: Vec<Cow<'_, str>> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let chain = lines.join(",");
    chain.rsplit(',').nth(trusted_hops - 1).and_then(parse_forwarded_address).unwrap_or(peer).to_canonical()
}

/// Parses an address as proxies write it: some add a port, and brackets around IPv6.
fn parse_forwarded_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let without_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    without_brackets.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Removes internal headers, headers that Tutti does not read, and, without a trusted proxy, those that only one may
/// set.
fn strip_internal_headers(headers: &mut HeaderMap, behind_proxy: bool) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(INTERNAL_HEADER_PREFIX)).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
    for name in UNTRUSTED_HEADERS.iter().chain(if behind_proxy { &[][..] } else { &PROXY_HEADERS[..] }) {
        headers.remove(*name);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    async fn address(hops: usize, forwarded: &str) -> String {
        address_by(hops, &[forwarded.as_bytes()]).await
    }

    async fn address_by(hops: usize, lines: &[&[u8]]) -> String {
        let request = Request::get("/").extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1))));
        let request =
            lines.iter().fold(request, |request, line| request.header(X_FORWARDED_FOR, *line)).body(()).unwrap();
        client_address(&mut request.into_parts().0, hops).await.to_string()
    }

    #[tokio::test]
    async fn a_forged_address_is_ignored() {
        assert_eq!(address(0, "1.2.3.4").await, "10.0.0.1");
        assert_eq!(address(1, "6.6.6.6, 1.2.3.4").await, "1.2.3.4");
        assert_eq!(address(2, "6.6.6.6, 1.2.3.4, 10.0.0.2").await, "1.2.3.4");
        assert_eq!(address(1, "nonsense").await, "10.0.0.1");
        assert_eq!(address(3, "1.2.3.4").await, "10.0.0.1");
        // A byte that is not text hides no element that a proxy wrote.
        assert_eq!(address_by(1, &[b"6.6.6.6", b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(address_by(1, &[b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(address_by(2, &[b"6.6.6.6, \xff, 1.2.3.4"]).await, "10.0.0.1");
        for (value, expected) in [
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("1.2.3.4:80", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(address(1, value).await, expected);
        }
    }
}
