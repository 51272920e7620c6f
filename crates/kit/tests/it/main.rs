//! The ports' conformance suites, on real engines. Each suite takes the port and nothing else, so
//! that every engine runs the same one.

mod bus;
mod db;
mod http;
mod objects;
mod schedule;
