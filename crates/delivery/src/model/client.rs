//! Who waits for a picture, as far as its share of the work goes.
//!
//! Invariant: a client that changes its address within its network, or has no name at all, is still one client.

use std::net::IpAddr;

use uuid::Uuid;

/// A share's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A member, by token.
    Member(Uuid),
    /// Everyone without a token at one address (IPv6: one /64).
    Prefix(IpAddr),
    /// Requests of which nothing is known; they share one share.
    Unknown,
    /// The process itself, for what no request waits for. Everyone goes before it.
    Background,
}
