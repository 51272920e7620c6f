//! The engines themselves: they start, survive a kill with what they were told, and answer nothing while frozen.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use testkit::engines::{Nats, NetworkFault, Postgres, Proxy, S3};

/// How long an answer that must come is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// How long silence must last to be believed.
const SILENCE: Duration = Duration::from_millis(500);

/// The first words of whoever listens there, after a request.
fn first_words(port: u16, request: &str, wait: Duration) -> std::io::Result<String> {
    let mut door = TcpStream::connect(("127.0.0.1", port))?;
    door.set_read_timeout(Some(wait))?;
    door.write_all(request.as_bytes())?;
    let mut words = [0; 64];
    let read = door.read(&mut words)?;
    Ok(String::from_utf8_lossy(&words[..read]).into_owned())
}

#[test]
fn nats_is_frozen_thawed_killed_and_started_again() {
    let mut nats = Nats::start();
    assert!(first_words(nats.port(), "", ANSWER).is_ok_and(|words| words.starts_with("INFO")), "{}", nats.program.logs());
    nats.program.freeze();
    assert!(first_words(nats.port(), "", SILENCE).is_err(), "it answered in its sleep");
    nats.program.thaw();
    assert!(first_words(nats.port(), "", ANSWER).is_ok());
    nats.program.kill();
    assert!(TcpStream::connect(("127.0.0.1", nats.port())).is_err());
    nats.program.again();
    assert!(first_words(nats.port(), "", ANSWER).is_ok());
}

#[test]
fn postgres_starts_again_after_a_kill() {
    let mut postgres = Postgres::start();
    // An SSL request (PostgreSQL manual, 54.7): it answers one letter.
    let ask = |port: u16, wait: Duration| {
        let mut door = TcpStream::connect(("127.0.0.1", port))?;
        door.set_read_timeout(Some(wait))?;
        door.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut letter = [0];
        door.read_exact(&mut letter).map(|()| letter[0])
    };
    assert_eq!(ask(postgres.port(), ANSWER).unwrap(), b'N', "{}", postgres.program.logs());
    postgres.program.freeze();
    assert!(ask(postgres.port(), SILENCE).is_err(), "it answered in its sleep");
    postgres.program.thaw();
    postgres.program.kill();
    postgres.program.again();
    assert_eq!(ask(postgres.port(), ANSWER).unwrap(), b'N', "{}", postgres.program.logs());
}

#[test]
fn s3_lets_in_only_who_signs() {
    let s3 = S3::start();
    let answer = first_words(s3.port(), "GET /tutti/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", ANSWER).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn a_proxy_passes_swallows_and_cuts() {
    let nats = Nats::start();
    let proxy = Proxy::before(nats.port());
    assert!(first_words(proxy.port(), "", ANSWER).is_ok_and(|words| words.starts_with("INFO")));
    proxy.set(NetworkFault::Swallow);
    assert!(first_words(proxy.port(), "", SILENCE).is_err(), "it was swallowed");
    proxy.set(NetworkFault::None);
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut words = [0; 4];
    open.read_exact(&mut words).unwrap();
    proxy.cut_once();
    let mut rest = Vec::new();
    // An end or a reset: either way it is over.
    let _ = open.read_to_end(&mut rest);
    assert!(first_words(proxy.port(), "", ANSWER).is_ok_and(|words| words.starts_with("INFO")), "new connections pass");
    proxy.set(NetworkFault::Cut);
    assert!(!first_words(proxy.port(), "", ANSWER).is_ok_and(|words| words.starts_with("INFO")));
}
