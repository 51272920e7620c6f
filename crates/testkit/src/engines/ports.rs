//! Ports for programs that are told where to listen, which may be seconds later and again and again.
//!
//! Invariant: no two of all tests that run on this machine are given the same port.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// What says that a port is taken: the UDP port of the same number, which no engine uses, for as long as this process lives.
static CLAIMS: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port that nobody listens on and nobody else is given, below those that the system hands to outgoing connections: a client that
/// knocks while the engine is dead could otherwise be given the engine's own port and connect to itself, and the restart would find it taken.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..30_000);
        let free = UdpSocket::bind(("127.0.0.1", port)).and_then(|claim| TcpListener::bind(("127.0.0.1", port)).map(|_| claim));
        match free {
            Ok(claim) => {
                CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
                return port;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse, "no port can be had: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let mut ports: Vec<u16> = (0..500).map(|_| free_port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 500);
    }
}
