//! Tests of the HTTP layers over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod floods;
mod http;
mod http2_floods;
mod idempotency;
mod secure;
mod spans;
mod tls;
mod token_rules;
mod tokens;
