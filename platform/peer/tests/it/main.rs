//! Tests of calls between roles.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod fault_injection;
mod peers;
mod role;
