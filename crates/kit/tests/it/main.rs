//! The ports' conformance suites, on real engines. Each suite takes the port and nothing else, so
//! that every engine runs the same one.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod bus;
mod db;
mod fault_injection;
mod http;
mod idempotency;
mod objects;
mod peers;
mod role;
mod schedule;
mod tls;
mod tokens;
mod transfer;
