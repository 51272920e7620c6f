//! What a bus must do: the engines' promises (`conformance`), consumers and relays at work on them (`work`), live
//! updates (`broadcast`), traces (`spans`), and a server that is killed, frozen, wiped or missing (`nats`).

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod broadcast;
mod conformance;
mod harness;
mod nats;
mod spans;
mod throughput;
mod work;
