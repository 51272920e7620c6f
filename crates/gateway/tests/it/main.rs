//! The gateway in front of roles that play elsewhere: a real door before real doors.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod browsers;
mod drain;
mod forwarding;
mod harness;
mod limits;
mod smuggling;
mod static_files;
mod streams;
mod websocket;
