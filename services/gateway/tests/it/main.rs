//! Tests of the gateway in front of fake roles, over real HTTP listeners.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod browsers;
mod drain;
mod fleet;
mod floods;
mod forwarding;
mod harness;
mod http2;
mod limits;
mod operators;
mod previews;
mod screens;
mod smuggling;
mod static_files;
mod streams;
mod websocket;
