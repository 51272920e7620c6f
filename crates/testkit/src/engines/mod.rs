//! Real engines for tests: PostgreSQL, NATS with JetStream, and an S3 server, each a child of the test that started it.
//!
//! Owns the programs that `dev/engines` installs. Each listens on loopback only and can be killed, frozen and started again on the
//! same port and folder. Invariant: an engine that isn't there fails the test, with what to type; it is never skipped.

mod nats;
mod postgres;
mod program;
mod proxy;
mod s3;
mod shared;
mod tls;

pub use nats::Nats;
pub use postgres::Postgres;
pub use program::{Program, Ready};
pub use proxy::{Proxy, Weather};
pub use s3::{S3, S3Account, SharedS3, shared_s3};
pub use shared::{Shared, shared_nats, shared_postgres};
pub use tls::{Authority, TlsFront};

use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// The folder that `dev/engines` fills.
fn installed(program: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/engines");
    let path = root.join(program);
    assert!(path.exists(), "the engine {program} is not installed. Type `dev/engines` in the repository's folder (`make test` does so by itself).");
    path.canonicalize().expect("a path that exists can be resolved")
}

/// A port that nobody listens on now, below those that the system hands to outgoing connections: a client that knocks while the
/// engine is dead could otherwise be given the engine's own port and connect to itself, and the restart would find it taken.
pub fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(10_000..30_000)).find(free).expect("an endless iterator has a next")
}
