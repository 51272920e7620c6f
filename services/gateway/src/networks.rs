//! Networks whose clients may use a listener, in the notation of RFC 4632 and RFC 4291 (`10.0.0.0/8`, `2001:db8::/32`).
//!
//! Invariant: without a list every address may; with one, only an address in a network of the list.

use std::net::IpAddr;
use std::sync::Arc;

/// The networks that may use a listener; clones share the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks(Arc<[Network]>);

/// A network: an address, and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Networks {
    /// Parses a list. Fails with the first text that is no network.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, String> {
        let parse = |text: &String| Network::parse(text.trim()).ok_or_else(|| text.clone());
        texts.iter().map(parse).collect::<Result<Vec<_>, _>>().map(|networks| Self(networks.into()))
    }

    /// Whether every client may use the listener.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a client with this address may use the listener.
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        self.is_everywhere() || self.0.iter().any(|network| network.contains(address.to_canonical()))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all_bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Some(all_bits), |bits| bits.parse().ok())?;
        (prefix_bits <= all_bits).then_some(Self { address, prefix_bits })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix_bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix_bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(networks: &[&str], address: &str) -> bool {
        let texts: Vec<String> = networks.iter().map(|&text| text.to_owned()).collect();
        Networks::parse(&texts).unwrap().admit(address.parse().unwrap())
    }

    #[test]
    fn only_addresses_of_the_list_are_admitted() {
        let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
        for inside in ["10.255.0.1", "192.0.2.7", "2001:db8:1::1", "::ffff:10.0.0.1"] {
            assert!(admits(&networks, inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1", "127.0.0.1"] {
            assert!(!admits(&networks, outside), "{outside}");
        }
        assert!(admits(&[], "203.0.113.9") && admits(&["0.0.0.0/0"], "203.0.113.9"));
        assert!(!admits(&["0.0.0.0/0"], "2001:db8::1"), "another family");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "example.org", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            let texts = ["10.0.0.0/8".to_owned(), wrong.to_owned()];
            assert_eq!(Networks::parse(&texts).unwrap_err(), wrong);
        }
    }
}
