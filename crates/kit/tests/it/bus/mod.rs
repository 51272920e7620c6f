//! What a bus must do: the engines' promises (`promises`), consumers and relays at work on them (`work`), live updates (`live`),
//! and a server that is killed, frozen, wiped or not there (`nats`).

mod broadcast;
mod conformance;
mod harness;
mod nats;
mod throughput;
mod work;
