//! Requests to servers that people name: which addresses they may go to, and what such a server can ask for.
//!
//! Owns the rule, the resolver that applies it, and how requests are signed. Does not own a client: what a request is,
//! and what follows from its response, is the role's. Invariant: the address that is checked is the address that is
//! connected.

mod address_rules;
mod options;
mod resolver;
mod retry_after;
pub mod signature;

use std::net::IpAddr;

use url::{Host, Url};

pub use address_rules::AddressRules;
pub use options::{certificates, networks};
pub use resolver::{Lookup, LookupError, Resolver, system_lookup};
pub use retry_after::parse_retry_after;

/// Returns the address that a URL names itself, in any of the ways in which URLs write addresses. A resolver is not
/// asked about it, so it must be checked before the request.
pub fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}
