//! Where a role's instances are: fixed IP addresses, and host names that are resolved again and again.
//!
//! Owns no connection. Invariant: a name that can't be resolved right now keeps the instances it had.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;

/// An unresponsive name server should not hold up the others.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// A text that is not a URL of a peer.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a URL of a role; write it like \"http://10.0.0.7:8080\" or \"http://media.internal:8080\"")]
pub struct InvalidPeerUrl(pub String);

/// One URL of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Ip(SocketAddr),
    Host(String, u16),
}

/// The URLs of a role's instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUrls(Vec<Endpoint>);

impl PeerUrls {
    /// Parses URLs such as `http://10.0.0.7:8080`, `http://[fd00::7]:8080`, `http://media.internal:8080`.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, InvalidPeerUrl> {
        texts
            .iter()
            .map(|text| parse_endpoint(text.as_ref()).ok_or_else(|| InvalidPeerUrl(text.as_ref().to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a host name is among them.
    pub(super) fn has_names(&self) -> bool {
        self.0.iter().any(|address| matches!(address, Endpoint::Host(..)))
    }
}

impl std::fmt::Display for PeerUrls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, address) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            match address {
                Endpoint::Ip(address) => write!(f, "http://{address}")?,
                Endpoint::Host(host, port) => write!(f, "http://{host}:{port}")?,
            }
        }
        Ok(())
    }
}

fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let uri: Uri = text.trim().parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    if uri.scheme_str() != Some("http") || uri.path() != "/" || uri.query().is_some() || authority.host().is_empty() {
        return None;
    }
    // Not `port_u16`, which returns no port for an invalid one; it would become 80.
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => 80,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    Some(
        host.parse::<IpAddr>()
            .map_or_else(|_| Endpoint::Host(host.to_owned(), port), |ip| Endpoint::Ip(SocketAddr::new(ip, port))),
    )
}

/// Resolves names and keeps the last good result of each.
#[derive(Debug)]
pub(super) struct Resolver {
    urls: PeerUrls,
    last: Vec<Vec<SocketAddr>>,
}

impl Resolver {
    pub(super) fn new(urls: PeerUrls) -> Self {
        let last = urls.0.iter().map(|_| Vec::new()).collect();
        Self { urls, last }
    }

    /// Returns every instance once, and why some name could not be resolved. Takes 3 s at most.
    pub(super) async fn resolve(&mut self) -> (Vec<SocketAddr>, Option<String>) {
        let found = futures::future::join_all(self.urls.0.iter().map(lookup)).await;
        let mut failed = None;
        for (last, found) in self.last.iter_mut().zip(found) {
            match found {
                Ok(found) => *last = found,
                Err(reason) => failed = Some(reason),
            }
        }
        let mut all: Vec<SocketAddr> = self.last.iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        (all, failed)
    }
}

async fn lookup(address: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = match address {
        Endpoint::Ip(address) => return Ok(vec![*address]),
        Endpoint::Host(host, port) => (host, *port),
    };
    match tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host.as_str(), port))).await {
        Err(_) => Err(format!("the name {host} was not resolved within {} s", LOOKUP_TIMEOUT.as_secs())),
        Ok(Err(error)) => Err(format!("the name {host} can't be resolved: {error}")),
        Ok(Ok(found)) => Some(found.collect::<Vec<_>>())
            .filter(|found| !found.is_empty())
            .ok_or_else(|| format!("the name {host} has no address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_ip_addresses_or_names_and_nothing_else() {
        let read = PeerUrls::parse(&[
            "http://10.0.0.7:8080/",
            "http://[::1]:81",
            "http://media.internal:8080",
            "http://media",
        ])
        .unwrap();
        assert_eq!(
            read.to_string(),
            "http://10.0.0.7:8080, http://[::1]:81, http://media.internal:8080, http://media:80"
        );
        assert!(read.has_names());
        for bad in [
            "",
            "10.0.0.7:8080",
            "https://media",
            "http://media/path",
            "http://media?x",
            "http://me@media",
            "http://media:99999",
            "http://:80",
            "http://a b",
        ] {
            let error = PeerUrls::parse(&[bad]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }

    #[tokio::test]
    async fn a_failed_lookup_keeps_the_last_answer() {
        let mut resolver =
            Resolver::new(PeerUrls::parse(&["http://127.0.0.1:1", "http://no-such-name.invalid:2"]).unwrap());
        resolver.last[1] = vec![SocketAddr::from(([10, 0, 0, 2], 2))];
        let (all, failed) = resolver.resolve().await;
        assert_eq!(all.len(), 2);
        assert!(failed.unwrap().contains("no-such-name.invalid"));
    }
}
