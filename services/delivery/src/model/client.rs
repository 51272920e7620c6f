//! The client of a request, for the fair sharing of renders.
//!
//! Invariant: a client that changes its address within its network, or has no name at all, is still one client.

use std::net::IpAddr;

use uuid::Uuid;

/// The holder of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A member, by token.
    Member(Uuid),
    /// All requests without a token from one address (IPv6: one /64).
    Prefix(IpAddr),
    /// Requests of unknown origin; together they have one share.
    Unknown,
    /// The process itself, for work that no request waits for. All others take precedence.
    Background,
}
