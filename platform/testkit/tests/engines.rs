//! The engines themselves: they start, restart after a kill, and respond to nothing while frozen.

#![allow(clippy::unwrap_used, reason = "tests may unwrap, also in their helper functions")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use testkit::engines::{Nats, NetworkFault, Postgres, Proxy, S3};

/// How long to wait for a response that must come.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long there must be no response.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(500);

/// Sends a request and returns the first bytes of the response.
fn read_greeting(port: u16, request: &str, wait: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(wait))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = [0; 64];
    let read = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..read]).into_owned())
}

#[test]
fn nats_is_frozen_thawed_killed_and_started_again() {
    let mut nats = Nats::start();
    assert!(
        read_greeting(nats.port(), "", RESPONSE_TIMEOUT).is_ok_and(|greeting| greeting.starts_with("INFO")),
        "{}",
        nats.program.logs()
    );
    nats.program.freeze();
    assert!(read_greeting(nats.port(), "", SILENCE_TIMEOUT).is_err(), "it responded while frozen");
    nats.program.thaw();
    assert!(read_greeting(nats.port(), "", RESPONSE_TIMEOUT).is_ok());
    nats.program.kill();
    assert!(TcpStream::connect(("127.0.0.1", nats.port())).is_err());
    nats.program.restart();
    assert!(read_greeting(nats.port(), "", RESPONSE_TIMEOUT).is_ok());
}

#[test]
fn postgres_starts_again_after_a_kill() {
    let mut postgres = Postgres::start();
    // An SSLRequest (PostgreSQL manual, 54.7); the response is one letter.
    let ask = |port: u16, wait: Duration| {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(wait))?;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut letter = [0];
        stream.read_exact(&mut letter).map(|()| letter[0])
    };
    assert_eq!(ask(postgres.port(), RESPONSE_TIMEOUT).unwrap(), b'N', "{}", postgres.program.logs());
    postgres.program.freeze();
    assert!(ask(postgres.port(), SILENCE_TIMEOUT).is_err(), "it responded while frozen");
    postgres.program.thaw();
    postgres.program.kill();
    postgres.program.restart();
    assert_eq!(ask(postgres.port(), RESPONSE_TIMEOUT).unwrap(), b'N', "{}", postgres.program.logs());
}

#[test]
fn s3_refuses_unsigned_requests() {
    let s3 = S3::start();
    let response = read_greeting(
        s3.port(),
        "GET /tutti/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        RESPONSE_TIMEOUT,
    )
    .unwrap();
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
}

#[test]
fn a_proxy_forwards_blackholes_and_cuts() {
    let nats = Nats::start();
    let proxy = Proxy::before(nats.port());
    assert!(read_greeting(proxy.port(), "", RESPONSE_TIMEOUT).is_ok_and(|greeting| greeting.starts_with("INFO")));
    proxy.set(NetworkFault::Blackhole);
    assert!(read_greeting(proxy.port(), "", SILENCE_TIMEOUT).is_err(), "a byte passed");
    proxy.set(NetworkFault::None);
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = [0; 4];
    open.read_exact(&mut bytes).unwrap();
    proxy.cut_once();
    let mut rest = Vec::new();
    // The connection ends or is reset; either is right.
    let _ = open.read_to_end(&mut rest);
    assert!(
        read_greeting(proxy.port(), "", RESPONSE_TIMEOUT).is_ok_and(|greeting| greeting.starts_with("INFO")),
        "new connections pass"
    );
    proxy.set(NetworkFault::Cut);
    assert!(!read_greeting(proxy.port(), "", RESPONSE_TIMEOUT).is_ok_and(|greeting| greeting.starts_with("INFO")));
}
