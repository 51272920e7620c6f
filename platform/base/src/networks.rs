//! IP networks, in the notation of RFC 4632 and RFC 4291 (`10.0.0.0/8`, `2001:db8::/32`), and lists of them.
//!
//! Does not own what a list is for. Invariant: an IPv4 address that is mapped into IPv6 is the IPv4 address.

use std::net::IpAddr;
use std::sync::Arc;

/// A list of networks; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Networks(Arc<[Network]>);

/// A network: an address, and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Networks {
    /// Parses a list. Fails with the first text that is no network.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let parse = |text: &String| Network::parse(text.trim()).ok_or_else(|| text.clone());
        texts.iter().map(parse).collect::<Result<Vec<_>, _>>().map(|networks| Self(networks.into()))
    }

    /// Whether the list has no network.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in a network of the list.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }
}

impl Network {
    /// Parses a network, or a single address; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all_bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Some(all_bits), |bits| bits.parse().ok())?;
        (prefix_bits <= all_bits).then_some(Self { address, prefix_bits })
    }

    /// Whether an address, in the form in which it is given, is in the network.
    pub fn contains(self, address: IpAddr) -> bool {
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

    fn contains(networks: &[&str], address: &str) -> bool {
        let texts: Vec<String> = networks.iter().map(|&text| text.to_owned()).collect();
        Networks::parse(&texts).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_list_contains_the_addresses_of_its_networks_only() {
        let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
        for inside in ["10.255.0.1", "192.0.2.7", "2001:db8:1::1", "::ffff:10.0.0.1"] {
            assert!(contains(&networks, inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1", "127.0.0.1"] {
            assert!(!contains(&networks, outside), "{outside}");
        }
        assert!(contains(&["0.0.0.0/0"], "203.0.113.9") && !contains(&[], "203.0.113.9"));
        assert!(!contains(&["0.0.0.0/0"], "2001:db8::1"), "another family");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "example.org", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            let texts = ["10.0.0.0/8".to_owned(), wrong.to_owned()];
            assert_eq!(Networks::parse(&texts).unwrap_err(), wrong);
        }
    }
}
