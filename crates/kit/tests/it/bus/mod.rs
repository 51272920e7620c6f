//! What a bus must do: the engines' promises (`conformance`), consumers and relays at work on them (`work`), live
//! updates (`broadcast`), and a server that is killed, frozen, wiped or missing (`nats`).

mod broadcast;
mod conformance;
mod harness;
mod nats;
mod throughput;
mod work;
