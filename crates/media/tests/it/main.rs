//! Receiving, tried over real sockets with real engines.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod create;
mod kitchen;
