//! Tests of the engines that a process opens.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod mails;
mod tls;
