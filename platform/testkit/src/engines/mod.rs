//! Real engines for tests: PostgreSQL, NATS with JetStream, an S3 server, a mail server and two with the interface of
//! DynamoDB, each a child of the test that started it.
//!
//! Owns the programs that `dev/engines` installs. Each listens on loopback only (but for DynamoDB Local, which can't),
//! and can be killed, frozen and restarted on the same port and folder. Invariant: an engine that isn't installed fails
//! the test, with the command to type; no test is skipped.

mod dynamodb;
mod mail_server;
mod nats;
mod ports;
mod postgres;
mod program;
mod proxy;
mod s3;
mod shared;
mod tls;

pub use dynamodb::{DynamoDb, DynamoDbServer};
pub use mail_server::{MailServer, MailServerTls, MailStep, ReceivedMail};
pub use nats::Nats;
pub use ports::free_port;
pub use postgres::Postgres;
pub use program::{Program, ReadyCheck};
pub use proxy::{NetworkFault, Proxy};
pub use s3::{S3, S3Account, SharedS3, shared_s3};
pub use shared::{Shared, shared_nats, shared_postgres};
pub use tls::{Authority, TlsTerminator};

use std::path::{Path, PathBuf};

/// Returns the path of a program in the folder that `dev/engines` fills.
fn installed(program: &str) -> PathBuf {
    installed_in("engines", program)
}

/// Returns the path of a program in one of the folders that `dev/engines` fills.
fn installed_in(folder: &str, program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools").join(folder).join(program);
    assert!(
        path.exists(),
        "the engine {program} is not installed. Type `dev/engines` in the repository's folder (`make test` does this \
         too)."
    );
    path.canonicalize().expect("an existing path can be resolved")
}
