//! Ports for programs that bind them later, possibly several times.
//!
//! Invariant: no two tests that run on this machine at the same time are given the same port.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};

use parking_lot::Mutex;

/// Claims on ports. Each is a UDP socket of the same port number, which no engine uses, held while this process lives.
static CLAIMS: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// Returns a port on which no process listens and which no other caller is given.
///
/// It lies below the ports that the system gives to outgoing connections. Otherwise a client that connects while the
/// engine is dead could be given the engine's own port and connect to itself, and the restart would find the port
/// taken.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..30_000);
        let free = UdpSocket::bind(("127.0.0.1", port))
            .and_then(|claim| TcpListener::bind(("127.0.0.1", port)).map(|_| claim));
        match free {
            Ok(claim) => {
                CLAIMS.lock().push(claim);
                return port;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse, "no port can be bound: {error}"),
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
