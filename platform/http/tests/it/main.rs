//! Tests of the HTTP layers over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod http;
mod idempotency;
mod token_rules;
mod tokens;
