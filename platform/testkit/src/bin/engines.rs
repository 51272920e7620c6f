//! Starts PostgreSQL, NATS and an S3 server, runs a command with their URLs in its environment, and stops them.
//!
//! With `engines cargo nextest run` the tests share these engines instead of starting their own. Invariant: it exits
//! with the command's exit code.

use std::process::{Command, ExitCode};

use testkit::engines::{Nats, Postgres, S3};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: engines COMMAND [ARGUMENT…]");
        return ExitCode::from(2);
    };
    let (postgres, nats, s3) = (Postgres::start(), Nats::start(), S3::start());
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env("TUTTI_TEST_POSTGRES_URL", postgres.url())
        .env("TUTTI_TEST_NATS_URL", nats.url())
        .env("TUTTI_TEST_S3_ENDPOINT", &s3.account.endpoint);
    match command.status() {
        Ok(status) => status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1))),
        Err(error) => {
            eprintln!("{} can't be run: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
