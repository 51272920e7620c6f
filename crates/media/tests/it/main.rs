//! Receiving, tried over real sockets with real engines.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod bad_input;
mod claims;
mod crash;
mod create;
mod kitchen;
mod library;
mod live;
mod quota;
mod samples;
#[path = "../../../codec/tests/it/seeds.rs"]
mod seeds;
mod senders;
mod tus;
mod wire;
