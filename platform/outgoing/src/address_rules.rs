//! Which addresses a request may go to.
//!
//! A URL that a client has chosen decides where this server connects to, so no address of the server's own
//! networks may be reached (server-side request forgery). Owns the table. Invariant: an address is refused unless it is
//! in a network that the configuration allows, or is globally reachable and not in the table.

use std::net::IpAddr;
use std::sync::LazyLock;

use base::{Network, Networks};

/// IPv4 networks that are not on the public internet: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its
/// updates), multicast (RFC 5771), and what is reserved (RFC 1112 §4).
const REFUSED_IPV4: [&str; 16] = [
    "0.0.0.0/8",        // "this network", also unspecified (RFC 791 §3.2)
    "10.0.0.0/8",       // private use (RFC 1918)
    "100.64.0.0/10",    // shared by carriers, CGNAT (RFC 6598)
    "127.0.0.0/8",      // loopback (RFC 1122 §3.2.1.3)
    "169.254.0.0/16",   // link-local, also the metadata services of clouds (RFC 3927)
    "172.16.0.0/12",    // private use (RFC 1918)
    "192.0.0.0/24",     // IETF protocol assignments (RFC 6890 §2.1)
    "192.0.2.0/24",     // documentation (RFC 5737)
    "192.88.99.0/24",   // relays of 6to4 (RFC 7526)
    "192.168.0.0/16",   // private use (RFC 1918)
    "198.18.0.0/15",    // benchmarking (RFC 2544)
    "198.51.100.0/24",  // documentation (RFC 5737)
    "203.0.113.0/24",   // documentation (RFC 5737)
    "224.0.0.0/4",      // multicast (RFC 5771)
    "240.0.0.0/4",      // reserved (RFC 1112 §4), also limited broadcast (RFC 919)
    "168.63.129.16/32", // a public address that a large cloud uses inside its virtual networks
];

/// The only IPv6 network with global unicast addresses (RFC 4291 §2.4, IANA IPv6 Address Space). What is outside is
/// loopback, unspecified, mapped or translated IPv4 (RFC 6052: 64:ff9b::/96), unique local (RFC 4193), link-local or
/// multicast, or not assigned.
const GLOBAL_IPV6: &str = "2000::/3";

/// What is inside of it and all the same not globally reachable, or leads to an IPv4 address: the IANA IPv6
/// Special-Purpose Address Registry.
const REFUSED_IPV6: [&str; 5] = [
    "2001::/23",     // IETF protocol assignments, with Teredo and benchmarking (RFC 2928, RFC 4380, RFC 5180)
    "2001:db8::/32", // documentation (RFC 3849)
    "2002::/16",     // 6to4: the IPv4 address follows (RFC 3056)
    "3fff::/20",     // documentation (RFC 9637)
    "3ffe::/16",     // returned: the former test network (RFC 3701)
];

static REFUSED: LazyLock<Vec<Network>> =
    LazyLock::new(|| REFUSED_IPV4.iter().chain(&REFUSED_IPV6).filter_map(|text| Network::parse(text)).collect());
static GLOBAL: LazyLock<Option<Network>> = LazyLock::new(|| Network::parse(GLOBAL_IPV6));

/// Which addresses may be reached in an installation.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    /// The networks that are allowed although they are not public.
    allowed: Networks,
}

impl AddressRules {
    /// Returns the rules with these exceptions.
    pub fn new(allowed: Networks) -> Self {
        Self { allowed }
    }

    /// Whether a request may go to an address. Without TLS only to an allowed network.
    pub fn admit(&self, address: IpAddr, is_encrypted: bool) -> bool {
        self.allowed.contains(address) || is_encrypted && is_public(address.to_canonical())
    }

    /// Whether some network is allowed that is not public.
    pub fn has_exceptions(&self) -> bool {
        !self.allowed.is_empty()
    }
}

/// Whether an address, in its canonical form, is on the public internet.
fn is_public(address: IpAddr) -> bool {
    let is_unicast = address.is_ipv4() || GLOBAL.is_some_and(|global| global.contains(address));
    is_unicast && !REFUSED.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(rules: &AddressRules, address: &str) -> bool {
        rules.admit(address.parse().unwrap(), true)
    }

    #[test]
    fn the_whole_table_is_read() {
        assert_eq!(REFUSED.len(), REFUSED_IPV4.len() + REFUSED_IPV6.len());
        assert!(GLOBAL.is_some());
    }

    #[test]
    fn only_public_addresses_are_admitted() {
        let rules = AddressRules::default();
        for address in ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(admits(&rules, address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!admits(&rules, address), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_is_reached_also_without_tls_and_no_other_is() {
        let allowed = ["127.0.0.0/8", "fd00::/8"].map(str::to_owned);
        let rules = AddressRules::new(Networks::parse(&allowed).unwrap());
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "fd00::1"] {
            assert!(rules.admit(address.parse().unwrap(), false), "{address}");
        }
        assert!(!admits(&rules, "10.0.0.1") && admits(&rules, "1.1.1.1"));
        assert!(!rules.admit("1.1.1.1".parse().unwrap(), false), "without TLS");
    }
}
